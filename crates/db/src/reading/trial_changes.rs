//! The trials of an experiment that changed since a reader last looked.
//!
//! Each row names the transaction that last wrote it, and a reader keeps the snapshot that it last read: what changed since is what that
//! snapshot does not see. A transaction that was open then is not passed over, however late it commits, and no writer takes a lock for it.

use sqlx::QueryBuilder;

use super::trials::{COLUMNS, Trial};
use crate::error::Doing;
use crate::{Db, DbError};

/// Which transactions a reader saw, as Postgres's `pg_snapshot` has it (its documentation, 9.27.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// All transactions below it had ended.
    pub xmin: u64,
    /// None from it on had begun.
    pub xmax: u64,
    /// Those between that were open, in ascending order.
    pub open: Vec<u64>,
}

/// Transactions that a snapshot lists at most; with more of them open it sees less than it could, and what lies between is read again.
const MOST_OPEN: usize = 64;

impl Snapshot {
    /// Sees nothing, so that everything has changed since.
    pub const START: Self = Self { xmin: 1, xmax: 1, open: Vec::new() };

    /// Whether Postgres takes it.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let in_bounds = self.open.iter().all(|open| (self.xmin..self.xmax).contains(open));
        // A transaction's number whose lower half is 0 is none.
        let is_one = |bound: u64| bound & u64::from(u32::MAX) != 0;
        let bounds =
            is_one(self.xmin) && is_one(self.xmax) && self.xmin <= self.xmax && i64::try_from(self.xmax).is_ok();
        bounds && in_bounds && self.open.is_sorted_by(|one, next| one < next) && self.open.len() <= MOST_OPEN
    }

    /// Of the text that Postgres writes: `xmin:xmax:xip,xip`.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (xmin, xmax, open) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
        let open: Vec<u64> =
            open.split(',').filter(|id| !id.is_empty()).map(|id| id.parse().ok()).collect::<Option<_>>()?;
        if open.len() > MOST_OPEN {
            return Some(Self { xmin, xmax: xmin, open: Vec::new() });
        }
        Some(Self { xmin, xmax, open })
    }

    fn text(&self) -> String {
        let open: Vec<String> = self.open.iter().map(u64::to_string).collect();
        format!("{}:{}:{}", self.xmin, self.xmax, open.join(","))
    }
}

/// A row's place among changes: the transaction that wrote it, then its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePosition {
    /// The transaction.
    pub changed_in: u64,
    /// The trial.
    pub id: String,
}

/// A trial with its place among changes.
#[derive(Clone, Debug, sqlx::FromRow)]
struct Changed {
    #[sqlx(flatten)]
    trial: Trial,
    #[sqlx(try_from = "String")]
    changed_in: TransactionId,
}

#[derive(Clone, Copy, Debug)]
struct TransactionId(u64);

impl TryFrom<String> for TransactionId {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// Some of the changes.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The trials, in the order of the transactions that wrote them.
    pub trials: Vec<Trial>,
    /// Where to go on, if there are more.
    pub next: Option<ChangePosition>,
}

/// What the database shows now; nothing where it never was at `since`: another database, or an old backup of this one.
pub async fn snapshot(db: &Db, since: &Snapshot) -> Result<Option<Snapshot>, DbError> {
    let (text, known): (String, bool) = sqlx::query_as(
        "select pg_current_snapshot()::text, pg_snapshot_xmax($1::text::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot())",
    )
    .bind(since.text())
    .fetch_one(db)
    .await
    .doing("look which transactions are open")?;
    Ok(Snapshot::read(&text).filter(|_| known))
}

/// The trials of an experiment whose last change a snapshot does not see, behind a position.
///
/// Rows that came with a backup of another database may name transactions that this one has not had yet: they are changes since the start, and
/// since no other moment.
pub async fn list(
    db: &Db,
    experiment_id: &str,
    since: &Snapshot,
    after: Option<&ChangePosition>,
    limit: i64,
) -> Result<Changes, DbError> {
    let mut query = QueryBuilder::new(format!(
        "select {COLUMNS}, t.changed_in::text as changed_in from oddish.trials t join oddish.tasks k on k.id = t.task_id
        where t.experiment_id = "
    ));
    query.push_bind(experiment_id);
    if *since != Snapshot::START {
        query.push(" and t.changed_in >= ").push_bind(since.xmin.to_string()).push("::text::xid8");
        query.push(" and t.changed_in < pg_snapshot_xmax(pg_current_snapshot())");
        query
            .push(" and not pg_visible_in_snapshot(t.changed_in, ")
            .push_bind(since.text())
            .push("::text::pg_snapshot)");
    }
    if let Some(after) = after {
        query.push(" and (t.changed_in, t.id) > (").push_bind(after.changed_in.to_string()).push("::text::xid8, ");
        query.push_bind(after.id.clone()).push(")");
    }
    query.push(" order by t.changed_in, t.id limit ").push_bind(limit.saturating_add(1));
    let mut rows: Vec<Changed> = query.build_query_as().fetch_all(db).await.doing("read the changes of trials")?;
    let wanted = usize::try_from(limit).unwrap_or_default();
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    let last = rows.last().filter(|_| more);
    let next = last.map(|row| ChangePosition { changed_in: row.changed_in.0, id: row.trial.id.clone() });
    Ok(Changes { trials: rows.into_iter().map(|row| row.trial).collect(), next })
}

#[cfg(test)]
mod tests {
    use super::{MOST_OPEN, Snapshot};

    #[test]
    fn a_snapshot_is_read_as_postgres_writes_it() {
        for text in ["10:20:10,14,15", "10:10:"] {
            let read = Snapshot::read(text).unwrap();
            assert_eq!((read.text().as_str(), read.is_valid()), (text, true));
        }
    }

    #[test]
    fn of_too_many_open_transactions_none_is_seen() {
        let open: Vec<String> = (10..=10 + MOST_OPEN).map(|id| id.to_string()).collect();
        let read = Snapshot::read(&format!("10:100:{}", open.join(","))).unwrap();
        assert_eq!(read, Snapshot { xmin: 10, xmax: 10, open: Vec::new() });
    }

    #[test]
    fn what_postgres_would_refuse_is_not_valid() {
        let snapshot = |xmin, xmax, open: &[u64]| Snapshot { xmin, xmax, open: open.to_vec() };
        let refused = [
            snapshot(0, 5, &[]),
            snapshot(6, 5, &[]),
            snapshot(5, 1 << 32, &[]),
            snapshot(1, u64::MAX, &[]),
            snapshot(5, 9, &[4]),
            snapshot(5, 9, &[9]),
            snapshot(5, 9, &[7, 6]),
            snapshot(5, 9, &[6, 6]),
        ];
        for snapshot in refused {
            assert!(!snapshot.is_valid(), "{snapshot:?}");
        }
    }
}
