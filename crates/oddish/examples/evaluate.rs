//! Runs an agent on a task a few times, and prints the rewards.
//!
//! ```sh
//! DATABASE_URL=postgresql://… cargo run -p oddish --features worker --example evaluate -- examples/tasks/hello oracle 3
//! ```
//!
//! It runs the trials itself, with Harbor and Docker, and needs `oddish-runner` in its folder, on `PATH` or in `ODDISH_RUNNER`.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use oddish::schemas::{SweepConfig, SweepRequest};
use oddish::{Oddish, Settings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(agent)) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        bail!("usage: evaluate TASK_FOLDER AGENT [TRIALS]");
    };
    let n_trials = arguments.next().map_or(Ok(1), |text| text.parse()).context("TRIALS is not a number")?;

    let oddish = Oddish::open(Settings::from_env()?).await?;
    let config = SweepConfig { agent, n_trials, ..SweepConfig::default() };
    let sweep = SweepRequest { configs: vec![config], user: "evaluate".to_owned(), ..SweepRequest::default() };
    let task = oddish.create_task(&folder, sweep).await?;
    println!("{}: {} trials queued", task.id, task.trials_count);

    let worker = oddish.start_worker()?;
    let ended = loop {
        let task = oddish.get_task_with_trials(&task.id).await?.context("the task is gone")?;
        if task.status.is_terminal() {
            break task;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    worker.stop().await?;

    for trial in ended.trials.unwrap_or_default() {
        let outcome = match (trial.reward, trial.error_message) {
            (Some(reward), _) => format!("reward {reward}"),
            (None, Some(error)) => error,
            (None, None) => "no reward".to_owned(),
        };
        println!("{}: {}, {outcome}", trial.id, trial.status);
    }
    for queue in oddish.get_queue_stats().await? {
        println!("{}: {} running of {}", queue.queue_key, queue.running, queue.concurrency_limit);
    }
    Ok(())
}
