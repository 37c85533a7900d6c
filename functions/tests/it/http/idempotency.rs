//! The `Idempotency-Key` header.

use std::sync::Arc;

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

fn sweep(task_id: &str, trials: u32) -> Value {
    json!({"task_id": task_id, "user": "alice", "append_to_task": true, "configs": [{"agent": "oracle", "n_trials": trials}]})
}

#[with_database]
async fn a_sweep_that_comes_again_gets_the_same_answer_and_does_nothing(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let first = api.post_once("/tasks/sweep", "k", &sweep(&task_id, 2)).await;
    assert_eq!(first.json()["trials_count"], 2);
    let again = api.post_once("/tasks/sweep", "k", &sweep(&task_id, 2)).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(api.statuses(&task_id).await.len(), 2);
    let text = api.post_once("/tasks/sweep", "k", &sweep(&task_id, 3)).await.error(409);
    assert!(text.contains("another request"), "{text}");
    api.post_once("/tasks/sweep", "another", &sweep(&task_id, 2)).await.json();
    api.post("/tasks/sweep", &sweep(&task_id, 2).to_string()).await.json();
    assert_eq!(api.statuses(&task_id).await.len(), 6);
}

#[with_database]
async fn sweeps_with_one_key_at_the_same_time_are_one(db: Db) {
    let api = Arc::new(Api::new(db));
    let task_id = api.uploaded().await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (api, task_id) = (Arc::clone(&api), task_id.clone());
        requests.spawn(async move { api.post_once("/tasks/sweep", "k", &sweep(&task_id, 1)).await.body });
    }
    let mut answers = requests.join_all().await;
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(api.statuses(&task_id).await.len(), 1);
}

#[with_database]
async fn errors_are_not_kept(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let retry = format!("/trials/{task_id}-0/retry");
    api.post_once(&retry, "k", &json!({})).await.error(400);
    api.succeeded().await;
    assert_eq!(api.post_once(&retry, "k", &json!({})).await.json()["status"], "queued");
}

#[with_database]
async fn a_retry_that_comes_again_runs_no_trial_a_third_time(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(2).await;
    let retry = format!("/trials/{task_id}-0/retry");
    api.succeeded().await;
    let first = api.post_once(&retry, "k", &json!({})).await;
    assert_eq!(first.status.as_u16(), 200, "{first:?}");
    api.succeeded().await;
    api.succeeded().await;
    assert_eq!(api.post_once(&retry, "k", &json!({})).await.body, first.body);
    assert_eq!(api.statuses(&task_id).await, ["success", "success"], "it was not run again");
    let text = api.post_once(&format!("/trials/{task_id}-1/retry"), "k", &json!({})).await.error(409);
    assert!(text.contains("another request"), "another trial is another request: {text}");

    let experiment = format!("/experiments/{}/retry", api.experiment_of(&task_id).await);
    let filter = json!({"statuses": ["success"]});
    let first = api.post_once(&experiment, "k", &filter).await;
    assert_eq!(first.json()["queued"].as_array().unwrap().len(), 2);
    assert_eq!(api.post_once(&experiment, "k", &filter).await.body, first.body);
    api.post_once(&experiment, "k", &json!({"statuses": ["failed"]})).await.error(409);
    let looked = api.post_once(&experiment, "k", &json!({"statuses": ["success"], "dry_run": true})).await;
    assert_eq!(looked.json()["status"], "dry_run", "looking is no work, and needs no key");
}

#[with_database]
async fn a_key_is_one_value_of_visible_ascii(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    for bad in ["", "two words", "k\u{fc}", &"k".repeat(256)] {
        let text = api.post_once("/tasks/sweep", bad, &sweep(&task_id, 1)).await.error(422);
        assert!(text.contains("visible ASCII"), "{bad}: {text}");
    }
    assert_eq!(api.post_once("/tasks/sweep", &"k".repeat(255), &sweep(&task_id, 1)).await.status.as_u16(), 200);
}
