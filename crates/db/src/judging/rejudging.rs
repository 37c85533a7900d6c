//! Judges trials and tasks again on request.

use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::status::TrialStatus;
use time::OffsetDateTime;

use crate::error::Doing;
use crate::judging::queueing;
use crate::sweeps::Judges;
use crate::word::Word;
use crate::{Db, DbError, Tx, queue_keys, stages};

/// Why nothing is judged.
#[derive(Debug, thiserror::Error)]
pub enum RejudgingRefused {
    /// There is no such trial or task.
    #[error("there is no such trial or task")]
    NotFound,
    /// The trial has not ended.
    #[error("the trial has not ended, it is {0}")]
    TrialNotEnded(TrialStatus),
    /// The trial is being analysed.
    #[error("the analysis of the trial is {0}")]
    TrialBeingAnalysed(TrialStatus),
    /// Another trial of the task has not ended.
    #[error("another trial of the task has not ended")]
    OtherTrialNotEnded,
    /// The verdict on the task is being made.
    #[error("the task is being judged")]
    BeingJudged,
    /// The task has nothing to analyse.
    #[error("the task has no trials to analyse")]
    NothingToAnalyse,
    /// A trial of the task has not ended.
    #[error("trials to analyse have not ended")]
    TrialsNotEnded,
    /// A trial of the task is being analysed.
    #[error("trials of the task are being analysed")]
    TrialsBeingAnalysed,
    /// The task has nothing to judge.
    #[error("the task has no trials to judge it by")]
    NothingToJudge,
    /// A trial of the task that is to be judged has not ended.
    #[error("trials to judge the task by have not ended")]
    TrialsNotEndedForVerdict,
    /// A trial of the task that is to be judged has not been analysed.
    #[error("trials to judge the task by have not been analysed")]
    NotAnalysed,
    /// The task is being judged.
    #[error("a verdict on the task is being made")]
    VerdictInProgress,
    /// The database did not do it.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Who is to judge, and the limits of queue keys that are new.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// The queue keys of the models.
    pub judges: Judges<'a>,
    /// The limits.
    pub limits: &'a ConcurrencyLimits,
}

/// Queues the analysis of a trial that has ended, in place of the one that it has, and then a new verdict on its task. The caller wakes the
/// dispatcher afterwards.
pub async fn analyse_trial(db: &Db, trial_id: &str, by: By<'_>, now: OffsetDateTime) -> Result<(), RejudgingRefused> {
    let task_id = sqlx::query_scalar!("select task_id from oddish.trials where id = $1", trial_id)
        .fetch_optional(db)
        .await
        .doing("look for a trial to analyse")?
        .ok_or(RejudgingRefused::NotFound)?;
    let mut held = Held::of(db, &task_id).await?;
    let done = held.analyse_trial(&task_id, trial_id, by, now).await;
    held.settle(done).await
}

/// Queues the analyses of all trials of a task, in place of those that they have, and then a new verdict. Returns how many trials these are.
/// The caller wakes the dispatcher afterwards.
pub async fn analyse_task(db: &Db, task_id: &str, by: By<'_>, now: OffsetDateTime) -> Result<usize, RejudgingRefused> {
    let mut held = Held::of(db, task_id).await?;
    let done = held.analyse_task(task_id, by, now).await;
    held.settle(done).await
}

/// Queues the verdict on a task whose trials have been analysed, in place of the one that it has. The caller wakes the dispatcher afterwards.
pub async fn judge_task(db: &Db, task_id: &str, by: By<'_>, now: OffsetDateTime) -> Result<(), RejudgingRefused> {
    let mut held = Held::of(db, task_id).await?;
    let done = held.judge_task(task_id, by, now).await;
    held.settle(done).await
}

/// A task with everything that belongs to its judging, locked.
struct Held {
    tx: Tx,
    trials: Vec<Trial>,
    verdict_in_progress: bool,
}

struct Trial {
    id: String,
    status: TrialStatus,
    analysis: Option<TrialStatus>,
    cancelled: bool,
}

impl Held {
    async fn of(db: &Db, task_id: &str) -> Result<Self, RejudgingRefused> {
        let doing = "lock a task that is to be judged";
        let mut tx = db.begin().await.doing(doing)?;
        queueing::lock(&mut tx, &[task_id.to_owned()]).await?;
        sqlx::query!("select from oddish.trials where task_id = $1 order by id for no key update", task_id)
            .execute(&mut tx)
            .await
            .doing(doing)?;
        let verdict_in_progress = sqlx::query_scalar!(
            r#"select coalesce(verdict_status in ('queued', 'running'), false) as "in_progress!"
            from oddish.tasks where id = $1 and submitted_by is not null for no key update"#,
            task_id
        )
        .fetch_optional(&mut tx)
        .await
        .doing(doing)?
        .ok_or(RejudgingRefused::NotFound)?;
        // A statement of its own after the locks: it sees what was committed while those were waited for.
        let trials = sqlx::query_as!(
            Trial,
            r#"select id, status as "status!: Word<TrialStatus>", analysis_status as "analysis!: Word<Option<TrialStatus>>",
                cancel_requested_at is not null as "cancelled!"
            from oddish.trials where task_id = $1 order by trial_index"#,
            task_id
        )
        .fetch_all(&mut tx)
        .await
        .doing(doing)?;
        Ok(Self { tx, trials, verdict_in_progress })
    }

