//! What a trial leaves in its logs: too many files, files too large, names that are no text.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::definition::Attack;
use super::machine::Machine;
use super::process_table::end;
use super::target::{Submission, Target};
use super::task::HostileTask;
use super::verdict::Verdict;
use crate::http;

const FILES: usize = 200_000;
/// How many of a trial's files anybody has a use for.
const MOST_FILES: usize = 150_000;
/// For 200,000 files to be made, looked through and stored.
const PATIENCE: Duration = Duration::from_mins(8);
/// How long a cancelled trial may run on.
const CANCEL_WITHIN: Duration = Duration::from_secs(15);
/// How long a request may take while a trial's files are stored.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::shared("files-200000", "the agent leaves 200,000 files in its logs", leave_many_files),
        Attack::shared(
            "names-of-control-characters",
            "the agent leaves files whose names are control characters, escapes and no UTF-8",
            leave_odd_names,
        )
        .quick(true),
        Attack::own(
            "sparse-50-gb-against-cancel",
            "a trial is cancelled while a sparse file of 50 GB that it left is looked through and stored",
            outlive_cancel,
        ),
    ]
}

#[derive(Deserialize)]
struct Listing {
    files: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    path: String,
}

fn leave_many_files(_: &Machine, target: &Target) -> Result<Verdict> {
    let script = format!("mkdir /logs/agent/many && cd /logs/agent/many && seq {FILES} | split -l 1 -a 5 - f");
    let trial = target.run(&HostileTask::new("many").timeouts(120, 60).solution(&script), &Submission::of("oracle"))?;
    let deadline = Instant::now() + PATIENCE;
    let mut slowest = Duration::ZERO;
    let mut state = trial.state()?;
    while !state.is_over() && Instant::now() < deadline {
        slowest = slowest.max(target.health(ANSWER_WITHIN * 2)?);
        state = trial.ended(Duration::from_secs(2))?;
    }
    let stored = walkdir::WalkDir::new(trial.stored()).into_iter().filter_map(Result::ok);
    let stored = stored.filter(|entry| entry.file_type().is_file()).count();
    let harm = if !state.is_over() {
        trial.cancel()?;
        Some(format!("the trial still runs after {} s", PATIENCE.as_secs()))
    } else if stored > MOST_FILES {
        Some(format!("one trial put {stored} files into the store"))
    } else if slowest > ANSWER_WITHIN {
        Some(format!("/health took {:.1} s meanwhile", slowest.as_secs_f64()))
    } else {
        None
    };
    if harm.is_none() {
        ensure!(
            stored < FILES && state.omitted_files.is_some(),
            "{stored} files are stored, and nobody says that others are not: {}",
            state.told()
        );
    }
    trial.verdict(harm, &state)
}

/// Each is stored, or named among those that are not.
fn leave_odd_names(_: &Machine, target: &Target) -> Result<Verdict> {
    let names = [
        r"odd-\x01\x02",
        r"odd-\n line",
        r"odd-\x1b[2J",
        r"odd-\xff\xfe",
        r"odd-\xe2\x80\xaegnp.exe",
        r"odd-\x7f",
        "odd-plain",
    ];
    let made = names.map(|name| format!("echo x > $'/logs/agent/{name}'")).join("\n");
    let trial = target.run(&HostileTask::new("names").solution(&made), &Submission::of("oracle"))?;
    let state = trial.ended(PATIENCE)?;
    let listing = http::get(target.stack.port(), &format!("/trials/{}/files", trial.id))?;
    let listing: Listing = serde_json::from_str(&listing).context("the listing of files is none")?;
    let listed = listing.files.iter().filter(|file| file.path.contains("odd-")).count();
    let omitted = state.omitted_files.as_ref().and_then(|omitted| omitted["files"].as_u64()).unwrap_or(0);
    let told = listed + usize::try_from(omitted)?;
    let control = listing.files.iter().find(|file| file.path.chars().any(char::is_control));
    let harm = if told < names.len() {
        Some(format!(
            "of {} files {listed} are listed and {omitted} named as left out: the others are lost without a word",
            names.len()
        ))
    } else {
        control.map(|file| format!("a name with control characters is listed: {:?}", file.path))
    };
    trial.verdict(harm, &state)
}

/// Alone on its server, which is stopped at once when the attack succeeds, before the disk is full.
fn outlive_cancel(machine: &Machine) -> Result<Verdict> {
    let target = machine.start("sparse")?;
    let task = HostileTask::new("sparse").solution("truncate -s 50G /logs/agent/huge");
    let trial = target.run(&task, &Submission::of("oracle"))?;
    let result = trial.scratch().join("trials").join(format!("{}-a1", trial.id)).join("result.json");
    // Harbor writes the result last, and storing begins.
    let ended =
        |path: &std::path::Path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("\"finished_at\": \"2"));
    let state = trial.reached(Duration::from_mins(1), |state| state.is_over() || ended(&result))?;
    if state.is_over() {
        return trial.verdict(None, &state);
    }
    std::thread::sleep(Duration::from_secs(2));
    let runner = trial.runner();
    let verdict = match trial.time_to_cancel(CANCEL_WITHIN)? {
        Some(time) => Verdict::Held(format!("the trial had ended {:.1} s after it was cancelled", time.as_secs_f64())),
        None => Verdict::Succeeded(format!("the trial still ran {} s after it was cancelled", CANCEL_WITHIN.as_secs())),
    };
    runner.into_iter().for_each(end);
    target.stack.stop()?;
    Ok(verdict)
}
