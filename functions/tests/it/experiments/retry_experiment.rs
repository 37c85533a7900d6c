//! `POST /experiments/{experiment_id}/retry`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::shapes;

#[with_database]
async fn an_experiments_trials_run_again_by_filter(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(4).await;
    let trial = |index: u8| format!("{task_id}-{index}");
    let retry = format!("/experiments/{}/retry", api.experiment_of(&task_id).await);
    api.succeeded().await;
    api.begun().await;
    api.post(&format!("/trials/{}/cancel", trial(3)), "").await.json();
    assert_eq!(api.statuses(&task_id).await, ["success", "running", "queued", "failed"]);

    let ask = async |body: Value| {
        let answer = api.post(&retry, &body.to_string()).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        let answer = answer.json();
        (answer["status"].clone(), answer["queued"].clone(), answer["still_active"].clone())
    };
    let foreseen = ask(json!({"statuses": ["failed", "success", "running"], "dry_run": true})).await;
    assert_eq!(foreseen, (json!("dry_run"), json!([trial(0), trial(3)]), json!([trial(1)])));
    let dry_run = json!({"statuses": ["failed", "running"], "dry_run": true});
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("RetryExperimentResponse", &api.post(&retry, &dry_run.to_string()).await), @r#"
    {
      "experiment_id": "[id]",
      "queued": [
        "hello-[id]-3"
      ],
      "status": "dry_run",
      "still_active": [
        "hello-[id]-1"
      ]
    }
    "#);
    assert_eq!(api.statuses(&task_id).await, ["success", "running", "queued", "failed"], "nothing was done");
    let fits_neither = ask(json!({"statuses": ["success"], "error_classes": ["cancelled"]})).await;
    assert_eq!(fits_neither, (json!("queued"), json!([]), json!([])));
    let cancelled = ask(json!({"error_classes": ["cancelled"]})).await;
    assert_eq!(cancelled, (json!("queued"), json!([trial(3)]), json!([])));
    assert_eq!(api.statuses(&task_id).await, ["success", "running", "queued", "queued"]);
}

#[with_database]
async fn a_filter_must_name_something_that_exists(db: Db) {
    let api = Api::new(db);
    let experiment = api.experiment_of(&api.submitted(1).await).await;
    let retry = format!("/experiments/{experiment}/retry");
    for empty in ["{}", r#"{"dry_run": true}"#, r#"{"statuses": [], "error_classes": []}"#] {
        let text = api.post(&retry, empty).await.error(422);
        assert!(text.contains("statuses or error_classes"), "{empty}: {text}");
    }
    let text = api.post(&retry, r#"{"statuses": ["failed", "asleep"]}"#).await.error(422);
    assert!(text.contains(r#"["body","statuses",1]"#), "{text}");
    api.post(&retry, r#"{"error_classes": ["bad luck"]}"#).await.error(422);
    let text = api.post("/experiments/nowhere/retry", r#"{"statuses": ["failed"]}"#).await.error(404);
    assert_eq!(text, "Experiment nowhere not found");
}
