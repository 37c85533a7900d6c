//! Waiting trials: their places in the queue, and the reasons why they wait.
//!
//! Nothing here costs more with a longer backlog: places are worked out for the first jobs of a key only (`oddish.queue_places`), and
//! counting stops at a bound.

use std::collections::HashMap;

use oddish_domain::status::JobState;
use time::{Duration, OffsetDateTime};

use crate::error::Doing;
use crate::word::Word;
use crate::{Db, DbError};

/// Most places of one key that are computed.
pub const PLACES: i64 = 500;
/// How many jobs of one key are counted at most, those that are ready and those that are delayed apart.
pub const COUNTED: i64 = 10_000;
/// Most places that are computed when many keys are requested.
const PLACES_OF_ALL_KEYS: i64 = 20_000;
/// How long a dispatcher may be silent: one on a schedule comes once a minute.
const SILENT_FOR: Duration = Duration::seconds(150);

/// Where a trial stands in the queue, and why it has not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its place if nothing changes, from 1; none for one that waits for its time, and for one too far back.
    pub position: Option<i64>,
    /// How many go before it; at least so many where it has no place.
    pub ahead: i64,
    /// Its key.
    pub key: KeyLoad,
    /// Why it has not begun.
    pub reason: Reason,
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLoad {
    /// The key.
    pub queue_key: String,
    /// How many jobs are ready or delayed.
    pub queued: i64,
    /// Whether there are more than were counted.
    pub more_queued: bool,
    /// How many jobs hold a slot.
    pub running: i64,
    /// How many may.
    pub limit: i32,
}

/// Why a trial has not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It failed, and is tried again when this time has come.
    RetryAt(OffsetDateTime),
    /// Its key is paused.
    KeyPaused {
        /// Since when.
        at: OffsetDateTime,
        /// `user` or `breaker`.
        by: String,
        /// Why.
        reason: Option<String>,
        /// When one trial tries whether it goes on.
        probe_at: Option<OffsetDateTime>,
    },
    /// No dispatcher has been seen lately; when one was seen last, if that is known.
    NoDispatcher(Option<OffsetDateTime>),
    /// All slots of its key are held, or will be by trials before it.
    LimitReached,
    /// It has been claimed, or will be in a moment.
    AboutToStart,
}

/// What is known of those of these trials that wait. Trials that run or have ended are left out.
pub async fn explain(db: &Db, trial_ids: &[String], now: OffsetDateTime) -> Result<HashMap<String, Waiting>, DbError> {
    let jobs = sqlx::query!(
        r#"select id, trial_id as "trial_id!", queue_key, state as "state!: Word<JobState>", due_at from oddish.jobs
        where trial_id = any($1) and kind = 'trial' and state in ('waiting', 'ready', 'claimed')"#,
        trial_ids
    )
    .fetch_all(db)
    .await
    .doing("look which trials wait")?;
    if jobs.is_empty() {
        return Ok(HashMap::new());
    }
    let mut keys: Vec<String> = jobs.iter().map(|job| job.queue_key.clone()).collect();
    keys.sort_unstable();
    keys.dedup();
    let ids: Vec<i64> = jobs.iter().map(|job| job.id).collect();
    let loads = loads(db, &keys).await?;
    let lines = lines(db, &keys, &ids).await?;
    let mut explained = HashMap::new();
    for job in jobs {
        let Some(load) = loads.get(&job.queue_key) else { continue };
        let line = lines.get(&job.queue_key);
        let state: JobState = job.state.into();
        let position = line.and_then(|line| line.places.get(&job.id).copied());
        let ahead = match (position, state) {
            (Some(position), _) => position - 1,
            (None, JobState::Claimed) => 0,
            (None, JobState::Waiting) => load.ready,
            (None, _) => line.map_or(0, |line| line.placed),
        };
        let reason = if state == JobState::Claimed {
            Reason::AboutToStart
        } else if state == JobState::Waiting && job.due_at > now {
            Reason::RetryAt(job.due_at)
        } else {
            load.reason(position, now)
        };
        explained.insert(job.trial_id, Waiting { position, ahead, key: load.key.clone(), reason });
    }
    Ok(explained)
}

struct Load {
    key: KeyLoad,
    ready: i64,
    pause: Option<Reason>,
    dispatcher_seen_at: Option<OffsetDateTime>,
}

impl Load {
    fn reason(&self, position: Option<i64>, now: OffsetDateTime) -> Reason {
        if let Some(pause) = &self.pause {
            return pause.clone();
        }
        if self.dispatcher_seen_at.is_none_or(|seen_at| seen_at < now - SILENT_FOR) {
            return Reason::NoDispatcher(self.dispatcher_seen_at);
        }
        let free = i64::from(self.key.limit) - self.key.running;
        match position {
            // Whoever waited for his time joins the line at the next claim.
            None if self.ready == 0 && free > 0 => Reason::AboutToStart,
            Some(position) if position <= free => Reason::AboutToStart,
            _ => Reason::LimitReached,
        }
    }
}

async fn loads(db: &Db, keys: &[String]) -> Result<HashMap<String, Load>, DbError> {
    let rows = sqlx::query!(
        r#"select k.queue_key, k.concurrency_limit, k.paused_at, k.paused_by, k.pause_reason, k.probe_at,
            (select count(*) from oddish.jobs j where j.queue_key = k.queue_key and j.slot is not null) as "running!",
            (select count(*) from (
                select from oddish.jobs j where j.queue_key = k.queue_key and j.state = 'ready' limit $2) counted) as "ready!",
            (select count(*) from (
                select from oddish.jobs j where j.queue_key = k.queue_key and j.state = 'waiting' limit $2) counted) as "delayed!",
            (select max(seen_at) from oddish.dispatchers) as seen_at
        from oddish.queue_keys k where k.queue_key = any($1)"#,
        keys,
        COUNTED
    )
    .fetch_all(db)
    .await
    .doing("count what queue keys hold")?;
    let loads = rows.into_iter().map(|row| {
        let key = KeyLoad {
            queue_key: row.queue_key.clone(),
            queued: row.ready + row.delayed,
            more_queued: row.ready == COUNTED || row.delayed == COUNTED,
            running: row.running,
            limit: row.concurrency_limit,
        };
        let pause = row.paused_at.map(|at| Reason::KeyPaused {
            at,
            by: row.paused_by.unwrap_or_default(),
            reason: row.pause_reason,
            probe_at: row.probe_at,
        });
        (row.queue_key, Load { key, ready: row.ready, pause, dispatcher_seen_at: row.seen_at })
    });
    Ok(loads.collect())
}

/// The front of a key's queue.
struct Line {
    placed: i64,
    places: HashMap<i64, i64>,
}

async fn lines(db: &Db, keys: &[String], ids: &[i64]) -> Result<HashMap<String, Line>, DbError> {
    let share = PLACES_OF_ALL_KEYS / i64::try_from(keys.len()).unwrap_or(i64::MAX).max(1);
    let rows = sqlx::query!(
        r#"select queue_key as "queue_key!", count(*) as "placed!",
            coalesce(array_agg(job_id) filter (where job_id = any($3)), '{}') as "jobs!",
            coalesce(array_agg(place) filter (where job_id = any($3)), '{}') as "places!"
        from oddish.queue_places($1, $2) group by queue_key"#,
        keys,
        share.clamp(1, PLACES),
        ids
    )
    .fetch_all(db)
    .await
    .doing("work out places in the queue")?;
    let lines = rows.into_iter().map(|row| {
        (row.queue_key, Line { placed: row.placed, places: row.jobs.into_iter().zip(row.places).collect() })
    });
    Ok(lines.collect())
}
