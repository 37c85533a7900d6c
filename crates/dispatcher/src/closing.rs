//! Closing the attempts of runners that are gone.

use oddish_artifacts::key::{InvalidKey, attempt_outcome_key};
use oddish_artifacts::{SharedStore, StoreError};
use oddish_db::attempts::{self, AfterLoss, StoredOutcome};
use oddish_db::jobs::Recorded;
use oddish_db::{AttemptRef, Db, DbError};
use oddish_domain::failure::FailureClass;
use oddish_domain::id;
use oddish_domain::retry::RetrySettings;
use oddish_domain::status::JobKind;
use oddish_telemetry::{fields, outcomes};
use time::OffsetDateTime;

/// Closes attempts whose runners are gone. One that had finished and could not record it is not run again: its outcome is in the store, and
/// is recorded from there.
#[derive(Clone, Debug)]
pub struct Closer {
    /// The database.
    pub db: Db,
    /// Where runners store outcomes.
    pub store: SharedStore,
    /// How lost trials are tried again.
    pub rules: RetrySettings,
}

/// Which attempt is closed.
#[derive(Clone, Copy, Debug)]
pub struct Lost<'a> {
    /// The attempt.
    pub attempt: &'a AttemptRef,
    /// What happened to its runner.
    pub how: &'a str,
}

/// Why an attempt was not closed. It stays as it is, to be closed later.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The database did not do it.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The store could not be asked for an outcome.
    #[error("cannot look for the outcome of a lost attempt")]
    Store(#[from] StoreError),
    /// The trial's id cannot be part of a key.
    #[error("the outcome of a lost attempt has no place in the store")]
    Key(#[from] InvalidKey),
}

impl Lost<'_> {
    /// What the trial says of it.
    fn error(&self) -> String {
        format!("The runner was lost: {}.", self.how)
    }

    /// Logs and counts what became of it.
    fn tell(&self, after: AfterLoss) {
        let Self { attempt: &AttemptRef { kind, ref subject, number: attempt, .. }, how } = *self;
        let (trial_id, task_id) = fields::subject_ids(kind, subject);
        match after {
            AfterLoss::Retried => {
                tracing::warn!(%kind, trial_id, task_id, attempt, how, "runner lost; it is tried again");
            }
            AfterLoss::Failed => {
                tracing::error!(%kind, trial_id, task_id, attempt, how, "runner lost; no tries are left");
            }
            AfterLoss::Cancelled => {
                tracing::info!(%kind, trial_id, task_id, attempt, how, "runner gone; the trial was cancelled");
            }
            AfterLoss::Stale => {}
        }
        if kind == JobKind::Trial {
            match after {
                AfterLoss::Retried => outcomes::trial_retried(FailureClass::Infrastructure),
                AfterLoss::Failed => outcomes::trial_ended(Some(FailureClass::Infrastructure)),
                AfterLoss::Cancelled => outcomes::trial_ended(Some(FailureClass::Cancelled)),
                AfterLoss::Stale => {}
            }
        }
    }
}

impl Closer {
    /// Closes an attempt whose runner is known to be gone.
    pub async fn lost(&self, lost: Lost<'_>) -> Result<(), CloseError> {
        if !self.adopted(lost).await? {
            let now = OffsetDateTime::now_utc();
            lost.tell(attempts::lose(&self.db, lost.attempt.token, &lost.error(), &self.rules, now).await?);
        }
        Ok(())
    }

    /// Closes an attempt whose lease ran out, unless it was renewed meanwhile.
    pub async fn dead(&self, lost: Lost<'_>) -> Result<(), CloseError> {
        if !self.adopted(lost).await? {
            let now = OffsetDateTime::now_utc();
            lost.tell(attempts::reap(&self.db, lost.attempt.token, &lost.error(), &self.rules, now).await?);
        }
        Ok(())
    }

    /// Records the outcome that the runner stored, if it had come so far.
    async fn adopted(&self, lost: Lost<'_>) -> Result<bool, CloseError> {
        // What judges stores nothing before it records.
        if lost.attempt.kind != JobKind::Trial {
            return Ok(false);
        }
        let AttemptRef { subject: trial_id, number, .. } = lost.attempt;
        let Some((task_id, _)) = id::parse_trial_id(trial_id) else { return Ok(false) };
        let key = attempt_outcome_key(task_id, trial_id, number.unsigned_abs())?;
        let stored = match self.store.get(&key).await {
            Ok(stored) => stored,
            Err(StoreError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let StoredOutcome { token, outcome } = match serde_json::from_slice(&stored) {
            Ok(stored) => stored,
            Err(error) => {
                tracing::error!(trial_id, attempt = number, %error, "a stored outcome cannot be read");
                return Ok(false);
            }
        };
        if token != lost.attempt.token {
            return Ok(false);
        }
        let now = OffsetDateTime::now_utc();
        let recorded = attempts::record(&self.db, token, &outcome, &self.rules, now).await?;
        let class = outcome.failure(now).map(|failure| failure.class);
        match recorded {
            Recorded::Ended => outcomes::trial_ended(class),
            Recorded::Retried { .. } => outcomes::trial_retried(class.unwrap_or(FailureClass::Unknown)),
            Recorded::Stale => {}
        }
        tracing::warn!(
            trial_id,
            attempt = number,
            how = lost.how,
            ?recorded,
            "runner lost after its trial; its outcome is recorded"
        );
        Ok(recorded != Recorded::Stale)
    }
}
