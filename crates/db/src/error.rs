//! Errors of queries.

use crate::word::UnknownWord;

/// A query or transaction that did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The database could not be reached, or broke the connection. Trying again later may help.
    #[error("the database is not reachable while {doing}")]
    Unreachable {
        /// What was being done.
        doing: &'static str,
        /// The driver's own words.
        source: sqlx::Error,
    },
    /// The transaction and another one waited for each other, and this one was undone. Repeating it helps.
    #[error("another transaction got in the way of trying to {doing}")]
    Deadlock {
        /// What was being done.
        doing: &'static str,
        /// The driver's own words.
        source: sqlx::Error,
    },
    /// The database refused the query.
    #[error("the database refused to {doing}")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// The constraint that refused, when one did.
        constraint: Option<String>,
        /// The driver's own words.
        source: sqlx::Error,
    },
    /// A text holds a NUL character, which Postgres cannot store or compare.
    #[error("a text holds a NUL character, which cannot be stored, while trying to {doing}")]
    Nul {
        /// What was being done.
        doing: &'static str,
    },
    /// A pooler shares the server's connections and does not follow named statements, which are then missing, or another client's.
    #[error(
        "a pooler before the database does not follow named statements, while trying to {doing}: set ODDISH_DB_STATEMENT_CACHE=0, or use a \
         pooler that follows them (PgBouncer 1.21 or newer with max_prepared_statements)"
    )]
    StatementsNotFollowed {
        /// What was being done.
        doing: &'static str,
        /// The driver's own words.
        source: sqlx::Error,
    },
    /// A row holds something that this version does not understand.
    #[error("the database holds {what}, which this version does not understand")]
    Unknown {
        /// Which value of which column.
        what: String,
    },
}

impl DbError {
    /// Wraps a driver error with what was being done.
    fn of(source: sqlx::Error, doing: &'static str) -> Self {
        match &source {
            sqlx::Error::Database(database) => {
                let constraint = database.constraint().map(String::from);
                // 22021: a NUL in a text; 22P05: one in jsonb (PostgreSQL manual, appendix A).
                if database.code().is_some_and(|code| matches!(&*code, "22021" | "22P05")) {
                    return Self::Nul { doing };
                }
                // Duplicate and invalid names of prepared statements.
                if database.code().is_some_and(|code| matches!(&*code, "42P05" | "26000")) {
                    return Self::StatementsNotFollowed { doing, source };
                }
                if database.code().as_deref() == Some("40P01") {
                    return Self::Deadlock { doing, source };
                }
                // Class 57 is operator intervention (a restart, a cancelled backend), class 08 a broken connection, 53 exhaustion.
                let class = database.code().map(|code| code.chars().take(2).collect::<String>());
                if matches!(class.as_deref(), Some("57" | "08" | "53")) {
                    Self::Unreachable { doing, source }
                } else {
                    Self::Refused { doing, constraint, source }
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Self::Unreachable { doing, source },
            sqlx::Error::ColumnDecode { index, source: cause }
                if let Some(UnknownWord(word)) = cause.downcast_ref() =>
            {
                // A row names its columns, a checked query counts them from 0.
                let column =
                    index.parse::<usize>().map_or_else(|_| index.replace('"', ""), |place| (place + 1).to_string());
                Self::Unknown { what: format!("`{word}` in column {column} (to {doing})") }
            }
            _ => Self::Refused { doing, constraint: None, source },
        }
    }

    /// Whether this is the violation of the named constraint.
    #[must_use]
    pub fn violates(&self, name: &str) -> bool {
        matches!(self, Self::Refused { constraint: Some(constraint), .. } if constraint == name)
    }

    /// Whether the server's disk is full, for which it waits until somebody has freed some.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Unreachable { source: sqlx::Error::Database(error), .. } if error.code().as_deref() == Some("53100"))
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Deadlock { .. })
    }
}

/// Says of a driver's result what was being done.
pub(crate) trait Doing<T> {
    /// An error becomes a [`DbError`] that says what was being done: `.doing("end a job")?`.
    fn doing(self, what: &'static str) -> Result<T, DbError>;

    /// The same, where nobody wants the answer: `.done("end a job")`.
    fn done(self, what: &'static str) -> Result<(), DbError>
    where
        Self: Sized,
    {
        self.doing(what).map(drop)
    }
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, what: &'static str) -> Result<T, DbError> {
        self.map_err(|source| DbError::of(source, what))
    }
}
