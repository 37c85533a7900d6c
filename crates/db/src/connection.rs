//! The database's URL, and connections to it.

use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

use oddish_domain::database_url;
use oddish_domain::settings::{ALL_PROGRAMS, Group, Reader, Setting, Value};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::{Instant, sleep, timeout};

use crate::Db;
use crate::database::Statements;

/// The URL of the database.
pub const DATABASE_URL: Setting<Option<DatabaseUrl>> = Setting::optional("DATABASE_URL").secret().doc(
    "Postgres 15 or newer, postgresql://user:password@host:5432/name (postgresql+asyncpg:// is accepted too). Unset: \
     oddish-server keeps a private Postgres of its own.",
);
const ODDISH_DATABASE_URL: Setting<Option<DatabaseUrl>> =
    Setting::optional("ODDISH_DATABASE_URL").secret().doc("Another name for DATABASE_URL, which takes precedence.");
const POOL_SIZE: Setting<u32> = Setting::new("ODDISH_DB_POOL_SIZE", 10)
    .within(1, 1000)
    .unit("connections")
    .doc("Most database connections of each process.");
const STATEMENT_CACHE: Setting<usize> =
    Setting::new("ODDISH_DB_STATEMENT_CACHE", 100).within(0, 10_000).unit("statements").doc(
        "Statements that each connection keeps prepared, under names that poolers follow (PgBouncer from 1.21 on with \
         max_prepared_statements, RDS Proxy, Neon, Supabase). Behind a pooler that does not, named statements fail or answer with \
         another client's rows: set 0, and every statement is unnamed and runs inside an explicit transaction, at two round \
         trips more.",
    );
const DIRECT_URL: Setting<Option<DatabaseUrl>> = Setting::optional("ODDISH_DATABASE_DIRECT_URL").secret().doc(
    "URL of the same database without a pooler, for migrations and LISTEN, which need a session of their own. Unset: \
     DATABASE_URL.",
);

/// Time for a server to answer a new connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the database is and how many connections to keep.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// The URL, if one is set.
    pub url: Option<DatabaseUrl>,
    /// Most connections.
    pub pool_size: u32,
}

/// A URL that was found to be that of a Postgres database. Its text holds a password: `Debug` does not show it.
#[derive(Clone)]
pub struct DatabaseUrl {
    text: String,
    options: PgConnectOptions,
    statements: Statements,
    /// Reaches the server past a pooler, where `options` do not.
    direct: Option<PgConnectOptions>,
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatabaseUrl({})", self.place())
    }
}

impl DatabaseUrl {
    /// Connections of this URL keep so many statements prepared, under names. With 0 every statement is unnamed and runs inside an
    /// explicit transaction, which poolers that do not follow names need.
    #[must_use]
    pub fn with_statement_cache(mut self, statements: usize) -> Self {
        self.options = self.options.statement_cache_capacity(statements);
        self.statements = if statements > 0 { Statements::Named } else { Statements::Unnamed };
        self
    }

    /// Sessions connect to `direct`, which reaches the same database and not through a pooler.
    #[must_use]
    pub fn with_direct(mut self, direct: &Self) -> Self {
        self.direct = Some(direct.options.clone());
        self
    }

    fn pool_options(&self, size: u32) -> PgPoolOptions {
        let options = PgPoolOptions::new().max_connections(size.max(1)).acquire_timeout(PATIENCE);
        // The `BEGIN` before every unnamed statement tests the connection as well, and saves a round trip.
        options.test_before_acquire(self.statements == Statements::Named)
    }

    fn db(&self, pool: PgPool) -> Db {
        Db { pool, statements: self.statements, direct: self.direct.as_ref().unwrap_or(&self.options).clone() }
    }

    /// The URL as libpq would take it, password included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `host:port/database`, fit to be shown.
    #[must_use]
    pub fn place(&self) -> String {
        let (options, name) = (&self.options, self.options.get_database().unwrap_or_default());
        database_url::place(options.get_host(), options.get_port(), name)
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    /// Accepts `postgres://` and `postgresql://`, with or without the driver suffix that `SQLAlchemy` wants.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = database_url::normalise(text)?;
        let options =
            PgConnectOptions::from_str(&text).map_err(|_| "a URL that Postgres's own programs take".to_owned())?;
        // A URL has brackets around an IPv6 address, and nothing else has.
        let host = options.get_host().trim_matches(['[', ']']).to_owned();
        // Poolers refuse a parameter that they do not know. It shapes numbers in text, and ours are binary.
        let mut options = options.host(&host).extra_float_digits(None);
        if options.get_application_name().is_none() {
            options = options.application_name("oddish");
        }
        Ok(Self { text, options, statements: Statements::Named, direct: None })
    }
}

impl DatabaseSettings {
    /// Their settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Database",
        read_by: ALL_PROGRAMS,
        settings: &[&DATABASE_URL, &ODDISH_DATABASE_URL, &POOL_SIZE, &STATEMENT_CACHE, &DIRECT_URL],
    };

    /// Reads [`Self::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let (preferred, other) = (reader.get(&DATABASE_URL), reader.get(&ODDISH_DATABASE_URL));
        let (statements, direct) = (reader.get(&STATEMENT_CACHE), reader.get(&DIRECT_URL));
        let url = preferred.or(other).map(|url| url.with_statement_cache(statements));
        Self {
            url: url.map(|url| if let Some(direct) = &direct { url.with_direct(direct) } else { url }),
            pool_size: reader.get(&POOL_SIZE),
        }
    }

    /// The URL, for a program that cannot do without.
    pub fn required(self) -> Result<DatabaseUrl, NoDatabase> {
        self.url.ok_or(NoDatabase)
    }
}

impl Value for DatabaseUrl {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|wanted| format!("wanted {wanted}"))
    }
}

/// No database is configured.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no database is configured: set DATABASE_URL to postgresql://user:password@host:5432/name")]
pub struct NoDatabase;

/// The database could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to the database at {place}: {}", way_out(source))]
pub struct ConnectError {
    place: String,
    source: sqlx::Error,
}

fn way_out(error: &sqlx::Error) -> String {
    let io = if let sqlx::Error::Io(error) = error { Some(error.kind()) } else { None };
    database_url::way_out(io, error.as_database_error().and_then(DatabaseError::code).as_deref())
}

/// Connects, and makes sure that the database answers. One that is starting, or has no room at the moment, is waited for.
#[expect(clippy::disallowed_methods, reason = "a pool that cannot connect says no more than that it waited")]
pub async fn connect(url: &DatabaseUrl, pool_size: u32) -> Result<Db, ConnectError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let tried = timeout(PATIENCE, url.options.clone().connect()).await;
        match tried.unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into()))) {
            Ok(connection) => {
                let _it_was_there = connection.close().await;
                return Ok(connect_lazy(url, pool_size));
            }
            Err(sqlx::Error::Database(error)) if error.is_transient_in_connect_phase() && Instant::now() < until => {
                sleep(Duration::from_millis(250)).await;
            }
            Err(source) => return Err(ConnectError { place: url.place(), source }),
        }
    }
}

/// A pool that connects when it is first used.
#[expect(clippy::disallowed_methods, reason = "the one place that makes a pool")]
#[must_use]
pub fn connect_lazy(url: &DatabaseUrl, pool_size: u32) -> Db {
    url.db(url.pool_options(pool_size).connect_lazy_with(url.options.clone()))
}
