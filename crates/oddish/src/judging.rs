//! Who judges here: the models that analyse trials and make verdicts on tasks, if there are any.

use std::sync::Arc;

use oddish_db::rejudging::{By, RejudgingRefused};
use oddish_db::sweeps;
use oddish_domain::agent::check_names;
use oddish_domain::queue_key::queue_key;
use oddish_domain::settings::{Group, Reader, Setting};

use crate::Error;
use crate::capabilities::Limits;

const ANALYSIS_MODEL: Setting<Option<String>> = Setting::optional("ODDISH_ANALYSIS_MODEL").check(KEPT, can_be_kept).doc(
    "Model that analyses trials. Oddish queues the analyses; a worker of your own makes them (crate oddish, module db::judging). \
     Unset, like ODDISH_VERDICT_MODEL: nothing is analysed or judged.",
);
const VERDICT_MODEL: Setting<Option<String>> = Setting::optional("ODDISH_VERDICT_MODEL")
    .check(KEPT, can_be_kept)
    .doc("Model that makes verdicts on tasks. See ODDISH_ANALYSIS_MODEL.");

/// What a model must be whose queue key is kept.
const KEPT: &str = "must be at most 255 characters, or 200 where some are not ASCII, without control characters";

#[expect(clippy::ref_option, reason = "what the rule of a setting is given")]
fn can_be_kept(model: &Option<String>) -> bool {
    check_names("", model.as_deref()).is_ok()
}

/// The models that judge, if anybody does.
#[derive(Clone, Debug, Default)]
pub struct Judges(Option<Arc<Keys>>);

/// Their queue keys.
#[derive(Debug)]
struct Keys {
    analysis: String,
    verdict: String,
}

impl Judges {
    /// Nobody judges.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// These models judge.
    #[must_use]
    pub fn of(analysis_model: &str, verdict_model: &str) -> Self {
        Self(Some(Arc::new(Keys {
            analysis: queue_key(Some(analysis_model)),
            verdict: queue_key(Some(verdict_model)),
        })))
    }

    /// Their settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Judging",
        read_by: "`oddish-server`, the endpoint functions, the library",
        settings: &[&ANALYSIS_MODEL, &VERDICT_MODEL],
    };

    /// Reads [`Self::GROUP`]: both or neither.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let both = reader.both(&ANALYSIS_MODEL, &VERDICT_MODEL, |other| format!("must be set where {other} is"));
        both.map_or_else(Self::none, |(analysis, verdict)| Self::of(&analysis, &verdict))
    }

    /// Their queue keys, if anybody judges.
    pub(crate) fn keys(&self) -> Option<sweeps::Judges<'_>> {
        let keys = self.0.as_deref()?;
        Some(sweeps::Judges { analysis_key: &keys.analysis, verdict_key: &keys.verdict })
    }

    /// Who is to judge. [`Error::Conflict`] where nobody does.
    pub(crate) fn by<'a>(&'a self, limits: &'a Limits) -> Result<By<'a>, Error> {
        let judges = self.keys().ok_or_else(|| {
            Error::conflict(format!(
                "This deployment judges nothing: set {ANALYSIS_MODEL} and {VERDICT_MODEL}, and run a worker that makes analyses and verdicts."
            ))
        })?;
        Ok(By { judges, limits: &limits.concurrency })
    }
}

/// Turns a refusal into an error; `not_found` is the error for a thing that does not exist. Published clients know these texts
/// (docs/compatibility.md, 1.9).
pub(crate) fn refusal(refused: RejudgingRefused, not_found: impl FnOnce() -> Error) -> Error {
    use RejudgingRefused as Refused;
    let words: &str = match refused {
        Refused::NotFound => return not_found(),
        Refused::Db(error) => return error.into(),
        Refused::TrialNotEnded(status) => {
            &format!("Can only run analysis for completed or failed trials (current: {status})")
        }
        Refused::TrialBeingAnalysed(status) => {
            &format!("Analysis is already in progress for this trial (current: {status})")
        }
        Refused::OtherTrialNotEnded => "Can only run trial analysis after all trials for the task finish",
        Refused::BeingJudged => "Cannot rerun analysis while the task verdict is still running",
        Refused::NothingToAnalyse => "Task has no trials to analyze",
        Refused::TrialsNotEnded => "Can only run task analysis after all trials finish",
        Refused::TrialsBeingAnalysed => "Some trial analyses are already in progress for this task",
        Refused::NothingToJudge => "Task has no trials",
        Refused::TrialsNotEndedForVerdict => "Can only run a task verdict after all trials finish",
        Refused::NotAnalysed => "All trial analyses must finish before running a task verdict",
        Refused::VerdictInProgress => "Task verdict is already in progress",
    };
    Error::refused(words)
}
