//! How fast jobs are claimed and finished: runs the benchmark of `crates/db` against a durable server of its own.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::{Bar, Figure};
use crate::database::ThrowAwayDatabase;
use crate::{process, setup, workspace};

const STATEMENT_CACHE: &str = "ODDISH_DB_STATEMENT_CACHE";

/// A figure as the benchmark prints it.
#[derive(Deserialize)]
struct Line {
    name: String,
    value: f64,
    unit: String,
    bar: Option<f64>,
    at_least: bool,
}

/// `statement_cache` is how many statements a connection keeps prepared; as many as by default unless told.
pub(super) fn measure(statement_cache: Option<u32>) -> Result<Vec<Figure>> {
    let database = ThrowAwayDatabase::start_durable(&setup::postgres_bin()?)?;
    let mut build = Command::new("cargo");
    build.args(["bench", "-p", "oddish-db", "--bench", "queue", "--no-run"]).current_dir(workspace::root());
    process::shown(&mut build)?;
    let mut bench = Command::new("cargo");
    bench
        .args(["bench", "-q", "-p", "oddish-db", "--bench", "queue"])
        .current_dir(workspace::root())
        .env("DATABASE_URL", database.url())
        // What the caller's own database needs has nothing to do with this one.
        .env_remove(STATEMENT_CACHE)
        .stderr(Stdio::inherit());
    if let Some(statements) = statement_cache {
        bench.env(STATEMENT_CACHE, statements.to_string());
    }
    let output = bench.output().context("can't run cargo")?;
    if !output.status.success() {
        bail!("the benchmark ended with {}", output.status);
    }
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with('{')).map(figure).collect()
}

fn figure(line: &str) -> Result<Figure> {
    let Line { name, value, unit, bar, at_least } =
        serde_json::from_str(line).with_context(|| format!("the benchmark printed {line}"))?;
    let bar = match bar {
        None => Bar::None,
        Some(bar) if at_least => Bar::AtLeast(bar),
        Some(bar) => Bar::AtMost(bar),
    };
    Ok(Figure { name: name.into(), value, unit: unit.into(), bar })
}
