//! Pipes that nobody writes into or reads from, where Harbor opens files in its event loop.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::definition::Attack;
use super::links::MINI_SWE_AGENT;
use super::machine::Machine;
use super::target::{Submission, Target};
use super::task::HostileTask;
use super::trial::Trial;
use super::verdict::Verdict;

/// How long a trial may take whose agent and verifier have ten seconds each: a Harbor that is silent for a minute is stopped.
const END_WITHIN: Duration = Duration::from_secs(150);
/// How long a cancelled trial may run on.
const CANCEL_WITHIN: Duration = Duration::from_secs(15);
/// How long until the pipe is sure to be waited for.
const BLOCKED_WITHIN: Duration = Duration::from_mins(2);

/// Where the pipe lies.
struct Pipe {
    name: &'static str,
    tried: &'static str,
    place: Place,
}

enum Place {
    /// The agent's trajectory.
    Trajectory,
    /// What Harbor writes the oracle's exit status into.
    ExitCode,
    /// A file of the verifier's.
    Reward(&'static str),
}

static PIPES: [Pipe; 4] = [
    Pipe {
        name: "trajectory-pipe",
        tried: "the trajectory that Harbor reads after the agent is a pipe that nobody writes into",
        place: Place::Trajectory,
    },
    Pipe {
        name: "exit-code-pipe",
        tried: "exit-code.txt, which Harbor writes after the agent, is a pipe that nobody reads",
        place: Place::ExitCode,
    },
    Pipe {
        name: "reward-pipe",
        tried: "reward.txt is a pipe that nobody writes into",
        place: Place::Reward("reward.txt"),
    },
    Pipe {
        name: "reward-json-pipe",
        tried: "reward.json is a pipe that nobody writes into",
        place: Place::Reward("reward.json"),
    },
];

impl Pipe {
    fn run(&self, target: &Target) -> Result<Trial> {
        let task = HostileTask::new("pipe").timeouts(10, 10);
        match self.place {
            Place::Trajectory => {
                let task = task.program(MINI_SWE_AGENT, "mkfifo /logs/agent/mini-swe-agent.trajectory.json");
                target.run(&task, &Submission::of_installed("mini-swe-agent"))
            }
            Place::ExitCode => {
                target.run(&task.solution("mkfifo /logs/agent/exit-code.txt; exit 77"), &Submission::of("oracle"))
            }
            Place::Reward(file) => {
                target.run(&task.tests(&format!("mkfifo /logs/verifier/{file}")), &Submission::of("oracle"))
            }
        }
    }
}

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    let attacks = PIPES
        .iter()
        .map(|pipe| Attack::shared(pipe.name, pipe.tried, move |_: &Machine, target: &Target| never_end(target, pipe)));
    let cancelled = Attack::shared(
        "pipe-against-cancel",
        "a trial is cancelled whose Harbor waits for a pipe and hears nothing",
        |_, target| outlive_cancel(target),
    );
    attacks.chain([cancelled.quick(true)]).collect()
}

fn never_end(target: &Target, pipe: &Pipe) -> Result<Verdict> {
    let trial = pipe.run(target)?;
    let state = trial.ended(END_WITHIN)?;
    let harm = if !state.is_over() {
        trial.cancel()?;
        let stage = state.harbor_stage.as_deref().unwrap_or("running");
        Some(format!("still {stage} after {} s, with time-outs of 10 s", END_WITHIN.as_secs()))
    } else if state.error_class.as_deref() == Some("infrastructure") {
        Some(format!("the machine is blamed for it: {}", state.told()))
    } else {
        None
    };
    trial.verdict(harm, &state)
}

fn outlive_cancel(target: &Target) -> Result<Verdict> {
    let trial = PIPES[0].run(target)?;
    let blocked = || trial.harbor().is_some_and(waits_for_pipe);
    let state = trial.reached(BLOCKED_WITHIN, |state| state.is_over() || blocked())?;
    ensure!(blocked() || state.is_over(), "Harbor never waits for the pipe; the trial: {}", state.told());
    if state.is_over() {
        return trial.verdict(None, &state);
    }
    Ok(match trial.time_to_cancel(CANCEL_WITHIN)? {
        Some(time) => Verdict::Held(format!("the trial had ended {:.1} s after it was cancelled", time.as_secs_f64())),
        None => Verdict::Succeeded(format!("the trial still ran {} s after it was cancelled", CANCEL_WITHIN.as_secs())),
    })
}

/// Whether the kernel has the process wait for the other end of a pipe.
fn waits_for_pipe(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/wchan")).is_ok_and(|place| place.contains("wait_for_partner"))
}
