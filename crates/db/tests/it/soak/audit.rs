//! What must hold at every moment, looked at from inside the database.

use std::sync::Arc;
use std::time::Duration;

use oddish_db::Db;
use oddish_test_support::scene::WRONG_TALLIES;
use uuid::Uuid;

use super::Soak;

/// Has the database check each claim when it commits.
///
/// Claims and changes of limits commit one after the other, in the order of a lock that they take as the last thing they do; all
/// else about them overlaps as it would without. What is counted then is exact: every commit before is seen, and none is on its
/// way. A job may run above a limit that was lowered since, but none may start there.
pub(super) async fn install(db: &Db) {
    let sql = "
        create schema audit;
        create table audit.above_limit (queue_key text not null, running bigint not null, allowed integer not null);
        create function audit.after_claim() returns trigger language plpgsql as $$
        begin
            perform pg_advisory_xact_lock(4711);
            insert into audit.above_limit
            select k.queue_key, count(*), k.concurrency_limit
            from oddish.queue_keys k join oddish.jobs j using (queue_key)
            where k.queue_key = new.queue_key and j.state in ('claimed', 'begun')
            group by k.queue_key having count(*) > k.concurrency_limit;
            return null;
        end $$;
        create function audit.after_limit() returns trigger language plpgsql as $$
        begin
            perform pg_advisory_xact_lock(4711);
            return null;
        end $$;
        create constraint trigger after_claim after insert on oddish.attempts
            deferrable initially deferred for each row execute function audit.after_claim();
        create constraint trigger after_limit after update of concurrency_limit on oddish.queue_keys
            deferrable initially deferred for each row execute function audit.after_limit();";
    sqlx::raw_sql(sql).execute(db).await.unwrap();
}

/// Looks again and again, each time with one statement and so at one moment.
pub(super) async fn watch(soak: Arc<Soak>) {
    let sql = "
        with live as (select * from oddish.jobs where state in ('claimed', 'begun')),
        open as (select * from oddish.attempts where ended_at is null)
        select 'above its limit: ' || queue_key || ', ' || running || ' of ' || allowed from audit.above_limit
        union all
        select 'more running than slots: ' || queue_key from live j group by queue_key
        having count(*) > (select count(*) from oddish.slots s where s.queue_key = j.queue_key)
        union all
        select 'two open attempts: ' || coalesce(trial_id, task_id) from open group by trial_id, task_id, kind having count(*) > 1
        union all
        select 'claimed without an open attempt: ' || coalesce(trial_id, task_id) from live where token not in (select token from open)
        union all
        select 'open without a claim: ' || coalesce(trial_id, task_id) from open where token not in (select token from live)
        union all
        select 'unfinished without a job: ' || id from oddish.trials
        where status not in ('success', 'failed') and id not in (select trial_id from oddish.jobs where kind = 'trial')
        union all
        select 'finished with a job: ' || t.id from oddish.trials t join oddish.jobs j on j.trial_id = t.id and j.kind = 'trial'
        where status in ('success', 'failed')
        union all
        select 'two successes: ' || t.id from oddish.trials t join oddish.attempts a on a.trial_id = t.id and a.kind = 'trial'
        where a.outcome = 'recorded' and a.error_class is null and a.number > t.retried_after group by t.id having count(*) > 1
        union all
        select 'its task says otherwise: ' || k.id || ', ' || k.status from oddish.tasks k
        where experiment_id is not null and (k.status in ('completed', 'failed')) = exists (
            select from oddish.jobs j left join oddish.trials t on t.id = j.trial_id where coalesce(t.task_id, j.task_id) = k.id)";
    while !soak.is_drained() {
        let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(soak.db()).await.unwrap();
        soak.ledger.count("samples", 1);
        let miscounted: Vec<String> = sqlx::query_scalar(WRONG_TALLIES).fetch_all(soak.db()).await.unwrap();
        let found: Vec<String> = found.into_iter().chain(miscounted).collect();
        if !found.is_empty() {
            for violation in found {
                soak.ledger.violation(violation);
            }
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Compares what is recorded in the end with what the runners were told.
pub(super) async fn check_records(soak: &Soak) {
    let attempts: Vec<(Uuid, String)> =
        sqlx::query_as("select token, outcome from oddish.attempts where outcome is not null")
            .fetch_all(soak.db())
            .await
            .unwrap();
    for (token, outcome) in &attempts {
        soak.ledger.compare(*token, outcome);
    }
    let rewards: Vec<(Uuid, Option<f64>)> = sqlx::query_as(
        "select distinct on (t.id) a.token, t.reward from oddish.trials t join oddish.attempts a on a.trial_id = t.id and a.kind = 'trial'
        where t.status = 'success' and a.outcome = 'recorded' order by t.id, a.number desc",
    )
    .fetch_all(soak.db())
    .await
    .unwrap();
    for (token, reward) in rewards {
        soak.ledger.compare_reward(token, reward);
    }
    let trials = soak.scene.count("select count(*) from oddish.trials").await;
    soak.ledger.count("attempts", attempts.len());
    soak.ledger.count("trials", usize::try_from(trials).unwrap());
}

/// The jobs that did not come to their end, and their keys.
pub(super) async fn left(db: &Db) -> String {
    let sql =
        "select j::text || ' of ' || k::text from oddish.jobs j join oddish.queue_keys k using (queue_key) limit 20";
    sqlx::query_scalar::<_, String>(sql).fetch_all(db).await.unwrap().join("\n")
}
