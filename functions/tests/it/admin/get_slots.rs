//! `GET /admin/slots`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

#[with_database]
async fn slots_tell_which_trial_holds_them(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(2).await;
    api.patch("/queues/default", &json!({"concurrency_limit": 2})).await.json();
    let (_, token) = api.begun().await;
    api.patch("/queues/default", &json!({"concurrency_limit": 0})).await.json();
    let mut answer = api.get("/admin/slots").await.json();
    assert!(answer["timestamp"].take().is_string());
    assert!(answer["queue_keys"][0]["slots"][0]["locked_until"].take().is_string());
    let slot = json!({"queue_key": "default", "slot": 0, "locked_by": format!("{task_id}-0"), "locked_until": null, "is_active": true,
        "kind": "trial"});
    let expected = json!({
        "queue_keys": [{"queue_key": "default", "total_slots": 1, "active_slots": 1, "slots": [slot]}],
        "total_slots": 1, "total_active": 1, "truncated": false, "timestamp": null,
    });
    assert_eq!(answer, expected);
    assert!(!answer.to_string().contains(&token.to_string()));
}
