#![doc = include_str!("../README.md")]
#![expect(clippy::panic, clippy::missing_panics_doc, reason = "a test fails by panicking")]

use std::env;
use std::time::Duration;

use oddish_db::{DatabaseUrl, Db, connect_lazy};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

pub use oddish_db::schema::MIGRATOR;
pub use oddish_test_macros::with_database;

/// Most connections of a test's [`Db`].
const CONNECTIONS: u32 = 5;

/// The way from a test to its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// No pooler.
    Nothing,
    /// A pooler in transaction mode that follows named statements.
    NamedPooler,
    /// A pooler in transaction mode that does not; no statement is kept.
    UnnamedPooler,
}

impl Through {
    /// Both poolers.
    pub const POOLERS: [Self; 2] = [Self::NamedPooler, Self::UnnamedPooler];

    /// The way that `ODDISH_TEST_THROUGH` names.
    #[must_use]
    pub fn chosen() -> Self {
        match env::var("ODDISH_TEST_THROUGH").as_deref() {
            Err(_) | Ok("") => Self::Nothing,
            Ok("named") => Self::NamedPooler,
            Ok("unnamed") => Self::UnnamedPooler,
            Ok(other) => panic!("ODDISH_TEST_THROUGH is `named` or `unnamed`, not `{other}`"),
        }
    }

    /// A pool that reaches the database of these options on this way.
    #[must_use]
    pub fn connect(self, options: &PgConnectOptions, connections: u32) -> Db {
        connect_lazy(&self.url(options), connections)
    }

    /// The URL of the database of these options on this way, with the statement cache that the way needs.
    #[must_use]
    pub fn url(self, options: &PgConnectOptions) -> DatabaseUrl {
        let mut direct = options.to_url_lossy();
        // sqlx's own conversion leaves the name out.
        let name = options.get_application_name().unwrap_or("oddish");
        direct.query_pairs_mut().append_pair("application_name", name);
        let direct = url(direct.as_str());
        let pooler = match self {
            Self::Nothing => return direct,
            Self::NamedPooler => "ODDISH_TEST_POOLER_NAMED",
            Self::UnnamedPooler => "ODDISH_TEST_POOLER_UNNAMED",
        };
        let any = env::var(pooler).unwrap_or_else(|_| panic!("{pooler} is not set: run `cargo xtask test`"));
        let server = any.rsplit_once('/').map_or(any.as_str(), |(server, _)| server);
        let statements = if self == Self::UnnamedPooler { 0 } else { 100 };
        let database = options.get_database().unwrap_or_default();
        url(&format!("{server}/{database}?application_name={name}"))
            .with_statement_cache(statements)
            .with_direct(&direct)
    }
}

fn url(text: &str) -> DatabaseUrl {
    text.parse().unwrap_or_else(|wanted| panic!("`{text}` is no URL of a database; wanted {wanted}"))
}

/// The URL of the test's database, past a pooler.
#[must_use]
pub fn direct_url(db: &Db) -> String {
    db.direct_options().to_url_lossy().into()
}

/// Creates an empty database on the server of `DATABASE_URL`, for tests that hand its URL to programs. Nothing drops it: the server is
/// thrown away.
pub async fn create_database(prefix: &str) -> String {
    let server = env::var("DATABASE_URL").unwrap_or_else(|_| panic!("DATABASE_URL is not set: run `cargo xtask test`"));
    let name = format!("{prefix}_{}", uuid::Uuid::new_v4().simple());
    let create = sqlx::raw_sql(AssertSqlSafe(format!("create database {name}")));
    if let Err(error) = create.execute(&connect_lazy(&url(&server), 1)).await {
        panic!("`create database {name}` failed: {error}");
    }
    let (base, _) = server.rsplit_once('/').unwrap_or((&server, ""));
    format!("{base}/{name}")
}

/// Runs a test with the database of these options. `#[with_database]` calls this.
pub async fn run<F: Future>(options: &PgConnectOptions, test: impl FnOnce(Db) -> F) -> F::Output {
    let db = Through::chosen().connect(options, CONNECTIONS);
    let outcome = test(db.clone()).await;
    // Connections that are still in use keep the database from being dropped, which is no fault of the test.
    let _ = tokio::time::timeout(Duration::from_secs(10), db.close()).await;
    outcome
}
