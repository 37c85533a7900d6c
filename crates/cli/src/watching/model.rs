//! What a watch knows: takes the server's answers, and says where things stand. Knows neither the server nor the terminal.

use std::collections::{BTreeMap, HashSet};

use oddish_api_types::{FailureClass, TrialStatus};

use super::subject::Subject;
use super::tally::Tally;
use super::trials::{Trial, Trials};
use crate::client::WatchedTrial;

/// Seconds over which the rate is taken.
const RATE_WINDOW: i64 = 600;
/// The rate of a watch's first seconds would be a guess.
const SHORTEST_WINDOW: i64 = 30;
/// With fewer ends in the window, the time that is left follows from the whole time.
const ENOUGH_ENDS: usize = 5;

/// A part of an answer, or all of it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) trials: Vec<WatchedTrial>,
    /// Whether this begins anew: what is known and not named again is gone.
    pub(super) from_the_start: bool,
    /// Whether there is no more for now.
    pub(super) complete: bool,
    pub(super) total: Total,
}

/// How many trials there are, watched or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Total {
    /// Those of the page.
    Page,
    /// As many as were counted with the page.
    Counted(usize),
    /// Counting many costs more than reading what changed, so that not every page is counted.
    NotAsked,
}

/// Trials that wait for one queue key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WaitingKey<'a> {
    pub(super) queue_key: &'a str,
    pub(super) trials: usize,
    /// One of them; one that was tried before only where all were.
    pub(super) example: &'a str,
}

/// Why trials of a queue key wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) queue_key: String,
    pub(super) text: String,
}

/// A server that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Its last error.
    pub(super) text: String,
    /// Seconds since 1970.
    pub(super) since: i64,
}

#[derive(Debug, Default)]
struct Known {
    trials: Trials,
    /// Trials of the same experiment that are not watched. They count in its total.
    others: HashSet<Box<str>>,
}

/// What a watch knows.
#[derive(Debug)]
pub(super) struct Model {
    subject: Subject,
    title: String,
    known: Known,
    /// Read from the start, and not yet to the end.
    incoming: Option<Known>,
    /// As counted last.
    total: Option<usize>,
    /// Whether the last page was counted.
    is_counted: bool,
    complete: bool,
    pub(super) reasons: Vec<Reason>,
    pub(super) trouble: Option<Trouble>,
    /// Tasks that are analysed and judged still, once all trials have ended.
    pub(super) judging: usize,
}

