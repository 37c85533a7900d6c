//! Leases of begun jobs, which tell whether their runners are alive.
//!
//! A runner renews its lease as long as it works. Where it stops without a word, its launcher notices; the lease is the net under that.
//! One that ran out makes the job suspect, and only a job that stays suspect for a while is dead: when the database was away, nobody could
//! renew, and live runners do so as soon as it is back.

use oddish_domain::status::JobKind;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::error::Doing;
use crate::jobs::{AttemptRef, Fenced, LEASE, LiveAttempt, ProcessIdentity};
use crate::word::Word;
use crate::{Db, DbError};

/// How long a job is suspect before it is dead.
pub const SUSPICION: Duration = Duration::seconds(30);

/// Renews the lease of an attempt.
pub async fn renew(db: &Db, token: Uuid, now: OffsetDateTime) -> Result<Fenced, DbError> {
    sqlx::query!(
        "update oddish.jobs set lease_until = $2, suspect_since = null where token = $1 and state = 'begun'",
        token,
        now + LEASE
    )
    .execute(db)
    .await
    .map(|done| if done.rows_affected() == 0 { Fenced::Stale } else { Fenced::Accepted })
    .doing("renew a lease")
}

/// Marks the jobs whose lease has run out, and returns how many were marked.
pub async fn suspect(db: &Db, now: OffsetDateTime) -> Result<u64, DbError> {
    sqlx::query!(
        "update oddish.jobs set suspect_since = $1
        where id in (
            select id from oddish.jobs
            where state = 'begun' and lease_until < $1 and suspect_since is null
            limit 10000 for update skip locked)",
        now
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected())
    .doing("look for leases that ran out")
}

/// The attempts that have been suspect for long enough.
pub async fn dead(db: &Db, now: OffsetDateTime) -> Result<Vec<LiveAttempt>, DbError> {
    let rows = sqlx::query!(
        r#"select j.kind as "kind!: Word<JobKind>", coalesce(j.trial_id, j.task_id) as "subject!", j.attempt as number, j.token as "token!", a.host as "host!",
            a.pid as "pid!", a.process_started_at as "process_started_at!"
        from oddish.jobs j
        join oddish.attempts a on a.token = j.token
        where j.state = 'begun' and j.suspect_since <= $1 order by j.suspect_since limit 1000"#,
        now - SUSPICION
    )
    .fetch_all(db)
    .await
    .doing("look for dead runners")?;
    let dead = rows.into_iter().map(|row| {
        let attempt = AttemptRef::read(row.kind, row.subject, row.number, row.token);
        let process = ProcessIdentity { host: row.host, pid: row.pid, started_at: row.process_started_at };
        LiveAttempt { attempt, process }
    });
    Ok(dead.collect())
}
