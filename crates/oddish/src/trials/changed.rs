//! The trials of an experiment that changed since a client last asked.

use std::fmt::Write as _;

use oddish_api_types::{ListTrialsQuery, ListTrialsResponse, TrialChanges};
use oddish_db::Db;
use oddish_db::trial_changes::{self, ChangePosition, Snapshot};
use oddish_db::trials::{self, TrialFilter};
use time::OffsetDateTime;

use crate::Error;
use crate::paging::MAX_LIMIT;
use crate::tasks::present::present_trials;

/// What a client sends first.
const START: &str = "0";

/// Where a client is among the changes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cursor {
    /// What the client has seen, but for the pages that it reads now.
    since: Snapshot,
    /// The pages that it reads now, if it has not read the last of them.
    page: Option<OpenPage>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OpenPage {
    /// What the client will have seen behind the last page: what there was before the first.
    until: Snapshot,
    /// Where the next page begins.
    after: ChangePosition,
}

/// Lists the trials of an experiment whose row changed since a cursor, in the order of the transactions that changed them.
pub(super) async fn list(
    db: &Db,
    cursor: &str,
    query: &ListTrialsQuery,
    now: OffsetDateTime,
) -> Result<ListTrialsResponse, Error> {
    let Some(experiment_id) = query.experiment_id.as_deref() else {
        return Err(Error::invalid("changed_after", "changed_after needs an experiment_id"));
    };
    if let Some(field) = excluded(query) {
        let rule =
            format!("{field} and changed_after exclude one another: a trial that leaves a selection would not be told");
        return Err(Error::invalid(field, rule));
    }
    if !(1..=MAX_LIMIT).contains(&query.limit) {
        return Err(Error::invalid("limit", format!("limit must be from 1 to {MAX_LIMIT}")));
    }
    let cursor = Cursor::read(cursor).ok_or_else(|| {
        Error::refused(format!("Invalid changed_after: take it as `changes.next` gave it, or {START} to begin."))
    })?;
    let Some(snapshot) = trial_changes::snapshot(db, &cursor.since).await? else {
        return Err(Error::refused(format!(
            "changed_after is of another database, or of a state that this one was restored from: begin again with {START}."
        )));
    };
    let (until, after) = match cursor.page {
        None => (snapshot, None),
        Some(page) => (page.until, Some(page.after)),
    };
    let changes = trial_changes::list(db, experiment_id, &cursor.since, after.as_ref(), query.limit).await?;
    let complete = changes.next.is_none();
    let next = match changes.next {
        None => Cursor { since: until, page: None },
        Some(after) => Cursor { since: cursor.since, page: Some(OpenPage { until, after }) },
    };
    // Counted behind the changes: a trial that was added between is one that the client lacks, and the next changes have it.
    let total = if query.total {
        let of_experiment = TrialFilter { experiment_id: Some(experiment_id.to_owned()), ..TrialFilter::default() };
        Some(trials::count(db, &of_experiment).await?)
    } else {
        None
    };
    Ok(ListTrialsResponse {
        items: present_trials(db, changes.trials, now).await?,
        next_cursor: None,
        limit: query.limit,
        total,
        changes: Some(TrialChanges { next: next.text(), complete }),
    })
}

/// A parameter that does not go with changes.
fn excluded(query: &ListTrialsQuery) -> Option<&'static str> {
    let given = [
        ("status", query.status.is_some()),
        ("user", query.user.is_some()),
        ("task_id", query.task_id.is_some()),
        ("agent", query.agent.is_some()),
        ("model", query.model.is_some()),
        ("queue_key", query.queue_key.is_some()),
        ("error_class", query.error_class.is_some()),
        ("sort", query.sort.is_some()),
        ("offset", query.offset.is_some()),
        ("cursor", query.cursor.is_some()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(field, _)| field)
}

impl Cursor {
    fn read(text: &str) -> Option<Self> {
        if text == START {
            return Some(Self { since: Snapshot::START, page: None });
        }
        let parts: Vec<&str> = text.splitn(4, '~').collect();
        match parts[..] {
            [since] => Some(Self { since: read_snapshot(since)?, page: None }),
            [since, until, changed_in, id] => {
                let known = (1..=128).contains(&id.len())
                    && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
                let changed_in = changed_in.parse().ok().filter(|changed_in| i64::try_from(*changed_in).is_ok())?;
                let after = ChangePosition { changed_in, id: id.to_owned() };
                let page = OpenPage { until: read_snapshot(until)?, after };
                known.then_some(Self { since: read_snapshot(since)?, page: Some(page) })
            }
            _ => None,
        }
    }

    fn text(&self) -> String {
        let mut text = write_snapshot(&self.since);
        if let Some(OpenPage { until, after }) = &self.page {
            let _ = write!(text, "~{}~{}~{}", write_snapshot(until), after.changed_in, after.id);
        }
        text
    }
}

/// `xmin.xmax`, then the transactions that were open: characters that a URL takes as they are.
fn write_snapshot(snapshot: &Snapshot) -> String {
    let numbers = [snapshot.xmin, snapshot.xmax].into_iter().chain(snapshot.open.iter().copied());
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(".")
}

fn read_snapshot(text: &str) -> Option<Snapshot> {
    let numbers: Vec<u64> = text.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let [xmin, xmax, open @ ..] = &numbers[..] else { return None };
    Some(Snapshot { xmin: *xmin, xmax: *xmax, open: open.to_vec() }).filter(Snapshot::is_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let snapshot = |xmin, xmax, open: &[u64]| Snapshot { xmin, xmax, open: open.to_vec() };
        let after = ChangePosition { changed_in: 12, id: "a_task-1a2b3c4d-10".to_owned() };
        let page = OpenPage { until: snapshot(11, 20, &[11, 13]), after };
        for cursor in [
            Cursor { since: snapshot(10, 10, &[]), page: None },
            Cursor { since: snapshot(10, 15, &[10, 14]), page: Some(page.clone()) },
            Cursor { since: Snapshot::START, page: Some(page) },
        ] {
            assert_eq!(Cursor::read(&cursor.text()), Some(cursor));
        }
        assert_eq!(Cursor::read(START).map(|cursor| cursor.since), Some(Snapshot::START));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in [
            "",
            "x",
            "5",
            "5.4",
            "0.4",
            "1.99999999999999999999",
            "5.9.9",
            "5.9.7.6",
            "-1.5",
            "1.2~1.2",
            "1.2~1.2~3",
            "1.2~1.2~3~",
            "1.2~1.2~x~a",
            "1.2~1.2~3~a\0",
            "1.2~1.2~18446744073709551615~a",
        ] {
            assert_eq!(Cursor::read(text), None, "{text:?}");
        }
    }
}