impl Model {
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            title: subject.title(),
            subject,
            known: Known::default(),
            incoming: None,
            total: None,
            is_counted: false,
            complete: false,
            reasons: Vec::new(),
            trouble: None,
            judging: 0,
        }
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What is watched, safe to print.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// The name of the experiment, safe to print.
    pub(super) fn name(&mut self, name: &str) {
        self.title = format!("{name} ({})", self.subject.title());
    }

    /// Takes a page. Says whether anything is different.
    pub(super) fn apply(&mut self, page: &Page) -> bool {
        if page.from_the_start {
            self.incoming = Some(Known::default());
        }
        let known = self.incoming.as_mut().unwrap_or(&mut self.known);
        let mut changed = false;
        for trial in &page.trials {
            if self.subject.includes(trial) {
                changed |= known.trials.put(trial);
            } else {
                known.others.insert(trial.id.as_str().into());
            }
        }
        self.is_counted = page.total != Total::NotAsked;
        match page.total {
            Total::Page => self.total = None,
            Total::Counted(total) => self.total = Some(total),
            Total::NotAsked => {}
        }
        self.complete = page.complete;
        if page.complete
            && let Some(known) = self.incoming.take()
        {
            changed = known.trials != self.known.trials;
            self.known = known;
        }
        changed
    }

    /// Whether trials are known that are no more, so that everything must be read again. More trials than are known are no such sign: the
    /// list of changes leaves out what a transaction that is still open may come before.
    pub(super) fn is_out_of_date(&self) -> bool {
        self.complete && self.is_counted && self.total.is_some_and(|total| total < self.known_trials())
    }

    /// Of trials that are read for the first time, how many are and how many there are.
    pub(super) fn reading(&self) -> Option<(usize, Option<usize>)> {
        let incoming = self.incoming.as_ref()?;
        (self.known.trials.len() == 0).then(|| (incoming.trials.len() + incoming.others.len(), self.total))
    }

    /// Whether an experiment has no trials that are watched.
    pub(super) fn is_empty(&self) -> bool {
        self.total.is_some() && self.all_are_known() && self.known.trials.len() == 0
    }

    /// Whether every trial has ended, and none is missing from the list of changes.
    pub(super) fn trials_ended(&self) -> bool {
        self.all_are_known() && self.known_ended()
    }

    /// Whether every trial has ended as far as is known, and only a count can tell whether these are all.
    pub(super) fn needs_count(&self) -> bool {
        self.complete && !self.is_counted && self.known_ended()
    }

    fn known_ended(&self) -> bool {
        self.known.trials.iter().all(|(_, trial)| trial.status.is_terminal())
    }

    pub(super) fn trials(&self) -> &Trials {
        &self.known.trials
    }

    pub(super) fn tally(&self) -> Tally {
        self.trials().iter().map(|(_, trial)| trial).collect()
    }

    /// What the trials of each agent and model have come to.
    pub(super) fn by_agent(&self) -> Vec<(&str, Option<&str>, Tally)> {
        let trials = self.trials();
        let mut tallies = BTreeMap::<_, Tally>::new();
        for (_, trial) in trials.iter() {
            tallies.entry((trial.agent, trial.model)).or_default().add(trial);
        }
        let mut rows: Vec<_> = tallies
            .into_iter()
            .map(|((agent, model), tally)| (trials.text(agent), model.map(|model| trials.text(model)), tally))
            .collect();
        rows.sort_by_key(|(agent, model, _)| (*agent, *model));
        rows
    }

    /// All trials, or only those that failed: first what runs, the longest first; then what has ended, the last first; then what waits.
    pub(super) fn listed(&self, only_failed: bool) -> Vec<(&str, &Trial)> {
        let mut listed: Vec<_> =
            self.trials().iter().filter(|(_, trial)| !only_failed || trial.status == TrialStatus::Failed).collect();
        listed.sort_by_cached_key(|(id, trial)| {
            let (place, order) = match trial.status {
                TrialStatus::Running => (0, trial.started.unwrap_or(i64::MAX)),
                TrialStatus::Success | TrialStatus::Failed => (1, -trial.finished.unwrap_or_default()),
                TrialStatus::Retrying => (2, 0),
                TrialStatus::Queued | TrialStatus::Pending => (3, 0),
            };
            (place, order, natural(id))
        });
        listed
    }

    /// The queue keys that trials wait for, those with most first.
    pub(super) fn waiting_keys(&self) -> Vec<WaitingKey<'_>> {
        let trials = self.trials();
        let mut keys = BTreeMap::<_, (usize, bool, &str)>::new();
        for (id, trial) in trials.iter().filter(|(_, trial)| trial.waits()) {
            let tried = trial.status == TrialStatus::Retrying;
            let (number, example_tried, example) = keys.entry(trial.queue_key).or_insert((0, tried, id));
            *number += 1;
            if (tried, natural(id)) < (*example_tried, natural(example)) {
                (*example_tried, *example) = (tried, id);
            }
        }
        let mut found: Vec<_> = keys
            .into_iter()
            .map(|(key, (trials_of_it, _, example))| WaitingKey {
                queue_key: trials.text(key),
                trials: trials_of_it,
                example,
            })
            .collect();
        found.sort_by_key(|key| (std::cmp::Reverse(key.trials), key.queue_key));
        found
    }

    /// Trials that ended per minute lately; nothing before any has ended.
    pub(super) fn rate(&self, now: i64) -> Option<f64> {
        let (begun, ends) = self.ends(now)?;
        let window = (now - begun).clamp(SHORTEST_WINDOW, RATE_WINDOW);
        Some(per_minute(ends.iter().filter(|end| **end > now - window).count(), window))
    }

    /// Seconds until the last trial ends, if all goes on as it does; nothing where that is unknown.
    pub(super) fn seconds_left(&self, now: i64) -> Option<i64> {
        let tally = self.tally();
        let left = tally.total() - tally.ended();
        let (begun, ends) = self.ends(now)?;
        let whole = (now - begun).max(SHORTEST_WINDOW);
        let window = whole.min(RATE_WINDOW);
        let lately = ends.iter().filter(|end| **end > now - window).count();
        let rate = if lately < ENOUGH_ENDS { per_minute(ends.len(), whole) } else { per_minute(lately, window) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "an estimate in seconds")]
        (left > 0 && rate > 0.0).then(|| (left as f64 / rate * 60.0).ceil() as i64)
    }

    /// When the first trial began, and when each one that ran ended. One that was cancelled says nothing about how fast they go.
    fn ends(&self, now: i64) -> Option<(i64, Vec<i64>)> {
        let begun = self.trials().iter().filter_map(|(_, trial)| trial.started).min()?;
        let ran = self.trials().iter().filter(|(_, trial)| {
            trial.started.is_some() && trial.status.is_terminal() && trial.class != Some(FailureClass::Cancelled)
        });
        // This machine's clock may be behind the server's.
        let ends: Vec<i64> = ran.filter_map(|(_, trial)| Some(trial.finished?.min(now))).collect();
        (!ends.is_empty()).then_some((begun.min(now), ends))
    }

    fn all_are_known(&self) -> bool {
        self.complete && self.is_counted && self.total.is_none_or(|total| self.known_trials() >= total)
    }

    fn known_trials(&self) -> usize {
        self.known.trials.len() + self.known.others.len()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate of what was counted")]
fn per_minute(number: usize, seconds: i64) -> f64 {
    number as f64 * 60.0 / seconds as f64
}

/// Orders trials by task and then by index, so that 10 comes after 9.
fn natural(id: &str) -> (&str, u32) {
    oddish_domain::id::parse_trial_id(id).unwrap_or((id, 0))
}

#[cfg(test)]
mod tests;
