//! Running statements on connections that may be shared through a proxy.
//!
//! sqlx names every statement that it prepares, also where it is told to keep none: with a capacity of 0 the names pile up on the
//! server. A named statement belongs to one connection of the server, to which a proxy then ties its client for good. So where no
//! statements are kept, each runs unnamed.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Describe, Either, Error, Execute, Executor, Postgres, SqlStr};

/// Whether statements are named and kept. One for the process: it talks to one database, the same way everywhere.
static KEEP: AtomicBool = AtomicBool::new(true);

/// Says whether statements are named and kept from now on.
pub(crate) fn keep(keep: bool) {
    KEEP.store(keep, Ordering::Relaxed);
}

/// A pool or connection that runs statements named or unnamed, as [`keep`] said.
#[derive(Debug)]
pub(crate) struct On<X>(pub(crate) X);

impl<'c, X: Executor<'c, Database = Postgres>> Executor<'c> for On<X> {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.0.fetch_many(Statement(query))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.0.fetch_optional(Statement(query))
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        self.0.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        self.0.describe(sql)
    }
}

struct Statement<E>(E);

impl<E> fmt::Debug for Statement<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Statement")
    }
}

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Statement<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        KEEP.load(Ordering::Relaxed) && self.0.persistent()
    }
}
