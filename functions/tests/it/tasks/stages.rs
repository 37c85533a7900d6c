//! The stages of a task that is judged, as clients see them (docs/compatibility.md, 3.2).

use oddish_db::jobs::ProcessIdentity;
use oddish_db::{Db, judging, queue};
use oddish_domain::retry::RetrySettings;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Claims what is there to judge and records this.
async fn judge(api: &Api, judgement: Value) {
    let now = OffsetDateTime::now_utc();
    let claim = queue::claim(&api.db, 1, now).await.unwrap().pop().expect("something to judge");
    let process = ProcessIdentity { host: "testhost".to_owned(), pid: 42, started_at: now };
    judging::begin(&api.db, claim.attempt.token, &process, now).await.unwrap().expect("no trial");
    judging::record(&api.db, claim.attempt.token, &Ok(judgement), &RetrySettings::default(), now).await.unwrap();
}

#[with_database]
async fn clients_see_the_true_stage(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let path = format!("/tasks/{task_id}");
    // Nothing makes analyses yet, so no sweep can ask for them.
    let ask = "update oddish.tasks set analysis_key = 'default', verdict_key = 'default'";
    sqlx::query(ask).execute(&api.db).await.unwrap();

    api.succeeded().await;
    let task = api.get(&path).await.json();
    assert_eq!((&task["status"], &task["run_analysis"]), (&json!("analyzing"), &json!(true)));
    assert_eq!(task["verdict_status"], json!(null));
    assert_eq!(task["trials"][0]["analysis_status"], json!("queued"));
    assert_eq!(api.get("/admin/queue-status").await.json()["analysis_queued"], json!(1));
    let listed =
        async |status: &str| api.get(&format!("/tasks?status={status}")).await.json().as_array().unwrap().len();
    assert_eq!((listed("analyzing").await, listed("completed").await), (1, 0));

    judge(&api, json!({"classification": "GOOD_SUCCESS"})).await;
    let task = api.get(&path).await.json();
    assert_eq!((&task["status"], &task["verdict_status"]), (&json!("verdict_pending"), &json!("queued")));
    assert_eq!(task["trials"][0]["analysis"], json!({"classification": "GOOD_SUCCESS"}));
    assert_eq!(task["finished_at"], json!(null));
    assert_eq!(api.get("/admin/queue-status").await.json()["verdict_queued"], json!(1));

    judge(&api, json!({"is_good": true})).await;
    let task = api.get(&path).await.json();
    assert_eq!((&task["status"], &task["verdict_status"]), (&json!("completed"), &json!("success")));
    assert_eq!(task["verdict"], json!({"is_good": true}));
    assert_eq!((listed("verdict_pending").await, listed("completed").await), (0, 1));
}
