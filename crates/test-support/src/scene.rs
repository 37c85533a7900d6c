//! Test data in a sentence: `Scene::new(db).limit("a/m", 2).await.task(5, "a/m").await`.

use std::collections::BTreeMap;
use std::time::Duration;

use oddish_db::attempts::{Assignment, Outcome};
use oddish_db::idempotency::Work;
use oddish_db::jobs::ProcessIdentity;
use oddish_db::queue::Claim;
use oddish_db::sweeps::{self, Judges, NewSweep};
use oddish_db::{Db, attempts, queue, queue_keys};
use oddish_domain::harbor_settings::HarborSettings;
use oddish_domain::id;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_domain::retry::RetrySettings;
use oddish_domain::status::Priority;
use oddish_domain::sweep::TrialSpec;
use time::OffsetDateTime;
use time::macros::datetime;

/// When every scene plays.
pub const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// How long a statement may take to come to the lock that it waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How failures are retried.
pub const RULES: RetrySettings =
    RetrySettings { max_attempts: 6, backoff_base: Duration::from_mins(1), backoff_max: Duration::from_hours(1) };

/// A database with test data.
#[derive(Debug)]
pub struct Scene {
    /// The database.
    pub db: Db,
    limits: ConcurrencyLimits,
    priority: Priority,
    max_attempts: i32,
    submitter: String,
}

impl Scene {
    /// A database without data.
    pub fn new(db: Db) -> Self {
        let limits = ConcurrencyLimits { default: 8, overrides: BTreeMap::new() };
        Self { db, limits, priority: Priority::Low, max_attempts: 6, submitter: "someone".to_owned() }
    }

    /// Limits a key, and creates it if there is none.
    pub async fn limit(self, key: &str, limit: u32) -> Self {
        queue_keys::set_limit(&self.db, key, limit, NOW).await.unwrap();
        self
    }

    /// Names a key that sweeps have yet to create.
    #[must_use]
    pub fn limit_of_new(mut self, key: &str, limit: u32) -> Self {
        self.limits.overrides.insert(key.to_owned(), limit);
        self
    }

    /// Submits with high priority from now on.
    #[must_use]
    pub fn high_priority(mut self) -> Self {
        self.priority = Priority::High;
        self
    }

    /// Submits with low priority from now on.
    #[must_use]
    pub fn low_priority(mut self) -> Self {
        self.priority = Priority::Low;
        self
    }

    /// Who submits from now on.
    #[must_use]
    pub fn submitter(mut self, submitter: &str) -> Self {
        submitter.clone_into(&mut self.submitter);
        self
    }

    /// How many attempts the trials of later sweeps may have.
    #[must_use]
    pub fn max_attempts(mut self, max_attempts: i32) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// Uploads a task and returns its id.
    pub async fn upload(&self) -> String {
        let task_id = id::task_id("some task");
        self.upload_as(&task_id).await;
        task_id
    }

