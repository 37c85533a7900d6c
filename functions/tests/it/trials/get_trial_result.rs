//! `GET /trials/{trial_id}/result`.

use bytes::Bytes;
use oddish_artifacts::{Key, key};
use oddish_db::Db;
use oddish_db::attempts::{self, Outcome};
use oddish_domain::retry::RetrySettings;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;
use time::OffsetDateTime;

#[with_database]
async fn the_result_is_harbors_own_byte_for_byte(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let (trial_id, token) = api.begun().await;
    let result = format!("/trials/{trial_id}/result");
    assert!(api.get(&result).await.error(404).contains("has not ended yet"));
    let prefix = key::attempt_prefix(&task_id, &trial_id, 1).unwrap();
    let text = "{ \"a\" : 1.0,\n \"unknown\": [1e400] }";
    api.store.put(&Key::parse(format!("{prefix}result.json")).unwrap(), Bytes::from(text)).await.unwrap();
    api.store
        .put(&Key::parse(format!("{prefix}verifier/test-stdout.txt")).unwrap(), Bytes::from("PASS\n"))
        .await
        .unwrap();
    let outcome = Outcome { artifact_prefix: Some(prefix.clone()), ..Outcome::default() };
    attempts::record(&api.db, token, &outcome, &RetrySettings::default(), OffsetDateTime::now_utc()).await.unwrap();
    assert_eq!(api.get(&result).await.body, text);
    let logs = api.get(&format!("/trials/{trial_id}/logs")).await.json();
    assert_eq!(logs["logs"], format!("=== {prefix}verifier/test-stdout.txt ===\nPASS\n\n"));
    assert_eq!(logs["s3_key"], prefix);
}

#[with_database]
async fn a_trial_that_ended_without_a_result_says_so(db: Db) {
    let api = Api::new(db);
    let sweep =
        json!({"task_id": api.uploaded().await, "user": "alice", "max_attempts": 1, "configs": [{"agent": "oracle"}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    let (trial_id, token) = api.begun().await;
    let rules = RetrySettings::default();
    attempts::record(&api.db, token, &Outcome::default(), &rules, OffsetDateTime::now_utc()).await.unwrap();
    let text = api.get(&format!("/trials/{trial_id}/result")).await.error(404);
    assert!(text.contains("ended without one"), "{text}");
}
