//! `POST /tasks/cancel`.

use oddish_db::Db;
use oddish_db::attempts::{self, Standing};
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::shapes;

async fn cancel_tasks(api: &Api, task_ids: &[&str]) -> Value {
    let answer = api.post("/tasks/cancel", &json!({ "task_ids": task_ids }).to_string()).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.json()
}

#[with_database]
async fn cancelling_a_task_ends_what_waits_and_stops_what_runs(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(3).await;
    let trial = |index: u8| format!("{task_id}-{index}");
    api.succeeded().await;
    let (running, token) = api.begun().await;
    assert_eq!(running, trial(1));

    let expected = |cancelled: Value, stopping: Value, again: Value, ended: Value, tasks: u8, trials: u8| {
        json!({
            "status": "cancelled", "task_ids": [task_id], "not_found_task_ids": ["nowhere"], "tasks_found": 1,
            "tasks_cancelled": tasks, "trials_cancelled": trials, "modal_calls_cancelled": 0,
            "cancelled": cancelled, "stopping": stopping, "already_stopping": again, "already_ended": ended,
        })
    };
    let first = cancel_tasks(&api, &[&task_id, "nowhere", &task_id]).await;
    assert_eq!(first, expected(json!([trial(2)]), json!([trial(1)]), json!([]), json!([trial(0)]), 1, 2));
    assert_eq!(attempts::standing(&api.db, token).await.unwrap(), Standing::CancelRequested);
    let body = json!({"task_ids": [task_id, "nowhere"]}).to_string();
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("CancelTasksResponse", &api.post("/tasks/cancel", &body).await), @r#"
    {
      "already_ended": [
        "hello-[id]-0",
        "hello-[id]-2"
      ],
      "already_stopping": [
        "hello-[id]-1"
      ],
      "cancelled": [],
      "modal_calls_cancelled": 0,
      "not_found_task_ids": [
        "nowhere"
      ],
      "status": "cancelled",
      "stopping": [],
      "task_ids": [
        "hello-[id]"
      ],
      "tasks_cancelled": 0,
      "tasks_found": 1,
      "trials_cancelled": 0
    }
    "#);
    let again = cancel_tasks(&api, &[&task_id, "nowhere"]).await;
    assert_eq!(again, expected(json!([]), json!([]), json!([trial(1)]), json!([trial(0), trial(2)]), 0, 0));

    let task = api.get(&format!("/tasks/{task_id}")).await.json();
    assert_eq!(task["status"], "running", "one trial has not stopped yet");
    let shown = |index: usize, field: &str| task["trials"][index][field].clone();
    assert_eq!((shown(2, "status"), shown(2, "error_class")), (json!("failed"), json!("cancelled")));
    assert_eq!(shown(2, "error_message"), "Cancelled by user");
    assert!(shown(1, "cancel_requested_at").is_string() && shown(0, "cancel_requested_at").is_null());
    attempts::cancelled(&api.db, token, OffsetDateTime::now_utc()).await.unwrap();
    assert_eq!(api.get(&format!("/tasks/{task_id}")).await.json()["status"], "failed");
}

#[with_database]
async fn cancelling_names_tasks_that_exist_and_not_too_many(db: Db) {
    let api = Api::new(db);
    let cancel = async |task_ids: Value| api.post("/tasks/cancel", &json!({ "task_ids": task_ids }).to_string()).await;
    assert_eq!(cancel(json!([])).await.error(400), "Provide at least one task_id");
    assert_eq!(cancel(json!(["nowhere"])).await.error(404), "No matching tasks found");
    let uploaded = api.uploaded().await;
    assert_eq!(cancel(json!([uploaded])).await.error(404), "No matching tasks found");
    let many: Vec<String> = (0..1001).map(|number| format!("task-{number}")).collect();
    assert!(cancel(json!(many)).await.error(422).contains("at most 1000"));
    assert_eq!(cancel(json!(many[1..])).await.status.as_u16(), 404);
}
