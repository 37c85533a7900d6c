//! Containers and networks that outlive their trial.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::definition::Attack;
use super::docker_relay::DockerRelay;
use super::machine::Machine;
use super::process_table::processes;
use super::target::Submission;
use super::task::HostileTask;
use super::verdict::Verdict;
use crate::interrupt;

/// How long after the beginning of the tear-down the server is stopped, in milliseconds; one after the other.
const AIMS: [u64; 5] = [200, 0, 400, 100, 700];
/// Trials at once: each is in another moment of its tear-down when the server is stopped.
const TRIALS: u32 = 4;
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a command to Docker may still make or remove something.
const SETTLED_WITHIN: Duration = Duration::from_secs(4);
/// How long the server may take to find what is left, while it runs or after its start.
const FOUND_WITHIN: Duration = Duration::from_secs(30);

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::own(
            "stopped-in-tear-down",
            "the server is told to stop while Harbor takes the sandboxes of finished trials down",
            stop_in_tear_down,
        ),
        Attack::own(
            "docker-away-at-the-end",
            "Docker goes away while the tests of a trial run, and comes back when the attempt is over",
            take_docker_away,
        ),
    ]
}

fn stop_in_tear_down(machine: &Machine) -> Result<Verdict> {
    for (round, aim) in AIMS.into_iter().enumerate() {
        let target = machine.start(&format!("tear-down-{round}"))?;
        let submission = Submission { trials: TRIALS, ..Submission::of("oracle") };
        let trial = target.run(&HostileTask::new("honest"), &submission)?;
        let scratch = target.folder.join("harbor-jobs").join(format!("{}-", trial.task_id));
        let deadline = Instant::now() + PATIENCE;
        while processes(&scratch.to_string_lossy(), " down ").is_empty() {
            interrupt::check()?;
            if Instant::now() > deadline || trial.state()?.is_over() {
                bail!("no tear-down was seen; the trial: {}", trial.state()?.told());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(aim));
        target.stack.stop()?;
        std::thread::sleep(SETTLED_WITHIN);
        let mut left = Vec::new();
        for number in 0..TRIALS {
            let project = format!("{}-{number}-a1__env", trial.task_id);
            let of_trial = machine.of_project(&project)?;
            if !of_trial.is_empty() {
                machine.remove_project(&project)?;
            }
            left.extend(of_trial);
        }
        if !left.is_empty() {
            return Ok(Verdict::Succeeded(format!("stop {} of {}: {} stay", round + 1, AIMS.len(), left.join(", "))));
        }
    }
    Ok(Verdict::Held(format!("nothing was left of {TRIALS} trials after any of {} stops", AIMS.len())))
}

fn take_docker_away(machine: &Machine) -> Result<Verdict> {
    let relay = DockerRelay::start(&machine.folder("docker-away")?)?;
    let server = || -> Result<std::process::Command> {
        let mut server = machine.server_program()?;
        server.env("DOCKER_HOST", relay.url());
        Ok(server)
    };
    let mut target = machine.launch("docker-away", server()?)?;
    let task = HostileTask::new("away").tests("echo 1 > /logs/verifier/reward.txt; sleep 8");
    let trial = target.run(&task, &Submission::of("oracle"))?;
    let state =
        trial.reached(PATIENCE, |state| state.is_over() || state.harbor_stage.as_deref() == Some("verification"))?;
    if state.is_over() {
        bail!("the trial ended before its tests ran: {}", state.told());
    }
    std::thread::sleep(Duration::from_secs(3));
    relay.cut();
    let state = trial.ended(PATIENCE)?;
    if machine.of_project(&trial.project())?.is_empty() {
        bail!("Docker was away, and yet nothing is left: {}", state.told());
    }
    relay.mend();
    // Another try would have a project of its own, but use this trial's image.
    trial.cancel()?;
    let mut left = gone_within(machine, &trial.project())?;
    let mut when = "after the attempt";
    if !left.is_empty() {
        target.stack.restart(server()?).context("the server does not start again")?;
        left = gone_within(machine, &trial.project())?;
        when = "after the server's next start";
    }
    target.stack.stop()?;
    if left.is_empty() {
        return Ok(Verdict::Held(format!("what was left was removed {when}; {}", state.told())));
    }
    machine.remove_project(&trial.project())?;
    Ok(Verdict::Succeeded(format!("{} stay, also {when}", left.join(", "))))
}

/// What is still there of a project when somebody had the time to remove it.
fn gone_within(machine: &Machine, project: &str) -> Result<Vec<String>> {
    let deadline = Instant::now() + FOUND_WITHIN;
    loop {
        let left = machine.of_project(project)?;
        if left.is_empty() || Instant::now() > deadline {
            return Ok(left);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
