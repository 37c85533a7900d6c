//! Cancelling tasks, trials and experiments.

use oddish_db::Db;
use oddish_db::attempts::{self, Standing};
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::api::Api;

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

#[with_database]
async fn cancelling_a_trial_leaves_the_others(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(2).await;
    let path = format!("/trials/{task_id}-0/cancel");
    let expected = |cancelled: Value, ended: Value| json!({"status": "cancelled", "cancelled": cancelled, "stopping": [], "already_stopping": [], "already_ended": ended});
    let id = json!([format!("{task_id}-0")]);
    assert_eq!(api.post(&path, "").await.json(), expected(id.clone(), json!([])));
    assert_eq!(api.post(&path, "").await.json(), expected(json!([]), id));
    assert_eq!(api.statuses(&task_id).await, ["failed", "queued"]);
    api.succeeded().await;
    let task = api.get(&format!("/tasks/{task_id}")).await.json();
    assert_eq!(task["status"], "completed", "the task itself was not cancelled");
    assert_eq!(api.post("/trials/nowhere-0/cancel", "").await.error(404), "Trial nowhere-0 not found");
}

#[with_database]
async fn cancelling_an_experiment_spares_trials_of_others(db: Db) {
    let api = Api::new(db);
    let (own, shared) = (api.submitted(2).await, api.uploaded().await);
    let experiment = api.experiment_of(&own).await;
    let sweep = |experiment: &str, append: bool| {
        json!({"task_id": shared, "user": "alice", "configs": [{"agent": "oracle"}], "experiment_id": experiment,
            "append_to_task": append})
    };
    api.post("/tasks/sweep", &sweep(&experiment, false).to_string()).await.json();
    api.post("/tasks/sweep", &sweep("another", true).to_string()).await.json();
    let answer = api.post(&format!("/experiments/{experiment}/cancel"), "").await.json();
    let mut cancelled = answer["cancelled"].as_array().unwrap().clone();
    cancelled.sort_by_key(Value::to_string);
    let mut expected = vec![json!(format!("{own}-0")), json!(format!("{own}-1")), json!(format!("{shared}-0"))];
    expected.sort_by_key(Value::to_string);
    assert_eq!(cancelled, expected);
    assert_eq!(api.get(&format!("/tasks/{own}")).await.json()["status"], "failed");
    assert_eq!(api.statuses(&shared).await, ["failed", "queued"]);
    api.succeeded().await;
    let shared_task = api.get(&format!("/tasks/{shared}")).await.json();
    assert_eq!(shared_task["status"], "completed", "it was not meant as a whole");
    let text = api.post("/experiments/nowhere/cancel", "").await.error(404);
    assert_eq!(text, "Experiment nowhere not found");
}
