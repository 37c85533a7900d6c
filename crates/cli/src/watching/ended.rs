//! What is said once a watch has seen all trials end.

use super::drawing;
use super::model::Model;
use super::subject::Subject;
use crate::client::Client;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::plain_text;
use crate::view::table::stdout_width;
use crate::view::trial;

/// With at most so many trials, each has a line.
const EACH: usize = 100;
/// Failures that are named where there are more trials.
const FAILURES: usize = 20;

/// A watch whose trials have all ended.
#[derive(Debug)]
pub(crate) struct Ended {
    model: Model,
}

impl Ended {
    pub(super) fn of(model: Model) -> Self {
        Self { model }
    }

    /// What the process exits with: a reward of 0 is a result, and no failure.
    pub(crate) fn status(&self) -> ExitStatus {
        if self.model.tally().failed > 0 { ExitStatus::TrialsFailed } else { ExitStatus::Success }
    }

    /// Whether there are too many trials to show each.
    pub(super) fn are_many(&self) -> bool {
        self.model.trials().len() > EACH
    }

    /// What came of the trials: each of a few, and of many what they come to.
    pub(crate) async fn results(&self, client: &Client, subject: &Subject) -> Result<String, Failure> {
        if self.are_many() {
            return Ok(self.many());
        }
        let tasks = subject.fetch(client).await.map_err(|error| subject.failure(&error))?;
        Ok(trial::results(&tasks, stdout_width()))
    }

    fn many(&self) -> String {
        let width = stdout_width().map_or(usize::MAX, usize::from);
        let mut parts = vec![drawing::agents(&self.model, width).join("\n"), drawing::outcome(&self.model)];
        let failed = self.model.listed(true);
        let mut lines: Vec<String> = failed
            .iter()
            .take(FAILURES)
            .map(|(id, trial)| format!("{}: {}", plain_text::line(id), drawing::failure(trial)))
            .collect();
        if failed.len() > FAILURES {
            lines.push(format!("... and {} more failed", failed.len() - FAILURES));
        }
        if !lines.is_empty() {
            parts.push(lines.join("\n"));
        }
        parts.join("\n\n")
    }
}
