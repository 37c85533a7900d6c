//! What whoever has the token of a shared experiment sees, and what not.

mod task_files;
mod tasks;
mod tokens;
mod trials;

use bytes::Bytes;
use oddish_artifacts::{Key, key};
use oddish_db::Db;
use oddish_test_api::{Answer, Api};
use serde_json::json;

/// One experiment is shared, the other is not; the task `both` has trials in both, with a version of its own in the private one.
struct Scene {
    api: Api,
    token: String,
    shared: String,
    private: String,
    /// Of the shared experiment alone, with two trials.
    own: String,
    /// Trials 0 and 1 are shared, 2 is not.
    both: String,
    /// Of the private experiment alone.
    hidden: String,
}

async fn sweep(api: &Api, task_id: &str, experiment: &str, trials: u32) -> String {
    let sweep = json!({"task_id": task_id, "user": "alice", "experiment_id": experiment, "append_to_task": true,
        "configs": [{"agent": "oracle", "n_trials": trials}]});
    let answer = api.post("/tasks/sweep", &sweep.to_string()).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.json()["experiment_id"].as_str().unwrap().to_owned()
}

impl Scene {
    async fn new(db: Db) -> Self {
        let api = Api::new(db);
        let [own, both, hidden] = [api.uploaded().await, api.uploaded().await, api.uploaded().await];
        let shared = sweep(&api, &own, "the shared one", 2).await;
        sweep(&api, &both, &shared, 2).await;
        for _ in 0..4 {
            api.succeeded().await;
        }
        // The private version has a file that nobody else may know of.
        let second = "insert into oddish.task_versions
            select task_id, 2, archive_key, archive_sha256, archive_bytes, content_hash, created_at, 'secret message', files_key
            from oddish.task_versions where task_id = $1";
        sqlx::query(second).bind(&both).execute(&api.db).await.unwrap();
        let files = "insert into oddish.task_files
            select task_id, 2, 'environment/private.txt', start, size from oddish.task_files
            where task_id = $1 and path = 'instruction.md'";
        sqlx::query(files).bind(&both).execute(&api.db).await.unwrap();
        let private = sweep(&api, &both, "the private one", 1).await;
        sweep(&api, &hidden, &private, 1).await;
        for trial in [format!("{own}-0"), format!("{both}-2"), format!("{hidden}-0")] {
            let task_id = trial.rsplit_once('-').unwrap().0;
            let prefix = key::attempt_prefix(task_id, &trial, 1).unwrap();
            for file in ["result.json", "agent/trajectory.json", "agent/oracle.txt"] {
                let key = Key::parse(format!("{prefix}{file}")).unwrap();
                api.store.put(&key, Bytes::from(json!({"of": trial}).to_string())).await.unwrap();
            }
            let left = "update oddish.trials set artifact_prefix = $2 where id = $1";
            sqlx::query(left).bind(&trial).bind(prefix).execute(&api.db).await.unwrap();
        }
        let share = api.post(&format!("/experiments/{shared}/publish"), "").await.json();
        let token = share["public_token"].as_str().unwrap().to_owned();
        Self { api, token, shared, private, own, both, hidden }
    }

    /// Asks with the token in the query.
    async fn get(&self, path: &str) -> Answer {
        let separator = if path.contains('?') { '&' } else { '?' };
        self.api.get(&format!("{path}{separator}token={}", self.token)).await
    }
}
