//! What sqlx's query macros compile against: `crates/db/.sqlx`, made from a database that our migrations built.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::database::ThrowAwayDatabase;
use crate::progress::step;
use crate::setup;
use crate::{process, workspace};

/// `cargo xtask prepare`: sets up no more than it needs.
pub(crate) fn run(check: bool) -> Result<()> {
    prepare(&setup::postgres_bin()?, check)
}

/// Writes the query data again; with `check`, fails if that would change it.
pub(crate) fn prepare(postgres_bin: &Path, check: bool) -> Result<()> {
    let sqlx = setup::tools::sqlx()?;
    let database = migrated(&sqlx, postgres_bin)?;
    let command = |arguments: &[&str]| sqlx_command(&sqlx, &database, arguments);
    let what = if check { "checking crates/db/.sqlx" } else { "writing crates/db/.sqlx" };
    step(what, || {
        let mut prepare = command(&["prepare"]);
        if check {
            prepare.arg("--check");
        }
        let outcome = process::shown(prepare.args(["--", "--all-targets"]));
        outcome.context(
            "the query data is not what the queries and migrations make: run `cargo xtask prepare` and commit it",
        )
    })
}

/// A database that our migrations built, and that query macros can be compiled against.
///
/// By sqlx's own command: a program of ours would have to compile first, against the data that is about to be made.
pub(crate) fn migrated(sqlx: &Path, postgres_bin: &Path) -> Result<ThrowAwayDatabase> {
    let database = ThrowAwayDatabase::start(postgres_bin)?;
    step("migrating it", || process::logged("prepare", &mut sqlx_command(sqlx, &database, &["migrate", "run"])))?;
    Ok(database)
}

fn sqlx_command(sqlx: &Path, database: &ThrowAwayDatabase, arguments: &[&str]) -> Command {
    let mut command = Command::new(sqlx);
    // sqlx.toml, which names the schema and the migration table, is looked for in this folder only.
    command.arg("sqlx").args(arguments).arg("--no-dotenv").current_dir(workspace::root().join("crates/db"));
    command.env("DATABASE_URL", database.url()).env("SQLX_OFFLINE", "false");
    command
}
