//! Rewards of the same tasks, as `harbor run` tells them and as Oddish does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::database::throw_away_folder;
use crate::process;
use crate::programs::build_programs;
use crate::progress::{say, step};
use crate::setup::{self, Toolbox};
use crate::stack::{self, Stack};
use crate::{interrupt, leftovers, workspace};

/// What both run each task with: neither needs a model.
const AGENTS: [&str; 2] = ["oracle", "nop"];
/// How many trials `harbor run` runs at once, and how many tasks Oddish is given at once.
const AT_ONCE: usize = 4;
/// Longest wait for both trials of a task.
const PATIENCE: Duration = Duration::from_mins(10);

/// What came of a trial.
#[derive(Debug, Clone, Default, PartialEq)]
struct Ending {
    /// The rewards that count, by name.
    rewards: BTreeMap<String, f64>,
    /// The scalar reward that does not count.
    unconfirmed: Option<f64>,
    error: Option<String>,
}

/// `cargo xtask compare-rewards`: fails when a reward differs, other than by the rule that lets a reward count (`docs/states.md`).
pub(crate) fn run(tasks: &Path) -> Result<()> {
    let toolbox = setup::run()?;
    build_programs()?;
    let tasks = tasks_below(tasks)?;
    let folder = throw_away_folder("oddish-compare-")?;
    let theirs =
        step(&format!("running {} tasks with harbor run", tasks.len()), || harbor(&toolbox, &tasks, folder.path()))?;
    let ours = oddish(&toolbox, &tasks, folder.path());
    let nothing_left = leftovers::clear(&toolbox, folder.path());
    let ours = ours?;
    nothing_left?;
    let mut differing = 0;
    say(&format!("{:<24} {:<7} {:<32} {:<40}", "task", "agent", "harbor run", "oddish"));
    for task in &tasks {
        for agent in AGENTS {
            let key = (task.clone(), agent.to_owned());
            let (theirs, ours) = (theirs.get(&key), ours.get(&key));
            let judged = match (theirs, ours) {
                (Some(theirs), Some(ours)) => judge(theirs, ours),
                (None, None) => "refused by both",
                _ => "DIFFERS",
            };
            differing += usize::from(judged == "DIFFERS");
            let told = |ending: Option<&Ending>| ending.map_or_else(|| "refused".to_owned(), Ending::told);
            let name = task.file_name().unwrap_or_default().to_string_lossy();
            say(&format!("{name:<24} {agent:<7} {:<32} {:<40} {judged}", told(theirs), told(ours)));
        }
    }
    ensure!(differing == 0, "{differing} of {} differ", tasks.len() * AGENTS.len());
    say(&format!(
        "{} tasks, {} trials each way: no reward differs but by the rule",
        tasks.len(),
        tasks.len() * AGENTS.len()
    ));
    Ok(())
}

/// Folders with a `task.toml` at or below a folder.
fn tasks_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))?;
    let mut pending = vec![folder.clone()];
    let mut found = Vec::new();
    while let Some(next) = pending.pop() {
        if next.join("task.toml").is_file() {
            found.push(next);
            continue;
        }
        for entry in std::fs::read_dir(&next).with_context(|| format!("can't list {}", next.display()))?.flatten() {
            if entry.file_type()?.is_dir()
                && !entry.file_name().to_string_lossy().starts_with('.')
                && entry.file_name() != "target"
            {
                pending.push(entry.path());
            }
        }
    }
    ensure!(!found.is_empty(), "no folder below {} has a task.toml", folder.display());
    found.sort();
    Ok(found)
}

type Endings = BTreeMap<(PathBuf, String), Ending>;

/// The fields of Harbor's `result.json` that are compared.
#[derive(Deserialize)]
struct HarborResult {
    config: HarborConfig,
    verifier_result: Option<HarborRewards>,
    exception_info: Option<HarborException>,
    #[serde(default)]
    step_results: Option<Vec<HarborStep>>,
}

