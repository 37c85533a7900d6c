//! What a trial printed, as one text: whole, its last lines, or from an offset on, also while it is being written.

use std::time::{Duration, Instant};

use oddish_api_types::{LogQuery, LogSource, TrialLogsResponse, TrialStatus};
use oddish_artifacts::log_text::LogText;
use oddish_artifacts::{ArtifactStore, key};
use oddish_db::Db;
use oddish_db::trial_artifacts::TrialArtifacts;

use super::reading::find;
use crate::Error;
use crate::answer::{ROOM, decode};
use crate::caller::Caller;
use crate::capabilities::Artifacts;

/// Bytes of log in one answer at the most.
const MOST: u64 = 2 << 20;
/// Fewer bytes than this are not read: a character has as many.
const LEAST: u64 = 4;
/// Bytes of an answer in addition to the text.
const AROUND: usize = 4096;
/// Time between two looks at a log that is waited for. Its writer adds to it every two seconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The part of the log that is wanted, checked.
#[derive(Clone, Copy, Debug)]
enum Part {
    Whole,
    Tail { lines: usize, most: u64 },
    From { offset: u64, most: u64, wait: Duration },
}

impl Part {
    fn of(query: &LogQuery) -> Result<Self, Error> {
        let refused = |field: &str, rule: &str| Err(Error::invalid(field, format_args!("{field} {rule}")));
        if query.limit.is_some_and(|limit| !(1..=MOST).contains(&limit)) {
            return refused("limit", "must be from 1 to 2097152");
        }
        if query.wait.is_some_and(|wait| wait > 20) {
            return refused("wait", "must be from 0 to 20");
        }
        let most = query.limit.unwrap_or(MOST).max(LEAST);
        match (query.tail, query.offset, query.limit, query.wait) {
            (Some(lines), _, _, _) if !(1..=10_000).contains(&lines) => refused("tail", "must be from 1 to 10000"),
            (Some(lines), None, _, None) => Ok(Self::Tail { lines: lines as usize, most }),
            (Some(_), _, _, _) => refused("tail", "cannot be combined with offset or wait"),
            (None, None, None, None) => Ok(Self::Whole),
            (None, offset, _, wait) => {
                let wait = Duration::from_secs(wait.unwrap_or_default());
                Ok(Self::From { offset: offset.unwrap_or_default(), most, wait })
            }
        }
    }
}

/// Returns the log of a trial, or the part of it that is wanted; waits if that was asked for.
pub async fn get(
    db: &Db,
    Artifacts(store): &Artifacts,
    caller: Caller<'_>,
    trial_id: &str,
    query: &LogQuery,
) -> Result<TrialLogsResponse, Error> {
    if let Caller::Guest(_) = caller {
        // Before a guest is told what is wrong with a query: without the trial there is nothing to ask about.
        find(db, caller, trial_id, None).await?;
    }
    let part = Part::of(query)?;
    let until = match part {
        Part::From { wait, .. } => Instant::now() + wait,
        Part::Whole | Part::Tail { .. } => Instant::now(),
    };
    let mut known = None;
    loop {
        // The end of an attempt is looked for before what it wrote: once it has ended, nothing is added any more.
        let trial = find(db, caller, trial_id, query.attempt).await?;
        let log = Log::open(store.as_ref(), &trial, query.attempt, known.take()).await?;
        let answer = log.answer(store.as_ref(), &trial, part).await?;
        let left = until.saturating_duration_since(Instant::now());
        if !answer.logs.is_empty() || answer.complete || left.is_zero() {
            return Ok(answer);
        }
        known = Some(log);
        tokio::time::sleep(LOOK_EVERY.min(left)).await;
    }
}

/// One of the logs of a trial.
struct Log {
    source: LogSource,
    attempt: Option<i32>,
    text: LogText,
    /// Whether nothing will be added.
    is_over: bool,
}

impl Log {
    async fn open(
        store: &dyn ArtifactStore,
        trial: &TrialArtifacts,
        asked: Option<i32>,
        known: Option<Self>,
    ) -> Result<Self, Error> {
        let newest = trial.newest_attempt;
        if let Some(attempt) = asked.filter(|attempt| *attempt < 1 || newest.is_none_or(|newest| *attempt > newest)) {
            let text = format!("Attempt {attempt} of trial {} has not begun", trial.trial_id);
            return Err(Error::not_found(text));
        }
        let trial_is_over = trial.status.is_terminal();
        if let (None, false, Some(prefix)) = (asked, trial.status == TrialStatus::Running, &trial.prefix) {
            let text = LogText::of_files(store, prefix).await?;
            return Ok(Self { source: LogSource::Files, attempt: newest, text, is_over: trial_is_over });
        }
        let attempt = asked.or(newest);
        let is_over = match asked {
            Some(attempt) => trial.attempt_ended || newest.is_some_and(|newest| newest > attempt),
            None => trial_is_over,
        };
        let known = known.filter(|known| known.source == LogSource::Live && known.attempt == attempt);
        let mut text = known.map_or_else(LogText::default, |known| known.text);
        if let Some(attempt) = attempt {
            let prefix = key::attempt_log_prefix(&trial.task_id, &trial.trial_id, attempt.unsigned_abs())?;
            text.grow(store, &prefix).await?;
        }
        Ok(Self { source: LogSource::Live, attempt, text, is_over })
    }

    async fn answer(
        &self,
        store: &dyn ArtifactStore,
        trial: &TrialArtifacts,
        part: Part,
    ) -> Result<TrialLogsResponse, Error> {
        let size = self.text.size();
        let mut before_is_missing = false;
        let (offset, bytes) = match part {
            // Of a log that grows the newest is wanted, of one that has ended the beginning.
            Part::Whole if self.source == LogSource::Live => {
                let start = size.saturating_sub(MOST);
                before_is_missing = start > 0;
                (start, self.text.read(store, start..size).await?)
            }
            Part::Whole => (0, self.text.read(store, 0..size.min(MOST)).await?),
            Part::Tail { lines, most } => {
                let tail = self.text.tail(store, lines, most).await?;
                before_is_missing = !tail.is_whole;
                (tail.start, tail.bytes)
            }
            Part::From { offset, most, .. } => {
                let start = offset.min(size);
                (start, self.text.read(store, start..size.min(start + most)).await?)
            }
        };
        let is_end = self.is_over && offset + bytes.len() as u64 >= size;
        let decoded = decode(&bytes, ROOM - AROUND, is_end);
        let next_offset = offset + decoded.bytes as u64;
        let mut logs = decoded.text;
        let after_is_missing = decoded.is_full || offset + (bytes.len() as u64) < size;
        if let Part::Whole = part {
            note_what_is_missing(&mut logs, offset, if after_is_missing { size - next_offset } else { 0 });
        }
        Ok(TrialLogsResponse {
            trial_id: trial.trial_id.clone(),
            logs,
            s3_key: trial.prefix.clone(),
            source: self.source,
            attempt: self.attempt,
            newest_attempt: trial.newest_attempt,
            offset,
            next_offset,
            size,
            complete: self.is_over && next_offset == size,
            truncated: before_is_missing || after_is_missing,
        })
    }
}

/// Says in the text how many bytes of the log are not in it.
fn note_what_is_missing(logs: &mut String, before: u64, after: u64) {
    if before > 0 {
        let note = format!("[Too long to show whole: {before} earlier bytes can be read with `offset`]\n");
        logs.insert_str(0, &note);
    }
    if after > 0 {
        let note = format!("\n[Too long to show whole: {after} more bytes can be read with `offset`]\n");
        logs.push_str(&note);
    }
}