    /// Uploads a task under this id.
    pub async fn upload_as(&self, task_id: &str) {
        sqlx::query(
            "with created as (
                insert into oddish.tasks (id, name, created_at, updated_at) values ($1, 'some task', $2, $2) returning id)
            insert into oddish.task_versions
                (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, files_key, created_at)
            select id, 1, 'tasks/' || id || '/v1/.oddish-task.tar.gz', repeat('0', 64), 1, repeat('1', 64), 'pack', $2 from created",
        )
        .bind(task_id)
        .bind(NOW)
        .execute(&self.db)
        .await
        .unwrap();
    }

    /// Submits a sweep on an uploaded task.
    pub async fn sweep(
        &self,
        task_id: &str,
        experiment: Option<&str>,
        trials: &[TrialSpec],
    ) -> Result<sweeps::CreatedSweep, sweeps::SweepRefused> {
        self.sweep_onto(task_id, experiment, trials, false).await
    }

    /// Submits a sweep on an uploaded task, which two models are to judge.
    pub async fn judged_sweep(&self, task_id: &str, trials: &[TrialSpec], judges: (&str, &str)) {
        let judges = Some(Judges { analysis_key: judges.0, verdict_key: judges.1 });
        let sweep = NewSweep { judges, ..self.new_sweep(task_id, trials) };
        sweeps::create(&self.db, &sweep, &self.limits, NOW).await.unwrap();
    }

    /// Adds a sweep to a task that has trials already.
    pub async fn append(
        &self,
        task_id: &str,
        experiment: Option<&str>,
        trials: &[TrialSpec],
    ) -> Result<sweeps::CreatedSweep, sweeps::SweepRefused> {
        self.sweep_onto(task_id, experiment, trials, true).await
    }

    /// Adds a sweep to a task that has trials already, on this version of it.
    pub async fn append_on(
        &self,
        task_id: &str,
        version: i32,
        trials: &[TrialSpec],
    ) -> Result<sweeps::CreatedSweep, sweeps::SweepRefused> {
        let sweep = NewSweep { append: true, version: Some(version), ..self.new_sweep(task_id, trials) };
        sweeps::create(&self.db, &sweep, &self.limits, NOW).await
    }

    /// Gives an uploaded task one more version, and returns its number.
    pub async fn next_version(&self, task_id: &str) -> i32 {
        sqlx::query_scalar(
            "insert into oddish.task_versions
                (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
            select task_id, max(version) + 1, 'key', repeat('a', 64), 1, repeat('b', 64), $2
            from oddish.task_versions where task_id = $1 group by task_id returning version",
        )
        .bind(task_id)
        .bind(NOW)
        .fetch_one(&self.db)
        .await
        .unwrap()
    }

    /// Adds trials to a task, as part of a request's work.
    pub async fn append_within(&self, work: &mut Work, task_id: &str, trials: &[TrialSpec]) {
        let sweep = NewSweep { append: true, ..self.new_sweep(task_id, trials) };
        sweeps::create_within(work, &sweep, &self.limits, NOW).await.unwrap();
    }

    /// Gives back what was claimed and not begun.
    pub async fn give_back_all(&self) {
        let tokens: Vec<uuid::Uuid> = sqlx::query_scalar("select token from oddish.jobs where state = 'claimed'")
            .fetch_all(&self.db)
            .await
            .unwrap();
        for token in tokens {
            attempts::give_back(&self.db, token, "not now", NOW).await.unwrap();
        }
    }

    async fn sweep_onto(
        &self,
        task_id: &str,
        experiment: Option<&str>,
        trials: &[TrialSpec],
        append: bool,
    ) -> Result<sweeps::CreatedSweep, sweeps::SweepRefused> {
        let sweep = NewSweep { experiment, append, ..self.new_sweep(task_id, trials) };
        sweeps::create(&self.db, &sweep, &self.limits, NOW).await
    }

    /// A sweep of these trials, as this scene submits them.
    pub fn new_sweep<'a>(&'a self, task_id: &'a str, trials: &'a [TrialSpec]) -> NewSweep<'a> {
        NewSweep {
            append: false,
            task_id,
            version: None,
            name: None,
            submitted_by: &self.submitter,
            key_owner: None,
            priority: self.priority,
            experiment: None,
            tags: BTreeMap::new(),
            trials,
            max_attempts: self.max_attempts,
            judges: None,
        }
    }

    /// Uploads a task, submits `trials` trials of it under `key`, and returns the task's id.
    pub async fn task(&self, trials: u32, key: &str) -> String {
        let task_id = self.upload().await;
        self.sweep(&task_id, None, &trial_specs(trials, key)).await.unwrap();
        task_id
    }

    /// Claims at most so many jobs.
    pub async fn claim(&self, max: u32) -> Vec<Claim> {
        queue::claim(&self.db, max, NOW).await.unwrap()
    }

    /// Claims one job.
    pub async fn claim_one(&self) -> Claim {
        self.claim(1).await.pop().expect("something to claim")
    }

    /// Begins a claimed attempt, unless its token is stale.
    pub async fn begin(&self, claim: &Claim) -> Option<Assignment> {
        attempts::begin(&self.db, claim.attempt.token, &process(), NOW).await.unwrap()
    }

    /// Claims one job and begins it.
    pub async fn begun(&self) -> Claim {
        let claim = self.claim_one().await;
        assert!(self.begin(&claim).await.is_some());
        claim
    }

    /// Text of one column of one trial.
    pub async fn trial(&self, trial_id: &str, column: &str) -> Option<String> {
        let sql = format!("select {column}::text from oddish.trials where id = $1");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(trial_id).fetch_one(&self.db).await.unwrap()
    }

    /// Status of one task.
    pub async fn task_status(&self, task_id: &str) -> String {
        sqlx::query_scalar("select status from oddish.tasks where id = $1")
            .bind(task_id)
            .fetch_one(&self.db)
            .await
            .unwrap()
    }

    /// The number that a query selects.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.db).await.unwrap()
    }

    /// Waits until a statement waits for a lock that another transaction holds.
    pub async fn until_waiting_for_a_lock(&self) {
        self.until_waiting_for_locks(1).await;
    }

    /// Waits until so many statements wait for locks.
    pub async fn until_waiting_for_locks(&self, statements: i64) {
        until_waiting_for_locks(&self.db, statements).await;
    }

    /// What must hold whatever happened: slots and jobs agree, and every claimed job has an open attempt and the other way round.
    pub async fn assert_consistent(&self) {
        let held = self.count("select count(*) from oddish.jobs where state in ('claimed', 'begun')").await;
        assert_eq!(
            held,
            self.count("select count(*) from oddish.slots join oddish.jobs using (queue_key, slot)").await
        );
        assert_eq!(held, self.count("select count(*) from oddish.attempts where ended_at is null").await);
        let unfinished = "select count(*) from oddish.trials where status not in ('success', 'failed')";
        assert_eq!(
            self.count("select count(*) from oddish.jobs where kind = 'trial'").await,
            self.count(unfinished).await
        );
        assert_eq!(wrong_tallies(&self.db).await, Vec::<String>::new());
    }
}

