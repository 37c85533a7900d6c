//! Trials that ran elsewhere.

use oddish_db::Db;
use oddish_domain::environment::DockerEnvironment;
use oddish_test_api::{Answer, Api, archive_of};
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::shapes;

const INIT: &str = "/trials/import/init";
const COMPLETE: &str = "/trials/import/complete";

/// What the published client sends of a trial of a task.
fn import(task_id: &str, external: &str) -> Value {
    let phase = json!({"started_at": "2026-11-22T09:45:44.280262+00:00", "finished_at": "2026-11-22T09:45:45.706043+00:00", "duration_sec": 1.43});
    json!({
        "task_id": task_id, "upload_artifacts": true, "experiment_id": "laptop",
        "trial": {
            "agent": "claude-code", "model": "Claude-Sonnet-4-5", "status": "success", "reward": 0.5, "error_message": null,
            "harbor_stage": "completed", "input_tokens": 10, "cache_tokens": 5, "output_tokens": 2, "cost_usd": 0.25,
            "phase_timing": {"agent_execution": phase}, "has_trajectory": false,
            "started_at": "2026-11-22T09:45:44.279700+00:00", "finished_at": "2026-11-22T09:45:56.279700+00:00",
            "external_trial_id": external,
        },
    })
}

async fn init(api: &Api, body: &Value) -> Answer {
    api.post(INIT, &body.to_string()).await
}

async fn complete(api: &Api, trial_id: &Value) -> Answer {
    api.post(COMPLETE, &json!({"trial_id": trial_id}).to_string()).await
}

