//! Decides whether a job whose attempt failed is tried again.

use oddish_domain::failure::FailureClass;
use oddish_domain::random;
use oddish_domain::retry::{self, Counted, Decision, Ending, Failures, RetrySettings};
use oddish_domain::status::JobKind;

use crate::error::Doing;
use crate::jobs::Job;
use crate::word::Word;
use crate::{DbError, Tx};

/// What becomes of a job whose newest attempt, which is still open, ends like this. Of a trial those attempts count that came after a
/// user last had it run again, of a judgement those that came after what it judges.
pub(crate) async fn decide(tx: &mut Tx, job: &Job, ending: Ending, rules: &RetrySettings) -> Result<Decision, DbError> {
    let doing = "count the failures of a job";
    let counts = sqlx::query!(
        r#"with earlier as (
            select a.error_class, a.agent_began
            from oddish.attempts a join oddish.trials t on t.id = a.trial_id
            where a.trial_id = $1 and a.kind = 'trial' and $2 = 'trial' and a.number > t.retried_after and a.number < $3
                and a.ended_at is not null
            union all
            select a.error_class, a.agent_began
            from oddish.attempts a join oddish.trials t on t.id = a.trial_id
            where a.trial_id = $1 and a.kind = 'analysis' and $2 = 'analysis' and a.claimed_at >= t.finished_at
                and a.number < $3 and a.ended_at is not null
            union all
            select a.error_class, a.agent_began
            from oddish.attempts a
            where a.task_id = $1 and $2 = 'verdict' and a.number < $3
                and a.claimed_at >= (select max(analysis_finished_at) from oddish.trials where task_id = $1))
        select error_class as "class!: Word<FailureClass>", agent_began as "agent_began!", count(*) as "count!"
        from earlier where error_class is not null group by error_class, agent_began"#,
        job.attempt.subject,
        job.attempt.kind.as_str(),
        job.attempt.number
    )
    .fetch_all(&mut *tx)
    .await
    .doing(doing)?;
    let counted = counts.into_iter().map(|row| Counted {
        class: row.class.into(),
        agent_began: row.agent_began,
        count: u32::try_from(row.count).unwrap_or(u32::MAX),
    });
    let failures: Failures = counted.collect();
    let max_attempts = match job.attempt.kind {
        JobKind::Trial => {
            sqlx::query_scalar!("select max_attempts from oddish.trials where id = $1", job.attempt.subject)
                .fetch_one(&mut *tx)
                .await
                .doing(doing)?
                .unsigned_abs()
        }
        JobKind::Analysis | JobKind::Verdict => retry::MAX_ATTEMPTS_OF_JUDGING,
    };
    Ok(retry::decide(ending, &failures, max_attempts, rules, random::fraction()))
}