#[derive(Deserialize)]
struct HarborConfig {
    task: HarborTask,
    agent: HarborAgent,
}

#[derive(Deserialize)]
struct HarborTask {
    path: PathBuf,
}

#[derive(Deserialize)]
struct HarborAgent {
    name: String,
}

#[derive(Deserialize)]
struct HarborRewards {
    rewards: Option<BTreeMap<String, f64>>,
}

#[derive(Deserialize)]
struct HarborException {
    exception_type: String,
}

#[derive(Deserialize)]
struct HarborStep {
    exception_info: Option<HarborException>,
}

fn harbor(toolbox: &Toolbox, tasks: &[PathBuf], folder: &Path) -> Result<Endings> {
    let config = folder.join("job.json");
    let job = json!({
        "job_name": "compared", "jobs_dir": folder.join("harbor"), "n_concurrent_trials": AT_ONCE, "quiet": true,
        "tasks": tasks.iter().map(|path| json!({"path": path})).collect::<Vec<_>>(),
        "agents": AGENTS.map(|name| json!({"name": name})),
        "environment": {"type": "docker"},
    });
    workspace::write(&config, job.to_string())?;
    let mut harbor = Command::new(toolbox.harbor_python.with_file_name("harbor"));
    harbor.args(["run", "-y", "-c"]).arg(&config).env("HARBOR_TELEMETRY", "off").current_dir(folder);
    process::logged("compare-rewards", toolbox.equip(&mut harbor))?;
    let mut endings = Endings::new();
    for entry in std::fs::read_dir(folder.join("harbor/compared")).context("harbor run left no job folder")?.flatten() {
        let Ok(text) = std::fs::read_to_string(entry.path().join("result.json")) else { continue };
        let result: HarborResult =
            serde_json::from_str(&text).with_context(|| format!("{} is not a trial", entry.path().display()))?;
        let of_steps = result.step_results.into_iter().flatten().filter_map(|step| step.exception_info);
        let exceptions: Vec<_> =
            result.exception_info.into_iter().chain(of_steps).map(|one| one.exception_type).collect();
        let ending = Ending {
            rewards: result.verifier_result.and_then(|result| result.rewards).unwrap_or_default(),
            unconfirmed: None,
            error: (!exceptions.is_empty()).then(|| exceptions.join(", ")),
        };
        endings.insert((result.config.task.path, result.config.agent.name), ending);
    }
    Ok(endings)
}

/// What `oddish run --watch --json` prints, as far as it is compared.
#[derive(Deserialize)]
struct Submission {
    tasks: Vec<SubmittedTask>,
}

#[derive(Deserialize)]
struct SubmittedTask {
    trials: Vec<SubmittedTrial>,
}

#[derive(Deserialize)]
struct SubmittedTrial {
    agent: String,
    rewards: Option<BTreeMap<String, f64>>,
    unconfirmed_reward: Option<f64>,
    error_type: Option<String>,
}

fn oddish(toolbox: &Toolbox, tasks: &[PathBuf], folder: &Path) -> Result<Endings> {
    let mut server = stack::program("oddish-server")?;
    toolbox.equip(&mut server).env("ODDISH_MAX_ATTEMPTS", "1").env("ODDISH_RETRY_BACKOFF_BASE", "0");
    let stack = Stack::launch(server, folder)?;
    let sweep = folder.join("sweep.json");
    workspace::write(&sweep, json!({"agents": AGENTS.map(|name| json!({"name": name}))}).to_string())?;
    let endings = step(&format!("running {} tasks with oddish run", tasks.len()), || {
        let waiting = Mutex::new(tasks.iter());
        let endings = Mutex::new(Endings::new());
        let work = || -> Result<()> {
            loop {
                interrupt::check()?;
                let next = waiting.lock().map_err(|_| anyhow!("another task's thread panicked"))?.next();
                let Some(task) = next else { return Ok(()) };
                let ended = run_one(task, &sweep, &stack.url())?;
                endings.lock().map_err(|_| anyhow!("another task's thread panicked"))?.extend(ended);
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a task's thread panicked"))?)
        })?;
        endings.into_inner().map_err(|_| anyhow!("a task's thread panicked"))
    });
    let stopped = stack.stop();
    let endings = endings?;
    stopped?;
    Ok(endings)
}

