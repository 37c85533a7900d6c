//! The whole way on this machine: a task goes in at the CLI, and rewards, logs and artifacts come out.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::database::throw_away_folder;
use crate::process;
use crate::programs::build_programs;
use crate::progress::{say, step};
use crate::setup::{self, Toolbox};
use crate::stack::{self, Stack};
use crate::{http, leftovers, workspace};

const TASK: &str = "examples/tasks/hello";
const TRIALS: usize = 2;
/// The agents of the demo and the reward that each must get: `oracle` applies the task's own solution, `nop` does nothing.
const AGENTS: [(&str, f64); 2] = [("oracle", 1.0), ("nop", 0.0)];

#[derive(Deserialize)]
struct Task {
    id: String,
    trials: Vec<Trial>,
}

#[derive(Deserialize)]
struct Trial {
    id: String,
    agent: String,
    status: String,
    reward: Option<f64>,
    error_message: Option<String>,
}

/// `cargo xtask demo`. The artifacts stay; everything else that it started or made is gone at the end, or the demo has failed.
pub(crate) fn run() -> Result<()> {
    let toolbox = setup::run()?;
    build_programs()?;
    let folder = throw_away_folder("oddish-demo-")?.keep();

    let outcome = show(&toolbox, &folder);
    let nothing_left = step("looking whether anything is left running", || leftovers::clear(&toolbox, &folder));
    say(&format!("artifacts and logs of the demo: {}   (yours to remove)", folder.display()));
    outcome.and(nothing_left)?;
    say("The demo went as it should: oracle earned 1, nop 0, and nothing is left running.");
    Ok(())
}

fn show(toolbox: &Toolbox, folder: &Path) -> Result<()> {
    let stack = Stack::start(toolbox, folder)?;
    let outcome = run_trials(toolbox, &stack).and_then(|()| check(&stack));
    if outcome.is_err() {
        say(&process::tail(&Stack::log(folder), 0));
    }
    let stopped = step("stopping the server and its Postgres", || stack.stop());
    outcome.and(stopped)
}

fn run_trials(toolbox: &Toolbox, stack: &Stack) -> Result<()> {
    for (agent, _) in AGENTS {
        say(&format!("==> oddish run {TASK} -a {agent} --n-trials {TRIALS} --api {}", stack.url()));
        let mut oddish = stack::program("oddish")?;
        oddish.args(["run", TASK, "-a", agent, "--n-trials", &TRIALS.to_string(), "--api", &stack.url()]);
        process::shown(toolbox.equip(&mut oddish).current_dir(workspace::root()))?;
    }
    Ok(())
}

/// Every trial has the reward that its agent must get, and its artifacts lie where they should.
fn check(stack: &Stack) -> Result<()> {
    let answer = http::get(stack.port(), "/tasks")?;
    let tasks: Vec<Task> = serde_json::from_str(&answer).context("GET /tasks answered something else than tasks")?;
    for (agent, expected) in AGENTS {
        // The second run adds its trials to the task of the first: its content has not changed.
        let all = tasks.iter().flat_map(|task| task.trials.iter().map(move |trial| (task, trial)));
        let trials: Vec<(&Task, &Trial)> = all.filter(|(_, trial)| trial.agent == agent).collect();
        ensure!(trials.len() == TRIALS, "{agent} has {} trials, not {TRIALS}", trials.len());
        for (task, trial) in trials {
            check_reward(trial, expected)?;
            let attempt = recorded_attempt(stack, task, trial)?;
            say(&format!("{agent}, reward {expected}: {}", attempt.display()));
            list(&attempt)?;
        }
    }
    Ok(())
}

fn check_reward(trial: &Trial, expected: f64) -> Result<()> {
    let Some(reward) = trial.reward else {
        let reason = trial.error_message.as_deref().unwrap_or("no reason is recorded");
        bail!("trial {} of {} has no reward, status {}: {reason}", trial.id, trial.agent, trial.status);
    };
    ensure!(
        (reward - expected).abs() < f64::EPSILON,
        "trial {} of {} got the reward {reward}, not {expected}",
        trial.id,
        trial.agent
    );
    Ok(())
}

/// The folder of the attempt that has Harbor's result and logs in it.
fn recorded_attempt(stack: &Stack, task: &Task, trial: &Trial) -> Result<PathBuf> {
    let folder = stack.storage().join("tasks").join(&task.id).join("trials").join(&trial.id);
    let attempts = std::fs::read_dir(&folder).with_context(|| format!("trial {} stored nothing", trial.id))?;
    let complete = |attempt: &PathBuf| {
        let filled = |name: &str| attempt.join(name).metadata().is_ok_and(|file| file.len() > 0);
        filled("result.json") && filled("trial.log")
    };
    let found = attempts.flatten().map(|entry| entry.path()).find(complete);
    found.with_context(|| format!("no attempt in {} has a result.json and a trial.log", folder.display()))
}

/// Prints the files below a folder with their sizes in bytes.
fn list(folder: &Path) -> Result<()> {
    let mut pending = vec![folder.to_path_buf()];
    let mut lines = Vec::new();
    while let Some(next) = pending.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| format!("can't list {}", next.display()))?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                lines.push(format!("    {name:<40} {:>8}", entry.metadata()?.len()));
            }
        }
    }
    lines.sort();
    for line in lines {
        say(&line);
    }
    Ok(())
}
