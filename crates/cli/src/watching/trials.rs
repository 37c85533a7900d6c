//! The trials of a watch: what is kept of each, small enough for tens of thousands of them.

use std::collections::HashMap;

use oddish_api_types::{FailureClass, TrialStatus};

use crate::client::WatchedTrial;
use crate::plain_text;

const MAX_NAME: usize = 200;
const MAX_MESSAGE: usize = 200;

/// A text that many trials share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name(u32);

/// The texts that trials share, each kept once, safe to print.
#[derive(Debug, Default)]
struct Names {
    texts: Vec<Box<str>>,
    places: HashMap<Box<str>, Name>,
}

impl Names {
    fn name(&mut self, text: &str) -> Name {
        if let Some(name) = self.places.get(text) {
            return *name;
        }
        let name = Name(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(plain_text::short_line(text, MAX_NAME).into());
        self.places.insert(text.into(), name);
        name
    }
}

/// What is kept of a trial.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trial {
    pub(super) agent: Name,
    pub(super) model: Option<Name>,
    pub(super) queue_key: Name,
    pub(super) stage: Option<Name>,
    pub(super) status: TrialStatus,
    pub(super) class: Option<FailureClass>,
    pub(super) reward: Option<f64>,
    pub(super) cost: Option<f64>,
    /// First line of the message of a failed one, safe to print.
    pub(super) message: Option<Box<str>>,
    /// Seconds since 1970.
    pub(super) started: Option<i64>,
    /// Seconds since 1970.
    pub(super) finished: Option<i64>,
}

impl Trial {
    pub(super) fn waits(&self) -> bool {
        matches!(self.status, TrialStatus::Pending | TrialStatus::Queued | TrialStatus::Retrying)
    }
}

/// Trials by id.
#[derive(Debug, Default)]
pub(super) struct Trials {
    trials: HashMap<Box<str>, Trial>,
    names: Names,
}

/// Of what was read in the same order: names are compared by their numbers.
impl PartialEq for Trials {
    fn eq(&self, other: &Self) -> bool {
        self.trials == other.trials
    }
}

impl Trials {
    /// Adds a trial, or takes what became of it. Says whether anything is different.
    pub(super) fn put(&mut self, found: &WatchedTrial) -> bool {
        let failed = found.status == TrialStatus::Failed;
        let message = found.error_message.as_deref().filter(|_| failed).and_then(first_line);
        let mut name = |text: &str| self.names.name(text);
        let trial = Trial {
            agent: name(&found.agent),
            model: found.model.as_deref().map(&mut name),
            queue_key: name(&found.queue_key),
            stage: found.harbor_stage.as_deref().map(&mut name),
            status: found.status,
            class: found.error_class.filter(|_| failed),
            reward: found.reward,
            cost: found.cost_usd,
            message,
            started: found.started_at.map(time::OffsetDateTime::unix_timestamp),
            finished: found.finished_at.map(time::OffsetDateTime::unix_timestamp),
        };
        match self.trials.get_mut(found.id.as_str()) {
            Some(known) if *known == trial => false,
            Some(known) => {
                *known = trial;
                true
            }
            None => {
                self.trials.insert(found.id.as_str().into(), trial);
                true
            }
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Trial> {
        self.trials.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Trial)> {
        self.trials.iter().map(|(id, trial)| (&**id, trial))
    }

    pub(super) fn len(&self) -> usize {
        self.trials.len()
    }

    /// The text of a name, safe to print.
    pub(super) fn text(&self, name: Name) -> &str {
        self.names.texts.get(name.0 as usize).map_or("", |text| text)
    }

    /// What a trial does: its status, or the stage that Harbor is in while it runs.
    pub(super) fn activity(&self, trial: &Trial) -> &str {
        match trial.stage {
            Some(stage) if trial.status == TrialStatus::Running => self.text(stage),
            _ => trial.status.as_str(),
        }
    }
}

fn first_line(message: &str) -> Option<Box<str>> {
    let line = message.lines().find(|line| !line.trim().is_empty())?;
    Some(plain_text::short_line(line, MAX_MESSAGE).into())
}
