//! Trials in the queue, as rows. Sweeps number trials one after another; tests of what takes them from the queue choose the numbers.

use std::ops::Range;

use oddish_db::Db;

/// Trials of one task. Its id is `some-task`, and it belongs to an experiment of its own.
#[derive(Clone, Debug)]
pub struct QueuedTrials {
    /// Their indexes.
    pub indexes: Range<i32>,
    /// A queue key that exists.
    pub queue_key: &'static str,
    /// How many attempts each may have.
    pub max_attempts: i32,
    /// SHA-256 of the task's archive.
    pub archive_sha256: String,
}

impl QueuedTrials {
    /// Key of the task's archive.
    pub const ARCHIVE: &str = "tasks/some-task/v1/.oddish-task.tar.gz";

    /// So many trials of a task without an archive.
    pub fn new(trials: i32, queue_key: &'static str) -> Self {
        Self { indexes: 0..trials, queue_key, max_attempts: 6, archive_sha256: "0".repeat(64) }
    }

    /// Inserts them, each with a job that is ready.
    pub async fn insert(&self, db: &Db) {
        let sql = "with experiment as (
                insert into oddish.experiments (id, name, created_at, updated_at) values ('0a1b2c3d', 'some', now(), now())
                returning id),
            task as (
                insert into oddish.tasks (id, name, experiment_id, submitted_by, created_at, updated_at)
                select 'some-task', 'some task', id, 'someone', now(), now() from experiment returning id, experiment_id),
            version as (
                insert into oddish.task_versions
                    (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
                select id, 1, $1, $2, 1, repeat('1', 64), now() from task returning task_id, version),
            trial as (
                insert into oddish.trials (id, task_id, task_version, trial_index, experiment_id, agent, provider, queue_key,
                    environment, max_attempts, created_at, updated_at)
                select 'some-task-' || number, task_id, version, number, experiment_id, 'oracle', 'default', $3, 'docker', $4,
                    now(), now()
                from generate_series($5, $6 - 1) as number, version, task
                returning id, trial_index)
            insert into oddish.jobs (kind, trial_id, queue_key, submitter, priority, due_at)
            select 'trial', id, $3, 'someone', 1, now() from trial order by trial_index";
        sqlx::query(sql)
            .bind(Self::ARCHIVE)
            .bind(&self.archive_sha256)
            .bind(self.queue_key)
            .bind(self.max_attempts)
            .bind(self.indexes.start)
            .bind(self.indexes.end)
            .execute(db)
            .await
            .unwrap();
    }
}
