//! `PATCH /queues/{key}`: limits and pauses.

use oddish_db::wake::Wakes;
use oddish_db::{Db, queue};
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::shapes;

const KEY: &str = "/queues/openai/gpt-5.2";

/// How many jobs can be claimed now.
async fn claimable(api: &Api) -> usize {
    queue::claim(&api.db, 100, OffsetDateTime::now_utc()).await.unwrap().len()
}

pub(super) async fn submit(api: &Api, model: &str, trials: u32) {
    let task_id = api.uploaded().await;
    let config = json!({"agent": "codex", "model": model, "n_trials": trials});
    let sweep = json!({"task_id": task_id, "user": "alice", "configs": [config]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
}

#[with_database]
async fn a_limit_changes_while_everything_runs(db: Db) {
    let api = Api::new(db);
    submit(&api, "gpt-5.2", 5).await;
    let mut wakes = Wakes::listen(&api.db).await.unwrap();
    let answer = api.patch(KEY, &json!({"concurrency_limit": 2})).await.json();
    wakes.next().await.unwrap();
    let expected = |limit: u8, running: u8, ready: u8| {
        json!({"queue_key": "openai/gpt-5.2", "concurrency_limit": limit, "is_default": false, "running": running, "ready": ready,
            "delayed": 0, "paused": null})
    };
    assert_eq!(answer, expected(2, 0, 5));
    assert_eq!(claimable(&api).await, 2);
    assert_eq!(api.get(KEY).await.json(), expected(2, 2, 3));
    assert_eq!(api.patch(KEY, &json!({"concurrency_limit": 1})).await.json(), expected(1, 2, 3));
    assert_eq!(claimable(&api).await, 0);
    assert_eq!(api.get("/queues").await.json(), json!([expected(1, 2, 3)]));
}

#[with_database]
async fn a_pause_says_who_and_why(db: Db) {
    let api = Api::new(db);
    submit(&api, "gpt-5.2", 1).await;
    let paused = api.patch(KEY, &json!({"paused": true, "reason": "the budget is spent"})).await;
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("QueueResponse", &paused), @r#"
    {
      "concurrency_limit": 8,
      "delayed": 0,
      "is_default": true,
      "paused": {
        "at": "[time]",
        "by": "user",
        "next_probe_at": null,
        "reason": "the budget is spent"
      },
      "queue_key": "openai/gpt-5.2",
      "ready": 1,
      "running": 0
    }
    "#);
    assert_eq!(claimable(&api).await, 0);
    assert_eq!(api.patch(KEY, &json!({"paused": false})).await.json()["paused"], Value::Null);
    assert_eq!(claimable(&api).await, 1);
}

#[with_database]
async fn an_unknown_key_is_created_by_its_limit_only(db: Db) {
    let api = Api::new(db);
    assert!(api.get("/queues/new/model").await.error(404).contains("new/model"));
    for body in [json!({"paused": true}), json!({"paused": false})] {
        assert!(api.patch("/queues/new/model", &body).await.error(404).contains("new/model"));
    }
    let created = api.patch("/queues/new/model", &json!({"concurrency_limit": 0, "paused": true})).await.json();
    assert_eq!((&created["concurrency_limit"], &created["paused"]["by"]), (&json!(0), &json!("user")));
}

#[with_database]
async fn a_senseless_change_is_a_422_and_changes_nothing(db: Db) {
    let api = Api::new(db);
    for (body, field) in [
        (json!({}), "body"),
        (json!({"concurrency_limit": 10001}), "concurrency_limit"),
        (json!({"concurrency_limit": -1}), "concurrency_limit"),
        (json!({"concurrency_limit": 1, "reason": "why"}), "reason"),
        (json!({"concurrency_limit": 1, "paused": true, "reason": "x".repeat(501)}), "reason"),
        (json!({"concurrency_limit": 1, "paused": true, "reason": "a\u{0}b"}), "reason"),
    ] {
        let text = api.patch(KEY, &body).await.error(422);
        assert!(text.contains(field), "{body}: {text}");
    }
    for key in ["x".repeat(256), "a%00b".to_owned()] {
        let text = api.patch(&format!("/queues/{key}"), &json!({"concurrency_limit": 1})).await.error(422);
        assert!(text.contains(r#"["path","key"]"#), "{text}");
    }
    assert_eq!(api.get("/queues").await.json(), json!([]));
}