    async fn analyse_trial(
        &mut self,
        task_id: &str,
        trial_id: &str,
        by: By<'_>,
        now: OffsetDateTime,
    ) -> Result<(), RejudgingRefused> {
        let trial = self.trials.iter().find(|trial| trial.id == trial_id).ok_or(RejudgingRefused::NotFound)?;
        if !trial.status.is_terminal() {
            return Err(RejudgingRefused::TrialNotEnded(trial.status));
        }
        if let Some(status) = trial.analysis.filter(|status| !status.is_terminal()) {
            return Err(RejudgingRefused::TrialBeingAnalysed(status));
        }
        if !self.all_ended() {
            return Err(RejudgingRefused::OtherTrialNotEnded);
        }
        if self.verdict_in_progress {
            return Err(RejudgingRefused::BeingJudged);
        }
        Ok(self.analyse(task_id, &[trial_id.to_owned()], by, now).await?)
    }

    async fn analyse_task(
        &mut self,
        task_id: &str,
        by: By<'_>,
        now: OffsetDateTime,
    ) -> Result<usize, RejudgingRefused> {
        if self.trials.is_empty() {
            return Err(RejudgingRefused::NothingToAnalyse);
        }
        if !self.all_ended() {
            return Err(RejudgingRefused::TrialsNotEnded);
        }
        if self.any_being_analysed() {
            return Err(RejudgingRefused::TrialsBeingAnalysed);
        }
        if self.verdict_in_progress {
            return Err(RejudgingRefused::BeingJudged);
        }
        let trial_ids: Vec<String> = self.trials.iter().map(|trial| trial.id.clone()).collect();
        self.analyse(task_id, &trial_ids, by, now).await?;
        Ok(trial_ids.len())
    }

    async fn judge_task(&mut self, task_id: &str, by: By<'_>, now: OffsetDateTime) -> Result<(), RejudgingRefused> {
        if self.trials.is_empty() {
            return Err(RejudgingRefused::NothingToJudge);
        }
        if !self.all_ended() {
            return Err(RejudgingRefused::TrialsNotEndedForVerdict);
        }
        // A trial that was cancelled is not analysed unless somebody asks for it.
        if self.any_being_analysed() || self.trials.iter().any(|trial| trial.analysis.is_none() && !trial.cancelled) {
            return Err(RejudgingRefused::NotAnalysed);
        }
        if self.verdict_in_progress {
            return Err(RejudgingRefused::VerdictInProgress);
        }
        self.reopen(task_id, by, now).await?;
        Ok(stages::move_on(&mut self.tx, &[task_id.to_owned()], now).await?)
    }

    fn all_ended(&self) -> bool {
        self.trials.iter().all(|trial| trial.status.is_terminal())
    }

    fn any_being_analysed(&self) -> bool {
        self.trials.iter().any(|trial| trial.analysis.is_some_and(|status| !status.is_terminal()))
    }

    async fn analyse(
        &mut self,
        task_id: &str,
        trial_ids: &[String],
        by: By<'_>,
        now: OffsetDateTime,
    ) -> Result<(), DbError> {
        self.reopen(task_id, by, now).await?;
        sqlx::query!(
            "update oddish.trials
            set analysis_status = null, analysis = null, analysis_error = null, analysis_started_at = null, analysis_finished_at = null,
                updated_at = $2
            where id = any($1) and status in ('success', 'failed') and (analysis_status is null or analysis_status in ('success', 'failed'))",
            trial_ids,
            now
        )
        .execute(&mut self.tx)
        .await
        .doing("take back analyses")?;
        queueing::queue_analyses(&mut self.tx, trial_ids, true, now).await
    }

    /// The task is to be judged, by these, and is at the beginning of that.
    async fn reopen(&mut self, task_id: &str, by: By<'_>, now: OffsetDateTime) -> Result<(), DbError> {
        let Judges { analysis_key, verdict_key } = by.judges;
        let keys = [analysis_key.to_owned(), verdict_key.to_owned()];
        queue_keys::ensure(&mut self.tx, &keys, by.limits, now).await?;
        sqlx::query!(
            "update oddish.tasks
            set analysis_key = $2, verdict_key = $3, status = 'analyzing', finished_at = null, cancel_requested_at = null, updated_at = $4,
                verdict_status = null, verdict = null, verdict_error = null, verdict_started_at = null, verdict_finished_at = null
            where id = $1 and verdict_status is distinct from 'queued' and verdict_status is distinct from 'running'",
            task_id,
            analysis_key,
            verdict_key,
            now
        )
        .execute(&mut self.tx)
        .await
        .done("reopen a task that is to be judged")
    }

    /// Keeps what was done, or lets go of everything at once: while its jobs are locked, nobody claims them.
    async fn settle<T>(self, done: Result<T, RejudgingRefused>) -> Result<T, RejudgingRefused> {
        let doing = "settle what is to be judged";
        match done {
            Ok(value) => {
                self.tx.commit().await.doing(doing)?;
                Ok(value)
            }
            Err(refused) => {
                self.tx.rollback().await.doing(doing)?;
                Err(refused)
            }
        }
    }
}
