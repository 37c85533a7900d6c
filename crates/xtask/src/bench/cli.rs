//! How long the command line takes to answer when there is nothing to do.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use super::{Bar, Figure, median};
use crate::programs::build_programs;
use crate::workspace;

const RUNS: usize = 21;
/// Milliseconds that `oddish --help` may take.
const BAR: f64 = 20.0;

pub(super) fn measure() -> Result<Vec<Figure>> {
    build_programs()?;
    let oddish = milliseconds(&workspace::binaries()?.join("oddish"), &["--help"])?;
    let nothing = milliseconds(Path::new("true"), &[])?;
    Ok(vec![
        Figure { name: "oddish --help".into(), value: oddish, unit: "ms".into(), bar: Bar::AtMost(BAR) },
        Figure { name: "starting a program (true)".into(), value: nothing, unit: "ms".into(), bar: Bar::None },
        Figure { name: "help, in programs started".into(), value: oddish / nothing, unit: "x".into(), bar: Bar::None },
    ])
}

fn milliseconds(program: &Path, arguments: &[&str]) -> Result<f64> {
    let run = || {
        let begun = Instant::now();
        let status = Command::new(program).args(arguments).stdout(Stdio::null()).status();
        let status = status.with_context(|| format!("can't run {}", program.display()))?;
        ensure!(status.success(), "{} ended with {status}", program.display());
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    };
    Ok(median((0..RUNS).map(|_| run()).collect::<Result<_>>()?))
}
