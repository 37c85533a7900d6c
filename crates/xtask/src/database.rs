//! A Postgres of our own that lives as long as one task.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use oddish_private_postgres::{Options, PrivatePostgres};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tempfile::TempDir;

use crate::progress::{say, step};

/// Who Postgres runs as when we are root, and so whom a machine has that Postgres runs on.
pub(crate) const SERVER_ACCOUNT: &str = "postgres";

/// Most connections that one pooler opens to Postgres, over all databases; idle ones of other databases make room before it.
pub(crate) const CONNECTIONS_OF_A_POOLER: u16 = 150;

/// 300 for tests side by side. The rest is for two poolers in front of it, which keep connections for a second after their test.
const CONNECTIONS: u16 = 300 + 2 * CONNECTIONS_OF_A_POOLER;

/// One connection to a server of ours, with no pooler between.
#[expect(clippy::disallowed_methods, reason = "a task asks with a connection of its own")]
pub(crate) async fn connect(url: &str) -> sqlx::Result<PgPool> {
    PgPoolOptions::new().max_connections(1).connect(url).await
}

/// A private server with an empty database `oddish`. Dropping it stops the server and removes its data.
pub(crate) struct ThrowAwayDatabase {
    folder: TempDir,
    url: String,
}

impl ThrowAwayDatabase {
    /// Starts it, without guarding its data against crashes.
    pub(crate) fn start(postgres_bin: &Path) -> Result<Self> {
        Self::start_as(postgres_bin, false)
    }

    /// Starts it as a server that is used in earnest: what it has committed is on the disk.
    pub(crate) fn start_durable(postgres_bin: &Path) -> Result<Self> {
        Self::start_as(postgres_bin, true)
    }

    fn start_as(postgres_bin: &Path, durable: bool) -> Result<Self> {
        step("starting a throw-away Postgres", || {
            let folder = throw_away_folder("oddish-database-")?;
            let options = Options {
                programs: Some(postgres_bin.to_path_buf()),
                durable,
                max_connections: CONNECTIONS,
                ..Options::new(folder.path().join("postgres"))
            };
            let url = PrivatePostgres::start(&options)?.url();
            Ok(Self { folder, url })
        })
    }

    /// The connection URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for ThrowAwayDatabase {
    fn drop(&mut self) {
        let stopped = PrivatePostgres::running(&self.folder.path().join("postgres"))
            .and_then(|server| server.map_or(Ok(()), PrivatePostgres::stop));
        if let Err(error) = stopped {
            say(&format!("the throw-away Postgres in {} could not be stopped: {error}", self.folder.path().display()));
        }
    }
}

/// A new folder that other accounts can enter: as root, Postgres runs under another one.
pub(crate) fn throw_away_folder(prefix: &str) -> Result<TempDir> {
    let builder = &mut tempfile::Builder::new();
    let folder = builder.prefix(prefix).permissions(Permissions::from_mode(0o755)).tempdir();
    folder.context("can't create a temporary folder")
}
