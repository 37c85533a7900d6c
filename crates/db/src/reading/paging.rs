//! Pages of lists, and their cursors.

use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Most rows.
    pub limit: i64,
    /// Rows to skip.
    pub offset: i64,
    /// Whether the list goes down from the highest value.
    pub descending: bool,
    /// The row that it goes on behind.
    pub after: Option<Position>,
}

impl Page {
    /// The first rows of a list that goes down.
    #[must_use]
    pub fn first(limit: i64) -> Self {
        Self { limit, offset: 0, descending: true, after: None }
    }
}

/// A row's place in a list: what the list is sorted by, then the id. Times count in microseconds since 1970, as Postgres keeps them;
/// they are far below what this type holds exactly.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// What the list is sorted by.
    pub value: f64,
    /// The row's id.
    pub id: String,
}

/// Rows of a list.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page goes on, if there is more.
    pub next: Option<Position>,
}

impl<T> Listed<T> {
    /// Takes the rows of a query that asked for one more than wanted.
    pub(crate) fn of(mut items: Vec<T>, limit: i64, position: impl Fn(&T) -> Position) -> Self {
        let limit = usize::try_from(limit).unwrap_or_default();
        let more = items.len() > limit;
        items.truncate(limit);
        Self { next: items.last().filter(|_| more).map(position), items }
    }
}

/// A time as a position holds it, and back.
pub(crate) fn micros(at: OffsetDateTime) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact for times before the year 2255")]
    let micros = (at.unix_timestamp_nanos() / 1000) as f64;
    micros
}

/// The time that a position holds.
pub(crate) fn from_micros(micros: f64) -> OffsetDateTime {
    #[expect(clippy::cast_possible_truncation, reason = "whole, and saturating where it is nonsense")]
    let nanos = (micros as i128).saturating_mul(1000);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A query that is built from conditions.
pub(crate) struct Conditions<'query> {
    query: &'query mut QueryBuilder<Postgres>,
    any: bool,
}

impl<'query> Conditions<'query> {
    /// The conditions of a query whose text has come to its `where`.
    pub(crate) fn of(query: &'query mut QueryBuilder<Postgres>) -> Self {
        Self { query, any: false }
    }

    /// A further condition, to be pushed.
    pub(crate) fn and(&mut self) -> &mut QueryBuilder<Postgres> {
        self.query.push(if self.any { " and " } else { " where " });
        self.any = true;
        self.query
    }
}

/// Adds the order, the bounds and one row more than wanted; by it the caller knows that there is more.
pub(crate) fn push_order(query: &mut QueryBuilder<Postgres>, by: &str, id: &str, page: &Page) {
    let direction = if page.descending { "desc" } else { "asc" };
    query.push(format!(" order by {by} {direction}, {id} {direction} limit ")).push_bind(page.limit.saturating_add(1));
    if page.offset > 0 {
        query.push(" offset ").push_bind(page.offset);
    }
}
