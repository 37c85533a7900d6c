//! The database as the rest of this crate uses it: [`Db`], a pool of connections, and [`Tx`], a transaction. Both run every
//! statement, and both apply the one rule that makes a statement safe behind any pooler.
//!
//! **The rule.** sqlx prepares a statement in one round trip and executes it in the next. A pooler in transaction mode may give the
//! server connection to another client in between. A *named* statement survives that where the pooler follows names (`PgBouncer` from
//! 1.21 on, with `max_prepared_statements`). An *unnamed* statement does not: another client's overwrites it, and the answer is the
//! answer to another client's question. Inside an explicit transaction the pooler keeps the server connection, so an unnamed statement
//! is safe there, behind poolers that do not follow names too. Therefore a statement is either named and kept, which is the default, or
//! runs inside an explicit transaction. An unnamed statement outside a transaction cannot be written: [`Db`] is the only way to a connection, and clippy
//! refuses the others (`clippy.toml`).

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use sqlx::error::BoxDynError;
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgPool, PgQueryResult, PgRow, PgStatement, PgTransaction, PgTypeInfo,
};
use sqlx::{Describe, Either, Error, Execute, Executor, Postgres, SqlStr};

/// How statements reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statements {
    /// Each is named, prepared once for each connection, and kept.
    Named,
    /// Each is unnamed and runs inside an explicit transaction: for poolers that do not follow names.
    Unnamed,
}

/// A pool of connections to the database. Cloning it is cheap and shares the pool.
#[derive(Clone)]
pub struct Db {
    pub(crate) pool: PgPool,
    pub(crate) statements: Statements,
    /// Reaches the server itself, past a pooler (`direct.rs` lists what needs it).
    pub(crate) direct: PgConnectOptions,
}

/// Without the options, which have a password.
impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// A transaction. Dropping it rolls it back.
#[derive(Debug)]
pub struct Tx {
    transaction: PgTransaction<'static>,
    statements: Statements,
}

impl Db {
    /// Begins a transaction.
    #[expect(clippy::disallowed_methods, reason = "this is the way to a transaction")]
    pub async fn begin(&self) -> Result<Tx, Error> {
        let mut others = match self.statements {
            Statements::Named => 0, // The pool has tested the connection.
            Statements::Unnamed => self.pool.options().get_max_connections(),
        };
        loop {
            match self.pool.begin().await {
                // Nothing was done yet, and the pool drops a broken connection when it gets it back.
                Err(error) if others > 0 && is_broken(&error) => others -= 1,
                begun => return Ok(Tx { transaction: begun?, statements: self.statements }),
            }
        }
    }

    /// How the server itself is reached, past a pooler.
    #[must_use]
    pub fn direct_options(&self) -> &PgConnectOptions {
        &self.direct
    }

    /// Closes all connections, once those in use are given back.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Waits for the answer, or until the pool is closed, which is an error.
    pub(crate) async fn unless_closed<T>(&self, answer: impl Future<Output = T>) -> Result<T, Error> {
        self.pool.close_event().do_until(answer).await
    }
}

impl Tx {
    /// Keeps what the transaction did.
    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await
    }

    /// Undoes what the transaction did. Its locks are free when this returns.
    pub async fn rollback(self) -> Result<(), Error> {
        self.transaction.rollback().await
    }
}

/// Whether the connection had ended when it was used: the server was restarted, or a pooler has closed it.
fn is_broken(error: &Error) -> bool {
    match error {
        Error::Io(_) => true,
        // Class 57: an operator's intervention, the server's last words; class 08: the connection is gone (manual, appendix A).
        Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08")),
        _ => false,
    }
}

/// What sqlx wants of an executor beside `fetch_many`: the row of an answer, and ways to look at a statement, which nothing here calls.
macro_rules! delegate {
    ($to:ident) => {
        fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
        where
            'c: 'e,
            E: 'q + Execute<'q, Postgres>,
        {
            // To the end of the answer: an error may follow the row.
            self.fetch_many(query).try_fold(None, async |row, step| Ok(row.or(step.right()))).boxed()
        }

        fn prepare_with<'e>(self, sql: SqlStr, types: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
        where
            'c: 'e,
        {
            self.$to.prepare_with(sql, types)
        }

        fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
        where
            'c: 'e,
        {
            self.$to.describe(sql)
        }
    };
}

impl<'c> Executor<'c> for &'c Db {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::of(query, self.statements);
        if self.statements == Statements::Named {
            return self.pool.fetch_many(statement);
        }
        let answer = async {
            let mut tx = self.begin().await?;
            let answer: Vec<_> = tx.transaction.fetch_many(statement).try_collect().await?;
            tx.commit().await?;
            Ok::<_, Error>(stream::iter(answer).map(Ok))
        };
        stream::once(answer).try_flatten().boxed()
    }

    delegate!(pool);
}

impl<'c> Executor<'c> for &'c mut Tx {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.transaction.fetch_many(Statement::of(query, self.statements))
    }

    delegate!(transaction);
}

/// A query that says by itself whether it is named.
struct Statement {
    sql: SqlStr,
    /// None where the query goes to the server as it is, in one message, and prepares nothing.
    arguments: Result<Option<PgArguments>, BoxDynError>,
    statements: Statements,
}

impl Statement {
    fn of<'q>(mut query: impl Execute<'q, Postgres>, statements: Statements) -> Self {
        Self { arguments: query.take_arguments(), sql: query.sql(), statements }
    }
}

impl Execute<'_, Postgres> for Statement {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        std::mem::replace(&mut self.arguments, Ok(None))
    }

    fn persistent(&self) -> bool {
        self.statements == Statements::Named
    }
}
