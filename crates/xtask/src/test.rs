//! All tests, with the real parts that they run against.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::database::ThrowAwayDatabase;
use crate::pooler::Poolers;
use crate::programs::{build_all, cargo};
use crate::progress::{say, step};
use crate::setup::pooler::Kind;
use crate::setup::{self, Toolbox, cargo_lambda, moto, schemathesis};
use crate::{attack, handlers, images, interrupt, lint, process, query_data, shown_answers, template, workspace};

/// Tells the tests to send their queries through the pooler of that kind: `named` or `unnamed`.
const THROUGH: &str = "ODDISH_TEST_THROUGH";

/// `cargo xtask test`. `arguments` go to nextest. With `ci`, formatting, derived files, lints, spelling and documentation are checked first, and
/// the quick attacks of `cargo xtask attack` come last; the template is checked too unless tests are asked for by name. A failure of one
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
        // Derived pages are held by tests.
        check("modules of handlers", handlers::declare(true))?;
        check("template.yaml", template::run(true))?;
        let mut clippy = cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]);
        check(
            "lints and query data",
            query_data::check_while(&toolbox.postgres_bin, "checking the lints", &mut clippy),
        )?;
        check("spelling", lint::spelling_check())?;
        check("documentation", lint::documentation())?;
    }
    // Who asks for some tests by name has no use for it.
    if ci || arguments.is_empty() {
        check("template", template::lint())?;
    }
    check("build", build_all())?;
    check("images", images::build(&toolbox.docker))?;
    check("tests", tests(&toolbox, &nextest, arguments))?;
    if ci {
        check("attacks", step("attacking a server", || attack::run_quick(toolbox)))?;
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn tests(toolbox: &Toolbox, nextest: &Path, arguments: &[String]) -> Result<()> {
    let database = ThrowAwayDatabase::start(&toolbox.postgres_bin)?;
    let poolers = Poolers::start(&database)?;
    shown_answers::forget()?;
    say("==> running the tests");
    let mut command = Command::new(nextest);
    command.args(["nextest", "run", "--workspace"]).args(arguments).current_dir(workspace::root());
    poolers.name_to(command.env_remove(THROUGH));
    // Some tests run the functions behind its gateway, one lets schemathesis ask the API, and one takes moto for AWS.
    command.env("CARGO_LAMBDA", cargo_lambda::ensure()?).env("SCHEMATHESIS", schemathesis::ensure()?);
    command.env("MOTO_SERVER", moto::ensure()?);
    command.env("ODDISH_RUNNER_IMAGE", images::RUNNER).env("ODDISH_SERVER_IMAGE", images::SERVER);
    process::shown(toolbox.equip(&mut command).env("DATABASE_URL", database.url()))?;
    // A part of the tests shows a part of the types.
    if arguments.is_empty() { shown_answers::check() } else { Ok(()) }
}

/// `cargo xtask test --pooler`: the tests of what sends queries, once through each pooler. `arguments` go to nextest. A failure through one
/// doesn't hide those through the other.
pub(crate) fn run_through_poolers(arguments: &[String]) -> Result<()> {
    let postgres_bin = setup::postgres_bin()?;
    let nextest = setup::tools::nextest()?;
    let mut failed = Vec::new();
    for kind in Kind::ALL {
        interrupt::check()?;
        if let Err(error) = tests_through_pooler(kind, &postgres_bin, &nextest, arguments) {
            say(&format!("through the pooler for {} statements: {error:#}", kind.name()));
            failed.push(kind.name());
        }
    }
    if !failed.is_empty() {
        bail!("failed through the pooler for these statements: {}", failed.join(", "));
    }
    Ok(())
}

/// With a server of its own, so that nothing that one run leaves behind is in the way of another.
fn tests_through_pooler(kind: Kind, postgres_bin: &Path, nextest: &Path, arguments: &[String]) -> Result<()> {
    let database = ThrowAwayDatabase::start(postgres_bin)?;
    let poolers = Poolers::start(&database)?;
    say(&format!("==> running the tests through the pooler for {} statements", kind.name()));
    let mut command = Command::new(nextest);
    command
        .args(["nextest", "run", "--workspace", "--profile", "pooler"])
        .args(arguments)
        .current_dir(workspace::root());
    command.env("DATABASE_URL", database.url()).env(THROUGH, kind.name());
    process::shown(poolers.name_to(&mut command))
}