/// Both trials of a task, by its path and agent; none when the task is refused.
fn run_one(task: &Path, sweep: &Path, url: &str) -> Result<Endings> {
    let mut oddish = stack::program("oddish")?;
    oddish.arg("run").arg(task).arg("-c").arg(sweep).args(["--watch", "--json", "--quiet", "--api", url]);
    // A failed trial is a result here, and so is a refused task, which prints nothing.
    let told = shown_json(&mut oddish)?;
    let Ok(Submission { tasks }) = serde_json::from_value(told) else { return Ok(Endings::new()) };
    let ended = |trial: SubmittedTrial| {
        let ending = Ending {
            rewards: trial.rewards.unwrap_or_default(),
            unconfirmed: trial.unconfirmed_reward,
            error: trial.error_type,
        };
        ((task.to_owned(), trial.agent), ending)
    };
    Ok(tasks.into_iter().flat_map(|task| task.trials).map(ended).collect())
}

/// What a command prints, whatever its exit status; null when that is no JSON.
fn shown_json(command: &mut Command) -> Result<Value> {
    let output = tempfile::tempfile()?;
    let mut child = process::spawn(command.stdout(output.try_clone()?).stderr(std::process::Stdio::null()))?;
    process::wait(&mut child, Some(PATIENCE))?;
    let mut output = output;
    std::io::Seek::rewind(&mut output)?;
    Ok(serde_json::from_reader(output).unwrap_or_default())
}

/// Whether two endings tell the same. Names of errors may differ, since Oddish has some of its own; whether there is one may not.
fn judge(theirs: &Ending, ours: &Ending) -> &'static str {
    let both_failed = theirs.error.is_some() == ours.error.is_some();
    if theirs.rewards == ours.rewards && ours.unconfirmed.is_none() && both_failed {
        "equal"
    } else if theirs.error.is_some() && ours.rewards.is_empty() && ours.error.is_some() {
        // Harbor's reward stands beside an exception, and ours is kept apart for it.
        "void by the rule"
    } else {
        "DIFFERS"
    }
}

impl Ending {
    fn told(&self) -> String {
        let mut parts: Vec<String> = match self.rewards.len() {
            0 => vec!["-".to_owned()],
            1 => self.rewards.values().map(f64::to_string).collect(),
            _ => self.rewards.iter().map(|(name, reward)| format!("{name} {reward}")).collect(),
        };
        parts.extend(self.unconfirmed.map(|reward| format!("unconfirmed {reward}")));
        parts.extend(self.error.clone());
        parts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(reward: Option<f64>, unconfirmed: Option<f64>, error: Option<&str>) -> Ending {
        let rewards = reward.map(|reward| ("reward".to_owned(), reward)).into_iter().collect();
        Ending { rewards, unconfirmed, error: error.map(str::to_owned) }
    }

    #[test]
    fn only_the_rule_excuses_a_difference() {
        let one = ending(Some(1.0), None, None);
        assert_eq!(judge(&one, &one), "equal");
        assert_eq!(judge(&one, &ending(Some(0.0), None, None)), "DIFFERS");
        assert_eq!(judge(&one, &ending(None, None, Some("RewardMissing"))), "DIFFERS");
        let beside = ending(Some(1.0), None, Some("RuntimeError"));
        assert_eq!(judge(&beside, &ending(None, Some(1.0), Some("RuntimeError"))), "void by the rule");
        assert_eq!(judge(&beside, &beside), "equal");
        assert_eq!(judge(&beside, &one), "DIFFERS", "an error that only Harbor tells");
        assert_eq!(judge(&ending(None, None, Some("X")), &ending(None, None, Some("Y"))), "equal");
    }
}
