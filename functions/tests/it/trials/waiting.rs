//! Why a trial waits.

use oddish_db::{Db, queue};
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

#[with_database]
async fn a_trial_that_waits_says_why(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(3).await;
    api.patch("/queues/default", &json!({"concurrency_limit": 1})).await.json();
    let told = async || -> Vec<(Value, Value)> {
        let task = api.get(&format!("/tasks/{task_id}")).await.json();
        let listed = api.get("/tasks").await.json();
        let trials = task["trials"].as_array().unwrap();
        assert_eq!(trials, listed[0]["trials"].as_array().unwrap(), "lists tell the same");
        assert_eq!(trials[2], api.get(&format!("/tasks/{task_id}/trials/2")).await.json());
        trials.iter().map(|trial| (trial["queue_info"].clone(), trial["waiting_reason"].clone())).collect()
    };
    let unseen = &told().await[0].1;
    assert_eq!(unseen["code"], "no_dispatcher");
    queue::seen(&api.db, "d", OffsetDateTime::now_utc()).await.unwrap();
    assert_eq!(told().await[0].1, json!({"code": "about_to_start", "text": "It is about to start."}));
    api.begun().await;
    let trials = told().await;
    assert_eq!(trials[0], (Value::Null, Value::Null), "it runs");
    let info = json!({"position": 2, "ahead": 1, "queued_count": 2, "queued_count_is_bound": false, "running_count": 1,
        "concurrency_limit": 1});
    let text = "1 of at most 1 trials of default run, and 1 wait before this one.";
    assert_eq!(trials[2], (info, json!({"code": "limit_reached", "text": text})));
    api.patch("/queues/default", &json!({"paused": true, "reason": "no money"})).await.json();
    let paused = &told().await[2].1;
    assert_eq!(paused["code"], "key_paused");
    let text = paused["text"].as_str().unwrap();
    assert!(text.starts_with("default has been paused since 20") && text.ends_with("Z by a user: no money."), "{text}");
}
