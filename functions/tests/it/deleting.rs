//! Deleting over HTTP, and what becomes of what is stored.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use oddish_artifacts::{Key, key, list_all};
use oddish_db::Db;
use oddish_db::jobs::LiveAttempt;
use oddish_db::queue::Claim;
use oddish_db::wake::Wakes;
use oddish_dispatcher::{CloseError, Closer, Dispatcher, LaunchError, Launcher};
use oddish_domain::retry::RetrySettings;
use oddish_test_support::with_database;
use serde_json::json;

use crate::api::{Api, hello_archive};

/// The keys below a prefix.
async fn keys(api: &Api, prefix: &str) -> Vec<String> {
    let objects = list_all(api.store.as_ref(), prefix).await.unwrap();
    objects.into_iter().map(|object| object.key.as_str().to_owned()).collect()
}

/// Stores something as a runner would.
async fn store_files(api: &Api, task_id: &str, index: u32) {
    let trial_id = format!("{task_id}-{index}");
    let log = key::attempt_log_chunk(task_id, &trial_id, 1, 0).unwrap();
    let file = Key::parse(format!("{}result.json", key::attempt_prefix(task_id, &trial_id, 1).unwrap())).unwrap();
    for key in [log, file] {
        api.store.put(&key, Bytes::from_static(b"{}")).await.unwrap();
    }
}

async fn left_over(db: &Db) -> Vec<String> {
    sqlx::query_scalar("select prefix from oddish.prefixes_to_delete order by prefix").fetch_all(db).await.unwrap()
}

#[with_database]
async fn a_deleted_task_leaves_nothing_in_the_store(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(2).await;
    let other = api.submitted(1).await;
    for index in 0..2 {
        store_files(&api, &task_id, index).await;
    }
    store_files(&api, &other, 0).await;
    // A second version, whose archive has come to its staging key and no further.
    let name = api.get(&format!("/tasks/{task_id}")).await.json()["name"].clone();
    let init = json!({"name": name, "content_hash": "a".repeat(64)});
    let announced = api.post("/tasks/upload/init", &init.to_string()).await.json();
    let task_of_name = announced["task_id"].as_str().unwrap().to_owned();
    let staging: String =
        sqlx::query_scalar("select staging_key from oddish.uploads").fetch_one(&api.db).await.unwrap();
    api.store.put(&Key::parse(staging).unwrap(), hello_archive().await.into()).await.unwrap();
    assert_eq!(keys(&api, "staging/").await.len(), 1);

    let mut wakes = Wakes::listen(&api.db).await.unwrap();
    for task in [&task_id, &other] {
        assert!(!keys(&api, &format!("tasks/{task}/")).await.is_empty());
        let answer = api.delete(&format!("/tasks/{task}")).await;
        assert_eq!(answer.json(), json!({"status": "success", "deleted": {"task_id": task}}));
        assert_eq!(api.get(&format!("/tasks/{task}")).await.error(404), format!("Task {task} not found"));
        assert_eq!(api.delete(&format!("/tasks/{task}")).await.error(404), format!("Task {task} not found"));
    }
    assert!([&task_id, &other].contains(&&task_of_name), "the upload was of one of them");
    wakes.next().await.unwrap();
    assert_eq!((keys(&api, "tasks/").await, keys(&api, "staging/").await), (vec![], vec![]));
    assert_eq!(left_over(&api.db).await.len(), 3, "a runner may write there for a while");
    assert_eq!(api.delete("/tasks/nowhere").await.error(404), "Task nowhere not found");
    api.delete("/tasks/a%00b").await.error(400);
}

