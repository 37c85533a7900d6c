//! What Oddish adds to a trial, compared with what Harbor takes for it.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use time::OffsetDateTime;

use super::{Bar, Figure, median};
use crate::database::throw_away_folder;
use crate::programs::build_programs;
use crate::progress::{say, step};
use crate::setup::{self, Toolbox};
use crate::stack::{self, Stack};
use crate::{http, process, workspace};

const TASK: &str = "examples/tasks/hello";
/// One trial after another, so that none waits for another one's Docker.
const TRIALS: usize = 10;
/// Seconds that Oddish may add to a trial.
const BAR: f64 = 1.0;

#[derive(Deserialize)]
struct Task {
    trials: Vec<Trial>,
}

#[derive(Deserialize)]
struct Trial {
    id: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
}

/// The part of Harbor's `result.json` that is measured against.
#[derive(Deserialize)]
struct HarborResult {
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    finished_at: OffsetDateTime,
}

/// Seconds of one trial.
struct Spans {
    before: f64,
    harbor: f64,
    after: f64,
}

pub(super) fn measure() -> Result<Vec<Figure>> {
    let toolbox = setup::run()?;
    build_programs()?;
    let folder = throw_away_folder("oddish-bench-")?;
    let stack = Stack::start(&toolbox, folder.path())?;
    let measured = (0..TRIALS).map(|number| one_trial(&toolbox, &stack, number)).collect::<Result<Vec<Spans>>>();
    if measured.is_err() {
        say(&process::tail(&Stack::log(folder.path()), 0));
    }
    stack.stop()?;
    let spans = measured?;
    let of = |part: fn(&Spans) -> f64| median(spans.iter().map(part).collect());
    let (added, harbor) = (of(|spans| spans.before + spans.after), of(|spans| spans.harbor));
    Ok(vec![
        Figure {
            name: "submit to Harbor's start".into(),
            value: of(|spans| spans.before),
            unit: "s".into(),
            bar: Bar::None,
        },
        Figure {
            name: "Harbor's end to the record".into(),
            value: of(|spans| spans.after),
            unit: "s".into(),
            bar: Bar::None,
        },
        Figure { name: "added by Oddish".into(), value: added, unit: "s".into(), bar: Bar::AtMost(BAR) },
        Figure { name: "Harbor's own time".into(), value: harbor, unit: "s".into(), bar: Bar::None },
        Figure {
            name: "added, as a share of Harbor's".into(),
            value: added / harbor,
            unit: "x".into(),
            bar: Bar::None,
        },
    ])
}

fn one_trial(toolbox: &Toolbox, stack: &Stack, number: usize) -> Result<Spans> {
    step(&format!("trial {} of {TRIALS}", number + 1), || {
        let mut oddish = stack::program("oddish")?;
        oddish.args(["run", TASK, "-a", "oracle", "--json", "--watch", "--api", &stack.url()]);
        let output = toolbox.equip(&mut oddish).current_dir(workspace::root()).output().context("can't run oddish")?;
        if !output.status.success() {
            bail!("oddish ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        let answer = http::get(stack.port(), "/tasks?limit=1")?;
        let tasks: Vec<Task> =
            serde_json::from_str(&answer).context("GET /tasks answered something else than tasks")?;
        let trial = tasks.first().and_then(|task| task.trials.last()).context("the trial is not there")?;
        let result = http::get(stack.port(), &format!("/trials/{}/result", trial.id))?;
        let harbor: HarborResult = serde_json::from_str(&result).context("Harbor's result has no times")?;
        let recorded = trial.finished_at.context("the trial has not ended")?;
        Ok(Spans {
            before: (harbor.started_at - trial.created_at).as_seconds_f64(),
            harbor: (harbor.finished_at - harbor.started_at).as_seconds_f64(),
            after: (recorded - harbor.finished_at).as_seconds_f64(),
        })
    })
}
