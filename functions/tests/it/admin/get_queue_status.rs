//! `GET /admin/queue-status`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

#[with_database]
async fn queues_are_counted(db: Db) {
    let api = Api::new(db);
    api.submitted(3).await;
    api.begun().await;
    let mut answer = api.get("/admin/queue-status").await.json();
    assert!(answer["timestamp"].take().is_string());
    let expected = json!({
        "trial_queues": [{"queue_key": "default", "queued": 2, "running": 1}], "analysis_queued": 0, "analysis_running": 0,
        "verdict_queued": 0, "verdict_running": 0, "timestamp": null,
    });
    assert_eq!(answer, expected);
}
