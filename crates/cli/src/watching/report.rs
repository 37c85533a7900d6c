//! What a watch says where there is no terminal: few lines, however many trials there are.

use std::collections::HashMap;

use oddish_api_types::TrialStatus;

use super::drawing;
use super::model::Model;
use crate::plain_text;
use crate::view::trial::reward;

/// With at most so many trials, each change of one has a line.
const EACH: usize = 20;
/// Seconds between two lines about many trials.
const PAUSE: i64 = 30;
/// Failures that are named between two such lines.
const FAILURES: usize = 5;

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Of each trial.
    states: HashMap<Box<str>, String>,
    /// Of all together, and when.
    summary: Option<(String, i64)>,
    /// Trials that were said to have failed.
    failed: HashMap<Box<str>, Option<i64>>,
    in_trouble: bool,
}

impl Report {
    /// The lines to say now. The last summary is said at once.
    pub(super) fn lines(&mut self, model: &Model, now: i64) -> Vec<String> {
        let answers_again = std::mem::take(&mut self.in_trouble) && model.trouble.is_none();
        self.in_trouble = model.trouble.is_some();
        let mut lines = Vec::new();
        if answers_again {
            lines.push("The server answers again.".to_owned());
        }
        if model.reading().is_some() || self.in_trouble {
            return lines;
        }
        if model.trials().len() <= EACH {
            lines.extend(self.each(model));
        } else {
            lines.extend(self.together(model, now));
        }
        lines
    }

    fn each(&mut self, model: &Model) -> Vec<String> {
        let trials = model.trials();
        let mut changed: Vec<_> = trials
            .iter()
            .filter_map(|(id, trial)| {
                let given = trial.reward.map(|given| format!(", reward {}", reward(Some(given)))).unwrap_or_default();
                let failed = trial.status == TrialStatus::Failed;
                let why = if failed { format!(", {}", drawing::failure(trial)) } else { String::new() };
                let state = format!("{}{given}{why}", trials.activity(trial));
                (self.states.get(id) != Some(&state)).then_some((id, state))
            })
            .collect();
        changed.sort_by_key(|(id, _)| oddish_domain::id::parse_trial_id(id).unwrap_or((id, 0)));
        let line = |(id, state): &(&str, String)| format!("{}: {state}", plain_text::line(id));
        let lines = changed.iter().map(line).collect();
        self.states.extend(changed.into_iter().map(|(id, state)| (id.into(), state)));
        lines
    }

    fn together(&mut self, model: &Model, now: i64) -> Vec<String> {
        if let Some((_, at)) = &self.summary
            && now - at < PAUSE
            && !model.trials_ended()
        {
            return Vec::new();
        }
        let is_new = |id: &str, finished: Option<i64>| self.failed.get(id) != Some(&finished);
        let failed: Vec<_> = model.listed(true).into_iter().filter(|(id, trial)| is_new(id, trial.finished)).collect();
        let mut lines: Vec<String> = failed
            .iter()
            .take(FAILURES)
            .map(|(id, trial)| format!("{}: failed, {}", plain_text::line(id), drawing::failure(trial)))
            .collect();
        if failed.len() > FAILURES {
            lines.push(format!("... and {} more failed", failed.len() - FAILURES));
        }
        let failed: Vec<_> = failed.into_iter().map(|(id, trial)| (Box::from(id), trial.finished)).collect();
        self.failed.extend(failed);
        let summary = drawing::summary(model, now);
        let counted = model.tally();
        let state = format!("{counted:?}");
        if self.summary.as_ref().is_none_or(|(said, _)| *said != state) {
            lines.push(summary);
            self.summary = Some((state, now));
        }
        lines
    }
}

#[cfg(test)]
mod tests;