/// What Harbor leaves of a job.
async fn job_archive() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let trial = folder.path().join("hello__x1y2z3");
    std::fs::create_dir_all(trial.join("agent")).unwrap();
    std::fs::write(folder.path().join("result.json"), r#"{"n_total_trials": 1}"#).unwrap();
    std::fs::write(trial.join("agent/trajectory.json"), r#"{"steps": []}"#).unwrap();
    std::fs::write(trial.join("trial.log"), vec![b'x'; 300 << 10]).unwrap();
    archive_of(folder.path()).await
}

#[with_database]
async fn an_imported_trial_is_there_with_its_end_and_its_files(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let announced = init(&api, &import(&task_id, "ext-1")).await;
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("InitImportResponse", &announced), @r#"
    {
      "archive_s3_key": "staging/[random]/.oddish-trial-import.tar.gz",
      "experiment_id": "[id]",
      "experiment_name": "laptop",
      "requires_completion": true,
      "task_id": "hello-[id]",
      "trial_id": "hello-[id]-0",
      "trial_s3_key": "tasks/hello-[id]/trials/hello-[id]-0/attempt-0/",
      "upload_headers": {
        "Content-Type": "application/gzip"
      },
      "upload_method": "PUT",
      "upload_url": "http://oddish.test/artifacts/staging/[random]/.oddish-trial-import.tar.gz?[signature]"
    }
    "#);
    let announced = announced.json();
    let trial_id = format!("{task_id}-0");
    let staging = announced["archive_s3_key"].as_str().unwrap();
    assert!(staging.ends_with("/.oddish-trial-import.tar.gz"), "{staging}");

    let task = api.get(&format!("/tasks/{task_id}")).await.json();
    assert_eq!(
        (&task["status"], &task["experiment_name"], &task["total"]),
        (&json!("completed"), &json!("laptop"), &json!(1))
    );
    let trial = &task["trials"][0];
    assert_eq!(
        (&trial["origin"], &trial["status"], &trial["reward"], &trial["rewards"], &trial["model"], &trial["queue_key"]),
        (
            &json!("imported"),
            &json!("success"),
            &json!(0.5),
            &json!({"reward": 0.5}),
            &json!("Claude-Sonnet-4-5"),
            &json!("anthropic/claude-sonnet-4-5")
        )
    );
    assert_eq!(trial["phase_timing"]["agent_execution"]["duration_sec"], 1.43);
    assert_eq!(trial["finished_at"], "2026-11-22T09:45:56.2797Z");
    let tallies: (i64, i64, i64, f64, i64, f64) = sqlx::query_as(
        "select total, succeeded, rewarded, reward_sum, input_tokens, duration_sec from oddish.trial_tallies where task_id = $1",
    )
    .bind(&task_id)
    .fetch_one(&api.db)
    .await
    .unwrap();
    assert_eq!(tallies, (1, 1, 1, 0.5, 10, 12.0));

    let text = complete(&api, &announced["trial_id"]).await.error(400);
    assert_eq!(text, "Uploaded trial archive not found in S3");
    api.put_signed(&announced["upload_url"], job_archive().await).await;
    let completed = complete(&api, &announced["trial_id"]).await;
    insta::assert_json_snapshot!(shapes::of("CompleteImportResponse", &completed), @r#"
    {
      "files_extracted": 3,
      "trial_id": "hello-[id]-0",
      "trial_s3_key": "tasks/hello-[id]/trials/hello-[id]-0/attempt-0/"
    }
    "#);
    assert_eq!(complete(&api, &announced["trial_id"]).await.body, completed.body, "it may be repeated");
    assert_eq!(api.get(&format!("/trials/{trial_id}/result")).await.body, r#"{"n_total_trials": 1}"#);
    assert_eq!(api.get(&format!("/trials/{trial_id}/trajectory")).await.body, r#"{"steps": []}"#);
    let logs = api.get(&format!("/trials/{trial_id}/logs")).await.json();
    assert!(logs["logs"].as_str().unwrap().contains("hello__x1y2z3/trial.log ===\nxxx"));
    assert_eq!(api.get(&format!("/tasks/{task_id}")).await.json()["trials"][0]["has_trajectory"], true);
    assert!(api.store.head(&staging.parse().unwrap()).await.unwrap().is_none(), "what was staged is gone");
    let text = api.post(&format!("/trials/{trial_id}/retry"), "").await.error(400);
    assert!(text.contains("was imported"), "{text}");
}

#[with_database]
async fn an_external_id_is_one_trial(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let (body, of_other) = (import(&task_id, "ext-1"), import(&task_id, "ext-2"));
    let (first, same, other) = tokio::join!(init(&api, &body), init(&api, &body), init(&api, &of_other));
    let (first, same, other) = (first.json(), same.json(), other.json());
    assert_eq!((&first["trial_id"], &first["archive_s3_key"]), (&same["trial_id"], &same["archive_s3_key"]));
    assert_ne!(first["trial_id"], other["trial_id"], "two at the same time");
    api.put_signed(&same["upload_url"], job_archive().await).await;
    assert_eq!(complete(&api, &first["trial_id"]).await.status.as_u16(), 200);
    let text = init(&api, &body).await.error(409);
    assert!(text.contains(first["trial_id"].as_str().unwrap()), "{text}");
    let statuses = api.statuses(&task_id).await;
    assert_eq!(statuses, ["queued", "success", "success"]);
    assert_eq!(
        api.get(&format!("/tasks/{task_id}")).await.json()["status"],
        "pending",
        "its own trial is still to run"
    );
    let elsewhere = api.uploaded().await;
    assert_eq!(init(&api, &import(&elsewhere, "ext-1")).await.status.as_u16(), 200, "of another task");
}

#[with_database]
async fn without_files_nothing_is_to_complete(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let mut body = import(&task_id, "ext-1");
    body["upload_artifacts"] = json!(false);
    body["trial"] = json!({"agent": "nop", "status": "failed", "external_trial_id": "ext-1"});
    body["experiment_id"] = Value::Null;
    let announced = init(&api, &body).await.json();
    assert_eq!(
        (
            &announced["requires_completion"],
            &announced["upload_url"],
            &announced["archive_s3_key"],
            &announced["upload_headers"]
        ),
        (&json!(false), &Value::Null, &Value::Null, &json!({}))
    );
    assert!(!announced["experiment_name"].as_str().unwrap().is_empty(), "it gets one of its own");
    assert!(complete(&api, &announced["trial_id"]).await.error(409).contains("without files"));
    init(&api, &body).await.error(409);
    let again = init(&api, &import(&task_id, "ext-2")).await.json();
    assert_eq!(again["trial_id"], format!("{task_id}-1"));
    body["trial"]["external_trial_id"] = json!("ext-3");
    assert_eq!(init(&api, &body).await.json()["experiment_id"], announced["experiment_id"], "the task's own");
}

#[with_database]
async fn what_is_not_there_is_not_found(db: Db) {
    let api = Api::new(db);
    let text = init(&api, &import("nowhere-0a1b2c3d", "ext")).await.error(404);
    assert!(text.starts_with("Task nowhere-0a1b2c3d not found"), "{text}");
    assert_eq!(complete(&api, &json!("nowhere-0")).await.error(404), "Trial nowhere-0 not found");
    let task_id = api.submitted(1).await;
    assert!(complete(&api, &json!(format!("{task_id}-0"))).await.error(409).contains("was not imported"));
    let announced =
        api.post("/tasks/upload/init", &json!({"name": "n", "content_hash": "0".repeat(64)}).to_string()).await.json();
    init(&api, &import(announced["task_id"].as_str().unwrap(), "ext")).await.error(409);
}

#[with_database]
async fn everything_about_a_trial_is_checked(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let long = "x".repeat(256);
    let bad = [
        ("agent", json!(""), "agent"),
        ("agent", json!(long), "agent"),
        ("agent", json!("a\u{0}b"), "agent"),
        ("model", json!(long), "model"),
        ("environment", json!("moon"), "environment"),
        ("status", json!("running"), "status"),
        ("reward", json!(1e10), "reward"),
        ("input_tokens", json!(-1), "input_tokens"),
        ("output_tokens", json!(1_000_000_000_001_i64), "output_tokens"),
        ("cost_usd", json!(-0.1), "cost_usd"),
        ("error_message", json!("x".repeat(65_537)), "error_message"),
        ("harbor_stage", json!(""), "harbor_stage"),
        ("phase_timing", json!({"p": {"started_at": "a", "finished_at": "b", "duration_sec": -1}}), "phase_timing"),
        ("phase_timing", json!({"": {"started_at": "a", "finished_at": "b", "duration_sec": 1}}), "phase_timing"),
        ("started_at", json!("2026-11-22T09:45:57Z"), "finished_at"),
        ("started_at", json!("1969-11-22T09:45:57Z"), "started_at"),
        ("finished_at", json!("yesterday"), "finished_at"),
        ("external_trial_id", json!(" "), "external_trial_id"),
    ];
    for (field, value, named) in bad {
        let mut body = import(&task_id, "ext");
        body["trial"][field] = value;
        let text = init(&api, &body).await.error(422);
        assert!(text.contains(&format!("[\"body\",\"trial\",\"{named}\"")), "{field}: {text}");
    }
    let mut body = import(&task_id, "ext");
    body["trial"]["error_message"] = json!("a\u{0}b");
    init(&api, &body).await.error(400);
    body = import(&task_id, "ext");
    body["experiment_id"] = json!("");
    init(&api, &body).await.error(422);
    assert_eq!(sqlx::query_scalar::<_, i64>("select count(*) from oddish.trials").fetch_one(&api.db).await.unwrap(), 0);
}

#[with_database]
async fn a_hostile_archive_leaves_nothing_and_can_be_sent_again(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let announced = init(&api, &import(&task_id, "ext")).await.json();
    let prefix = announced["trial_s3_key"].as_str().unwrap();
    for bad in [b"no archive".to_vec(), job_archive().await[..200].to_vec()] {
        api.put_signed(&announced["upload_url"], bad).await;
        let text = complete(&api, &announced["trial_id"]).await.error(400);
        assert!(text.starts_with("Invalid tarball: "), "{text}");
        assert!(oddish_artifacts::list_all(api.store.as_ref(), prefix).await.unwrap().is_empty());
    }
    api.put_signed(&announced["upload_url"], vec![0; (2 << 20) + 1]).await;
    assert_eq!(complete(&api, &announced["trial_id"]).await.error(413), "Trial upload too large. Max size is 2MB.");
    // What an earlier request may have left half done is not the trial's.
    api.store.put(&format!("{prefix}stale").parse().unwrap(), "x".into()).await.unwrap();
    api.put_signed(&announced["upload_url"], job_archive().await).await;
    assert_eq!(complete(&api, &announced["trial_id"]).await.json()["files_extracted"], 3);
    assert_eq!(complete(&api, &announced["trial_id"]).await.json()["files_extracted"], 3);
}

#[with_database]
async fn what_ran_in_docker_is_imported_where_no_runner_has_it(db: Db) {
    let api = Api::with(db, |everything| everything.expansion.docker = DockerEnvironment::Refused);
    let mut request = import(&api.uploaded().await, "ext-1");
    init(&api, &request).await.json();
    request["trial"]["environment"] = json!("docker");
    request["trial"]["external_trial_id"] = json!("ext-2");
    init(&api, &request).await.json();
}
