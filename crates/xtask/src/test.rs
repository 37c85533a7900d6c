//! All tests, with the real parts that they run against.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::database::ThrowAwayDatabase;
use crate::prepare::prepare;
use crate::progress::{say, step};
use crate::setup::{self, Toolbox};
use crate::{interrupt, process, template, workspace};

/// The programs that end-to-end tests start, with their packages.
pub(crate) const PROGRAMS: [(&str, &str); 3] =
    [("oddish-cli", "oddish"), ("oddish-server", "oddish-server"), ("oddish-runner", "oddish-runner")];

/// `cargo xtask test`. `arguments` go to nextest. With `ci`, formatting, query data, template and lints are checked first, and a failure of one
/// doesn't hide the others.
pub(crate) fn run(ci: bool, arguments: &[String]) -> Result<()> {
    let toolbox = setup::run()?;
    let nextest = setup::tools::nextest()?;
    let mut failed = Vec::new();
    let mut check = |name: &'static str, outcome: Result<()>| -> Result<()> {
        interrupt::check()?;
        if let Err(error) = outcome {
            say(&format!("{name}: {error:#}"));
            failed.push(name);
        }
        Ok(())
    };
    if ci {
        check(
            "formatting",
            step("checking the formatting", || process::shown(&mut cargo(&["fmt", "--all", "--check"]))),
        )?;
        check("query data", prepare(&toolbox.postgres_bin, true))?;
        let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
        check("template", template::lint())?;
        check("lints", step("checking the lints", || process::shown(&mut cargo(&clippy))))?;
    }
    check("build", build_programs())?;
    check("tests", tests(&toolbox, &nextest, arguments))?;
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// Builds the programs of [`PROGRAMS`] beside this one.
pub(crate) fn build_programs() -> Result<()> {
    step("building oddish, oddish-server and oddish-runner", || {
        let mut build = cargo(&["build"]);
        for (package, program) in PROGRAMS {
            build.args(["--package", package, "--bin", program]);
        }
        process::shown(&mut build)
    })
}

fn tests(toolbox: &Toolbox, nextest: &Path, arguments: &[String]) -> Result<()> {
    let database = ThrowAwayDatabase::start(&toolbox.postgres_bin)?;
    say("==> running the tests");
    let mut command = Command::new(nextest);
    command.args(["nextest", "run", "--workspace"]).args(arguments).current_dir(workspace::root());
    process::shown(toolbox.equip(&mut command).env("DATABASE_URL", database.url()))
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(workspace::root());
    command
}
