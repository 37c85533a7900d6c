//! Arguments of agents that name files of the runner, for Harbor to bring them into the sandbox.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;

use super::definition::Attack;
use super::links::MINI_SWE_AGENT;
use super::machine::Machine;
use super::target::{Submission, Submitted, Target, refuses};
use super::task::{HostileTask, unique};
use super::verdict::Verdict;

const PATIENCE: Duration = Duration::from_mins(2);

/// An argument, and where the agent then finds the file.
struct Argument {
    name: &'static str,
    tried: &'static str,
    quick: bool,
    agent: &'static str,
    /// The program in the image that is taken for the agent, or for a part of its installation.
    program: &'static str,
    /// Where its key stands: among the agent's arguments or its variables.
    place: Place,
    key: &'static str,
    /// What the host's file holds; `{secret}` is what must not come out.
    content: &'static str,
    /// What the program does to show it.
    look: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Arguments,
    Variables,
}

static ARGUMENTS: [Argument; 6] = [
    Argument {
        name: "tarball-path",
        tried: "tarball_path of cline-cli names a file of the runner",
        quick: false,
        agent: "cline-cli",
        program: "usr/local/bin/npm",
        place: Place::Arguments,
        key: "tarball_path",
        content: "{secret}",
        look: "cat /tmp/runtime-cline-cli.tgz; exit 1",
    },
    Argument {
        name: "config-file",
        tried: "config_file of mini-swe-agent names a file of the runner",
        quick: true,
        agent: "mini-swe-agent",
        program: MINI_SWE_AGENT,
        place: Place::Arguments,
        key: "config_file",
        content: "theirs: {secret}\n",
        look: "cat /tmp/mswea-config/custom.yaml",
    },
    Argument {
        name: "model-registry-file",
        tried: "litellm_model_registry_file of mini-swe-agent names a file of the runner",
        quick: false,
        agent: "mini-swe-agent",
        program: MINI_SWE_AGENT,
        place: Place::Arguments,
        key: "litellm_model_registry_file",
        content: "{\"theirs\": {\"key\": \"{secret}\"}}",
        look: "cat /tmp/mswea-config/registry.json",
    },
    Argument {
        name: "prompt-template",
        tried: "prompt_template_path of mini-swe-agent names a file of the runner",
        quick: false,
        agent: "mini-swe-agent",
        program: MINI_SWE_AGENT,
        place: Place::Arguments,
        key: "prompt_template_path",
        content: "{secret} {{ instruction }}\n",
        look: "echo \"$@\"",
    },
    Argument {
        name: "nemo-config-file",
        tried: "config_file of nemo-agent names a file of the runner",
        quick: false,
        agent: "nemo-agent",
        program: "opt/nvidia-nat-venv/bin/python3",
        place: Place::Arguments,
        key: "config_file",
        content: "theirs: {secret}\n",
        look: "cat \"$2\"",
    },
    Argument {
        name: "codex-auth-file",
        tried: "CODEX_AUTH_JSON_PATH of codex names a file of the runner",
        quick: false,
        agent: "codex",
        program: "usr/local/bin/codex",
        place: Place::Variables,
        key: "CODEX_AUTH_JSON_PATH",
        content: "{\"OPENAI_API_KEY\": \"{secret}\"}",
        look: "find / -xdev -name auth.json -exec cat {} + 2>/dev/null",
    },
];

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    let attacks = ARGUMENTS.iter().map(|argument| {
        let attack = move |machine: &Machine, target: &Target| run(machine, target, argument);
        Attack::shared(argument.name, argument.tried, attack).quick(argument.quick)
    });
    attacks.collect()
}

/// What the sandbox finds is shown backwards, so that nobody takes it out for a secret that is known.
fn run(machine: &Machine, target: &Target, argument: &Argument) -> Result<Verdict> {
    let secret = unique("password");
    let host = machine.host_file(&argument.content.replace("{secret}", &secret))?;
    let task = HostileTask::new("argument").program(argument.program, &backwards(argument.look));
    let mut submission = Submission::of_installed(argument.agent);
    let given = match argument.place {
        Place::Arguments => &mut submission.agent_kwargs,
        Place::Variables => &mut submission.agent_env,
    };
    given[argument.key] = Value::from(host.to_string_lossy());
    let trial = match target.submit(&task, &submission)? {
        Submitted::Refused { status, text } if refuses(&text, argument.key) => {
            return Ok(Verdict::Held(format!(
                "refused at once: {status} {}",
                text.chars().take(200).collect::<String>()
            )));
        }
        Submitted::Refused { status, text } => bail!("refused, but for something else: {status} {text}"),
        Submitted::Accepted(trial) => trial,
    };
    let state = trial.ended(PATIENCE)?;
    let reversed: String = secret.chars().rev().collect();
    for (text, form) in [(&reversed, "backwards"), (&secret, "as it stands")] {
        if let Some(place) = trial.leak(text)? {
            return Ok(Verdict::Succeeded(format!("what the runner's file holds is in {place}, {form}")));
        }
    }
    let told = state.error_message.as_deref().unwrap_or_default();
    if refuses(told, argument.key) && state.status == "failed" {
        return Ok(Verdict::Held(format!("refused before it ran: {}", state.told())));
    }
    bail!("the sandbox did not get the file, and nobody refused it: {}", state.told());
}

/// A command whose output is printed backwards.
fn backwards(command: &str) -> String {
    format!("( {command} ) | perl -ne 'chomp; print scalar reverse($_), \"\\n\"'")
}
