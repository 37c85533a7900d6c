//! What sqlx's query macros compile against: `crates/db/.sqlx`, made from a database that our migrations built.
//!
//! The macros make the data themselves while they compile against a database (sqlx, `SQLX_OFFLINE_DIR`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use sqlx::AssertSqlSafe;

use crate::database::{ThrowAwayDatabase, connect};
use crate::programs::cargo;
use crate::progress::step;
use crate::{process, workspace};

/// Writes the query data; with `check`, fails if that would change it.
pub(crate) fn generate(postgres_bin: &Path, check: bool) -> Result<()> {
    let mut cargo = cargo(&["check", "--package", "oddish-db", "--lib"]);
    if check {
        return check_while(postgres_bin, "checking crates/db/.sqlx", &mut cargo);
    }
    let database = migrated(postgres_bin)?;
    step("writing crates/db/.sqlx", || {
        let (made, kept) = (made(&database, &mut cargo)?, files(&folder())?);
        for name in kept.keys().filter(|name| !made.contains_key(*name)) {
            fs::remove_file(folder().join(name)).with_context(|| format!("can't remove {name}"))?;
        }
        made.iter().try_for_each(|(name, text)| workspace::write(&folder().join(name), text))
    })
}

/// Runs a command that compiles `oddish-db`, and fails if the query data that this makes is not what is there.
pub(crate) fn check_while(postgres_bin: &Path, what: &str, cargo: &mut Command) -> Result<()> {
    let database = migrated(postgres_bin)?;
    step(what, || {
        let (made, kept) = (made(&database, cargo)?, files(&folder())?);
        let differing: BTreeSet<&str> = made
            .iter()
            .filter(|(name, text)| kept.get(*name) != Some(*text))
            .chain(kept.iter().filter(|(name, _)| !made.contains_key(*name)))
            .map(|(name, _)| name.as_str())
            .collect();
        let names = Vec::from_iter(differing).join(", ");
        ensure!(
            names.is_empty(),
            "crates/db/.sqlx is not what queries and migrations make (`cargo xtask generate` mends it): {names}"
        );
        Ok(())
    })
}

fn folder() -> PathBuf {
    workspace::root().join("crates/db/.sqlx")
}

/// A database that our migrations built, and that query macros can be compiled against.
///
/// Statement by statement as files have them: our own way to migrate would have to compile first, against the data that is about to be made.
pub(crate) fn migrated(postgres_bin: &Path) -> Result<ThrowAwayDatabase> {
    let database = ThrowAwayDatabase::start(postgres_bin)?;
    step("migrating it", || {
        let mut migrations = files(&workspace::root().join("migrations"))?;
        migrations.remove("README.md");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let pool = connect(database.url()).await?;
            sqlx::raw_sql("create schema oddish").execute(&pool).await?;
            for (name, text) in migrations {
                let applied = sqlx::raw_sql(AssertSqlSafe(text)).execute(&pool).await;
                applied.with_context(|| format!("migrations/{name} fails"))?;
            }
            Ok(())
        })
    })?;
    Ok(database)
}

/// Compiles the queries against the database: the data that this makes, by file name.
fn made(database: &ThrowAwayDatabase, cargo: &mut Command) -> Result<BTreeMap<String, String>> {
    let folder = tempfile::tempdir().context("can't create a temporary folder")?;
    let library = workspace::root().join("crates/db/src/lib.rs");
    let written = fs::metadata(&library).and_then(|metadata| metadata.modified());
    let written = written.with_context(|| format!("can't look at {}", library.display()))?;
    let dated = |at| File::options().write(true).open(&library).and_then(|file| file.set_modified(at));
    // Only what is compiled now is made. Dated back afterwards, so that nothing else is compiled again for it.
    dated(std::time::SystemTime::now()).with_context(|| format!("can't touch {}", library.display()))?;
    cargo.env("DATABASE_URL", database.url()).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", folder.path());
    let checked = process::shown(cargo);
    dated(written).with_context(|| format!("can't date {} back", library.display()))?;
    checked?;
    files(folder.path())
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let list = fs::read_dir(folder).with_context(|| format!("can't list {}", folder.display()))?;
    list.map(|entry| {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text))
    })
    .collect::<std::io::Result<_>>()
    .with_context(|| format!("can't read {}", folder.display()))
}
