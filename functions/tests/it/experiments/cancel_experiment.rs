//! `POST /experiments/{experiment_id}/cancel`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

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
