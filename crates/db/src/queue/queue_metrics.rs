//! Metrics of each queue key: waiting and running jobs, and the age of the oldest waiting job.

use time::OffsetDateTime;

use crate::error::Doing;
use crate::{Db, DbError};

/// The work of a queue key.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueMetrics {
    /// The key.
    pub queue_key: String,
    /// Jobs that could be claimed if there were room.
    pub ready: i64,
    /// Jobs that wait for the time of their next try, which is still to come.
    pub delayed: i64,
    /// Jobs that hold a slot: claimed or begun.
    pub running: i64,
    /// For how many seconds the job has been due that was due first; 0 where none is ready.
    pub oldest_ready_seconds: f64,
    /// Whether a dispatcher that came now would claim one: the key is not paused, and a slot is free.
    pub claimable: bool,
}

impl QueueMetrics {
    /// For how many seconds the oldest job has been due that a dispatcher would have claimed; 0 where it would have claimed none.
    #[must_use]
    pub fn oldest_claimable_seconds(&self) -> f64 {
        if self.claimable { self.oldest_ready_seconds } else { 0.0 }
    }
}

/// The keys that have work, those with the most first.
///
/// This reads `jobs` from end to end, once and without a lock: 100,000 jobs take some 45 ms, which suits a caller that asks every few seconds and
/// not in a claim. Exact counts cannot be had for less, and the age comes with them.
pub async fn read(db: &Db, now: OffsetDateTime) -> Result<Vec<QueueMetrics>, DbError> {
    sqlx::query_as!(
        QueueMetrics,
        r#"with counted as (
            select queue_key, count(*) as jobs, count(*) filter (where slot is null and due_at <= $1) as ready,
                count(*) filter (where slot is null and due_at > $1) as delayed, count(slot) as running,
                min(due_at) filter (where slot is null) as first_due_at
            from oddish.jobs group by queue_key)
        select queue_key, c.ready as "ready!", c.delayed as "delayed!", c.running as "running!",
            coalesce(greatest(extract(epoch from $1 - c.first_due_at), 0), 0)::double precision as "oldest_ready_seconds!",
            (k.paused_at is null and c.running < k.concurrency_limit) as "claimable!"
        from counted c join oddish.queue_keys k using (queue_key)
        order by c.jobs desc, queue_key"#,
        now
    )
    .fetch_all(db)
    .await
    .doing("measure the queues")
}