#[with_database]
async fn a_deleted_trial_takes_its_own_files(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(2).await;
    // Numbers of which one begins with the other.
    let sweep = json!({"task_id": task_id, "user": "a", "append_to_task": true, "configs": [{"agent": "oracle", "n_trials": 9}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    for index in [1, 10] {
        store_files(&api, &task_id, index).await;
    }
    let trial_id = format!("{task_id}-1");
    let answer = api.delete(&format!("/trials/{trial_id}")).await.json();
    assert_eq!(answer, json!({"status": "success", "deleted": {"trial_id": trial_id, "task_id": task_id}}));
    let left = keys(&api, &format!("tasks/{task_id}/trials/")).await;
    assert!(left.len() == 2 && left.iter().all(|key| key.contains(&format!("{task_id}-10/"))), "{left:?}");
    assert_eq!(api.get(&format!("/tasks/{task_id}")).await.json()["total"], 10);
    let missing = format!("Trial {trial_id} not found");
    assert_eq!(api.get(&format!("/trials/{trial_id}/logs")).await.error(404), missing);
    assert_eq!(api.delete(&format!("/trials/{trial_id}")).await.error(404), missing);
}

#[with_database]
async fn a_deleted_experiment_says_what_went(db: Db) {
    let api = Api::new(db);
    let (own, both) = (api.submitted(2).await, api.submitted(1).await);
    let experiment = api.experiment_of(&own).await;
    let sweep = json!({"task_id": both, "user": "a", "append_to_task": true, "experiment_id": experiment,
        "configs": [{"agent": "oracle", "n_trials": 3}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    for (task, index) in [(&own, 0), (&both, 0), (&both, 1)] {
        store_files(&api, task, index).await;
    }
    let path = format!("/experiments/{experiment}");
    let answer = api.delete(&path).await.json();
    let deleted = json!({"trials": 5, "tasks": 1, "experiments": 1});
    assert_eq!(answer, json!({"status": "success", "message": "Experiment deleted", "deleted": deleted}));
    assert_eq!(keys(&api, &format!("tasks/{own}/")).await, Vec::<String>::new());
    let left = keys(&api, &format!("tasks/{both}/trials/")).await;
    assert!(left.len() == 2 && left.iter().all(|key| key.contains(&format!("{both}-0/"))), "{left:?}");
    assert_eq!(api.get(&format!("/tasks/{both}")).await.json()["total"], 1);
    assert_eq!(api.get(&path).await.error(404), format!("Experiment {experiment} not found"));
    assert_eq!(api.delete(&path).await.error(404), format!("Experiment {experiment} not found"));
}

/// A launcher that has no place for anything.
struct Full;

#[async_trait]
impl Launcher for Full {
    fn room(&self) -> u32 {
        0
    }
    async fn launch(&self, claim: &Claim) -> Result<(), LaunchError> {
        panic!("{claim:?}")
    }
    async fn reconcile(&self) -> Result<bool, CloseError> {
        Ok(false)
    }
    async fn clear(&self, dead: &LiveAttempt) {
        panic!("{dead:?}")
    }
    async fn stop(&self) {}
}

/// Has a dispatcher that was just started look after everything once.
async fn dispatch(api: &Api) {
    let closer = Closer { db: api.db.clone(), store: Arc::clone(&api.store), rules: RetrySettings::default() };
    Dispatcher::new(closer, Arc::new(Full)).dispatch(Instant::now()).await.unwrap();
}

#[with_database]
async fn what_the_store_did_not_delete_is_deleted_by_the_next_pass_of_the_dispatcher(db: Db) {
    let api = Api::new(db);
    api.watched.keep_all(true);
    let task_id = api.submitted(1).await;
    let answer = api.delete(&format!("/tasks/{task_id}")).await;
    assert_eq!(answer.json()["status"], "success", "it is deleted all the same");
    let prefix = format!("tasks/{task_id}/");
    assert_eq!(left_over(&api.db).await, std::slice::from_ref(&prefix));
    assert!(!keys(&api, &prefix).await.is_empty());

    // The time comes when the dispatcher looks after it, and then the time when nobody writes there any more.
    let due = async |columns: &'static str| {
        sqlx::query(columns).execute(&api.db).await.unwrap();
        dispatch(&api).await;
    };
    due("update oddish.prefixes_to_delete set due_at = now() - interval '1 second'").await;
    assert_eq!(left_over(&api.db).await, std::slice::from_ref(&prefix), "it fails there too");
    api.watched.keep_all(false);
    due("update oddish.prefixes_to_delete set due_at = now() - interval '1 second'").await;
    assert_eq!(keys(&api, &prefix).await, Vec::<String>::new());
    assert_eq!(left_over(&api.db).await, [prefix], "a runner may write there for a while");
    due("update oddish.prefixes_to_delete set due_at = now() - interval '2 seconds', written_until = now() - interval '1 second'")
        .await;
    assert_eq!(left_over(&api.db).await, Vec::<String>::new());
}
