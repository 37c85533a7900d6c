//! Where the database is, and connecting to it.

use std::str::FromStr;
use std::time::Duration;

use oddish_domain::settings::{ALL_PROGRAMS, Group, Reader, Setting, Value};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::statements;

/// The URL of the database.
pub const DATABASE_URL: Setting<Option<DatabaseUrl>> = Setting::optional("DATABASE_URL").secret().doc(
    "Postgres 15 or newer, postgresql://user:password@host:5432/name (postgresql+asyncpg:// is accepted too). Unset: \
     oddish-server keeps a private Postgres of its own.",
);
const ODDISH_DATABASE_URL: Setting<Option<DatabaseUrl>> =
    Setting::optional("ODDISH_DATABASE_URL").secret().doc("The same; DATABASE_URL goes before it.");
const POOL_SIZE: Setting<u32> = Setting::new("ODDISH_DB_POOL_SIZE", 10)
    .within(1, 1000)
    .unit("connections")
    .doc("Connections at the most, for each process.");
const STATEMENT_CACHE: Setting<usize> =
    Setting::new("ODDISH_DB_STATEMENT_CACHE", 100).within(0, 10_000).unit("statements").doc(
        "Statements that each connection keeps prepared. 0 where a proxy shares connections between clients, such as RDS Proxy or \
         PgBouncer: a prepared statement belongs to one of them.",
    );

/// Where the database is and how many connections to keep.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// The URL, if one is set.
    pub url: Option<DatabaseUrl>,
    /// Connections at the most.
    pub pool_size: u32,
}

/// A URL that was found to be that of a Postgres database. Its text holds a password: `Debug` does not show it.
#[derive(Clone)]
pub struct DatabaseUrl {
    text: String,
    options: PgConnectOptions,
    /// Whether statements are named and kept.
    keep_statements: bool,
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatabaseUrl({})", self.place())
    }
}

impl DatabaseUrl {
    /// Connections of this URL keep so many statements prepared. With 0 they use unnamed ones only, which end with their transaction.
    #[must_use]
    pub fn with_statement_cache(mut self, statements: usize) -> Self {
        self.options = self.options.statement_cache_capacity(statements);
        self.keep_statements = statements > 0;
        self
    }

    /// The URL as libpq would take it, password included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `host:port/database`, fit to be shown.
    #[must_use]
    pub fn place(&self) -> String {
        let options = &self.options;
        format!("{}:{}/{}", options.get_host(), options.get_port(), options.get_database().unwrap_or_default())
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    /// Accepts `postgres://` and `postgresql://`, with or without the driver suffix that `SQLAlchemy` wants.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").ok_or("a URL like postgresql://user:password@host:5432/name")?;
        let (scheme, _driver) = scheme.split_once('+').unwrap_or((scheme, ""));
        if !matches!(scheme, "postgres" | "postgresql") {
            return Err("a URL that starts with postgresql://".to_owned());
        }
        let text = format!("postgresql://{rest}");
        let options =
            PgConnectOptions::from_str(&text).map_err(|_| "a URL like postgresql://user:password@host:5432/name")?;
        Ok(Self { text, options, keep_statements: true })
    }
}

impl DatabaseSettings {
    /// Their settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Database",
        read_by: ALL_PROGRAMS,
        settings: &[&DATABASE_URL, &ODDISH_DATABASE_URL, &POOL_SIZE, &STATEMENT_CACHE],
    };

    /// Reads [`Self::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let (preferred, other) = (reader.get(&DATABASE_URL), reader.get(&ODDISH_DATABASE_URL));
        let statements = reader.get(&STATEMENT_CACHE);
        Self {
            url: preferred.or(other).map(|url| url.with_statement_cache(statements)),
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
#[error("cannot connect to the database at {place}. Check that it runs and that DATABASE_URL is right")]
pub struct ConnectError {
    place: String,
    source: sqlx::Error,
}

/// Connects, and makes sure that the database answers.
pub async fn connect(url: &DatabaseUrl, pool_size: u32) -> Result<PgPool, ConnectError> {
    let pool = pool_options(pool_size);
    pool.connect_with(connect_options(url)).await.map_err(|source| ConnectError { place: url.place(), source })
}

/// A pool that connects when it is first used.
#[must_use]
pub fn connect_lazy(url: &DatabaseUrl, pool_size: u32) -> PgPool {
    pool_options(pool_size).connect_lazy_with(connect_options(url))
}

fn pool_options(size: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(size.max(1)).acquire_timeout(Duration::from_secs(10))
}

fn connect_options(url: &DatabaseUrl) -> PgConnectOptions {
    statements::keep(url.keep_statements);
    url.options.clone().application_name("oddish")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> (DatabaseSettings, bool) {
        let owned = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = oddish_domain::settings::Settings::from_map(owned.collect());
        let mut reader = settings.reader();
        let read = DatabaseSettings::read(&mut reader);
        (read, reader.finish().is_ok())
    }

    #[test]
    fn the_driver_suffix_is_dropped_and_the_password_not_shown() {
        let url: DatabaseUrl = "postgresql+asyncpg://oddish:hush@db.example:5433/evals".parse().unwrap();
        assert_eq!(url.text(), "postgresql://oddish:hush@db.example:5433/evals");
        assert_eq!(format!("{url:?}"), "DatabaseUrl(db.example:5433/evals)");
    }

    #[test]
    fn database_url_goes_before_the_prefixed_one() {
        let (read, ok) =
            settings(&[("ODDISH_DATABASE_URL", "postgres://a/second"), ("DATABASE_URL", "postgres://a/first")]);
        assert!(ok);
        assert_eq!(read.url.unwrap().place(), "a:5432/first");
        let (read, _) = settings(&[("ODDISH_DATABASE_URL", "postgres://a/second"), ("DATABASE_URL", "")]);
        assert_eq!(read.url.unwrap().place(), "a:5432/second");
    }

    #[test]
    fn another_kind_of_database_is_a_fault() {
        assert!(!settings(&[("DATABASE_URL", "mysql://a/b")]).1);
        assert!(!settings(&[("DATABASE_URL", "nonsense")]).1);
    }
}