/// Selects the tallies that differ from what their trials add up to. Sums of numbers with a fraction are left to the sums' own tests.
pub const WRONG_TALLIES: &str = "
    with counted as (
        select task_id, task_version, experiment_id, queue_key, provider, agent, model, count(*) as total,
            count(*) filter (where status = 'success') as succeeded, count(*) filter (where status = 'failed') as failed,
            count(reward) as rewarded, count(*) filter (where reward = 1) as reward_ones,
            count(unconfirmed_reward) as unconfirmed, coalesce(sum(output_tokens), 0)::bigint as output_tokens, count(finished_at - started_at) as timed
        from oddish.trials group by task_id, task_version, experiment_id, queue_key, provider, agent, model),
    told as (
        select task_id, task_version, experiment_id, queue_key, provider, agent, model, total, succeeded, failed, rewarded, reward_ones,
            unconfirmed, output_tokens, timed
        from oddish.trial_tallies)
    select 'counted wrong: ' || w::text from ((select * from told except select * from counted)
        union all (select * from counted except select * from told)) w";

/// Waits until so many statements wait for locks that other transactions hold.
pub async fn until_waiting_for_locks(db: &Db, statements: i64) {
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let waits = async {
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(db).await.unwrap() < statements {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.expect("no statement waits for a lock");
}

/// The tallies that are wrong.
pub async fn wrong_tallies(db: &Db) -> Vec<String> {
    sqlx::query_scalar(WRONG_TALLIES).fetch_all(db).await.unwrap()
}

/// So many trials under one key.
pub fn trial_specs(trials: u32, key: &str) -> Vec<TrialSpec> {
    (0..trials).map(|index| trial_spec(index, key)).collect()
}

/// A trial under a key.
pub fn trial_spec(index: u32, key: &str) -> TrialSpec {
    TrialSpec {
        index,
        agent: "oracle".to_owned(),
        model: None,
        provider: "default",
        queue_key: key.to_owned(),
        environment: "docker".to_owned(),
        agent_timeout_sec: None,
        harbor: HarborSettings::default(),
    }
}

/// A process that begins attempts.
pub fn process() -> ProcessIdentity {
    ProcessIdentity { host: "testhost".to_owned(), pid: 42, started_at: NOW }
}

/// An attempt that ended with this reward.
pub fn reward(reward: f64) -> Outcome {
    Outcome {
        succeeded: true,
        reward: Some(reward),
        rewards: Some(serde_json::json!({ "reward": reward })),
        ..Outcome::default()
    }
}
