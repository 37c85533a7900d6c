//! `POST /trials/{trial_id}/cancel`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::shapes;

#[with_database]
async fn cancelling_a_trial_leaves_the_others(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(2).await;
    let path = format!("/trials/{task_id}-0/cancel");
    let expected = |cancelled: Value, ended: Value| json!({"status": "cancelled", "cancelled": cancelled, "stopping": [], "already_stopping": [], "already_ended": ended});
    let id = json!([format!("{task_id}-0")]);
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("CancelResponse", &api.post(&path, "").await), @r#"
    {
      "already_ended": [],
      "already_stopping": [],
      "cancelled": [
        "hello-[id]-0"
      ],
      "status": "cancelled",
      "stopping": []
    }
    "#);
    assert_eq!(api.post(&path, "").await.json(), expected(json!([]), id));
    assert_eq!(api.statuses(&task_id).await, ["failed", "queued"]);
    api.succeeded().await;
    let task = api.get(&format!("/tasks/{task_id}")).await.json();
    assert_eq!(task["status"], "completed", "the task itself was not cancelled");
    assert_eq!(api.post("/trials/nowhere-0/cancel", "").await.error(404), "Trial nowhere-0 not found");
}
