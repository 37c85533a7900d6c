//! A folder whose server goes with it, and questions to a database.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::{Pid, User, geteuid};
use oddish_private_postgres::{Options, PrivatePostgres};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use tempfile::TempDir;

pub(crate) struct Home(TempDir);

impl Home {
    /// A place that the server's account can enter.
    pub(crate) fn new() -> Self {
        Self::with_mode(0o755)
    }

    pub(crate) fn with_mode(mode: u32) -> Self {
        let permissions = Permissions::from_mode(mode);
        Self(tempfile::Builder::new().prefix("private-postgres-").permissions(permissions).tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().join("postgres")
    }

    pub(crate) fn start(&self) -> PrivatePostgres {
        PrivatePostgres::start(&Options::new(self.folder())).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Ok(Some(server)) = PrivatePostgres::running(&self.folder()) {
            server.stop().unwrap();
        }
    }
}

pub(crate) fn postmaster(server: &PrivatePostgres) -> Pid {
    let file = std::fs::read_to_string(server.data_dir().join("postmaster.pid")).unwrap();
    Pid::from_raw(file.lines().next().unwrap().parse().unwrap())
}

pub(crate) fn connect(url: &str) -> sqlx::Result<PgConnection> {
    runtime().block_on(session(url))
}

#[expect(clippy::disallowed_methods, reason = "this crate knows nothing of Oddish's database")]
async fn session(url: &str) -> sqlx::Result<PgConnection> {
    PgConnection::connect(url).await
}

/// Waits until nobody listens at `url` any more.
pub(crate) fn wait_until_refused(url: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while connect(url).is_ok() {
        assert!(Instant::now() < deadline, "the server still answers");
    }
}

/// The last column of the last row that `statements` return.
pub(crate) fn text(url: &str, statements: &'static str) -> String {
    runtime().block_on(async {
        let mut connection = session(url).await.unwrap();
        let rows = connection.fetch_all(sqlx::raw_sql(statements)).await.unwrap();
        connection.close().await.unwrap();
        rows.last().unwrap().get(0)
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The account that the server runs under if that isn't ours.
pub(crate) fn server_account() -> Option<User> {
    geteuid().is_root().then(|| User::from_name("postgres").unwrap().unwrap())
}
