//! `POST /trials/{trial_id}/retry`.

use oddish_db::Db;
use oddish_db::wake::Wakes;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::shapes;

#[with_database]
async fn a_trial_that_ended_runs_again_and_wakes_the_dispatcher(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let retry = format!("/trials/{task_id}-0/retry");
    let text = api.post(&retry, "").await.error(400);
    assert_eq!(text, "Can only retry completed or failed trials (current: queued)");
    api.succeeded().await;
    let mut wakes = Wakes::listen(&api.db).await.unwrap();
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("RetryTrialResponse", &api.post(&retry, "").await), @r#"
    {
      "status": "queued",
      "trial_id": "hello-[id]-0"
    }
    "#);
    wakes.next().await.unwrap();
    let task = api.get(&format!("/tasks/{task_id}")).await.json();
    assert_eq!((&task["status"], &task["trials"][0]["status"]), (&json!("running"), &json!("queued")));
    assert!(task["trials"][0]["reward"].is_null());
    assert_eq!(api.post("/trials/nowhere-0/retry", "").await.error(404), "Trial nowhere-0 not found");
}
