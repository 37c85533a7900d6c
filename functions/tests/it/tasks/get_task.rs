//! `GET /tasks/{task_id}`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::http::listing::{ids, submit};
use crate::shapes;

#[with_database]
async fn a_task_has_the_shape_that_published_clients_expect(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let experiment = api.experiment_of(&task_id).await;
    api.patch(&format!("/experiments/{experiment}"), &json!({"name": "nightly"})).await.json();
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("TaskStatusResponse", &api.get(&format!("/tasks/{task_id}")).await), @r#"
    {
      "completed": 0,
      "created_at": "[time]",
      "current_version": 1,
      "current_version_id": "hello-[id]-v1",
      "experiment_id": "[id]",
      "experiment_is_public": false,
      "experiment_name": "nightly",
      "failed": 0,
      "finished_at": null,
      "github_meta": null,
      "github_username": null,
      "id": "hello-[id]",
      "name": "hello",
      "priority": "low",
      "progress": "0/1 completed",
      "reward_success": null,
      "reward_sum": null,
      "reward_total": null,
      "reward_unconfirmed": 0,
      "run_analysis": false,
      "started_at": null,
      "status": "pending",
      "task_path": "s3://tasks/hello-[id]/v1/",
      "total": 1,
      "trials": [
        {
          "agent": "oracle",
          "analysis": null,
          "analysis_error": null,
          "analysis_status": null,
          "attempts": 0,
          "cache_tokens": null,
          "cancel_requested_at": null,
          "cost_usd": null,
          "created_at": "[time]",
          "error_class": null,
          "error_message": null,
          "error_type": null,
          "experiment_id": "[id]",
          "files_incomplete": false,
          "finished_at": null,
          "harbor_stage": null,
          "has_trajectory": false,
          "id": "hello-[id]-0",
          "input_tokens": null,
          "max_attempts": 6,
          "model": "default",
          "name": "hello-0",
          "omitted_files": null,
          "origin": "oddish",
          "output_tokens": null,
          "phase_timing": null,
          "provider": "default",
          "queue_info": {
            "ahead": 0,
            "concurrency_limit": 8,
            "position": 1,
            "queued_count": 1,
            "queued_count_is_bound": false,
            "running_count": 0
          },
          "queue_key": "default",
          "result": null,
          "reward": null,
          "rewards": null,
          "started_at": null,
          "status": "queued",
          "task_id": "hello-[id]",
          "task_path": "s3://tasks/hello-[id]/v1/",
          "task_version": 1,
          "task_version_id": "hello-[id]-v1",
          "unconfirmed_reward": null,
          "waiting_reason": {
            "code": "no_dispatcher",
            "text": "No dispatcher has been seen: is the server, or its dispatch function, running?"
          }
        }
      ],
      "user": "alice",
      "verdict": null,
      "verdict_error": null,
      "verdict_status": null
    }
    "#);
}

#[with_database]
async fn what_is_not_there_is_a_404(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    assert_eq!(api.get("/tasks/nowhere").await.error(404), "Task nowhere not found");
    assert_eq!(api.get(&format!("/tasks/{task_id}/trials/7")).await.error(404), format!("Trial {task_id}-7 not found"));
    api.get(&format!("/tasks/{task_id}/trials/first")).await.error(422);
    api.get(&format!("/tasks/{task_id}/trials/-1")).await.error(422);
    assert_eq!(api.get(&format!("/tasks/{task_id}/trials/0")).await.json()["id"], format!("{task_id}-0"));
    let uploaded = api.uploaded().await;
    api.get(&format!("/tasks/{uploaded}")).await.error(404);
}

#[with_database]
async fn only_the_newest_version_that_ran_is_shown(db: Db) {
    let api = Api::new(db);
    let task = submit(&api, "alice", "old", json!([{"agent": "oracle", "n_trials": 2}])).await;
    let old = api.experiment_of(&task).await;
    let next = "insert into oddish.task_versions (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
        select task_id, 2, archive_key, archive_sha256, archive_bytes, content_hash, now() from oddish.task_versions";
    sqlx::query(next).execute(&api.db).await.unwrap();
    let path = format!("/tasks/{task}");
    let before = api.get(&path).await.json();
    assert_eq!((&before["total"], &before["current_version"]), (&json!(2), &json!(2)), "nothing of version 2 ran yet");

    let sweep = json!({"task_id": task, "user": "a", "append_to_task": true, "experiment_id": "new", "configs": [{"agent": "nop"}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    let shown = async |path: &str| -> (i64, Vec<String>) {
        let task = api.get(path).await.json();
        let task = if task.is_array() { task[0].clone() } else { task };
        (task["total"].as_i64().unwrap(), ids(&task["trials"]))
    };
    let id = |index: u8| format!("{task}-{index}");
    assert_eq!(shown(&path).await, (1, vec![id(2)]));
    assert_eq!(shown(&format!("{path}?version=1")).await, (2, vec![id(0), id(1)]));
    assert_eq!(shown(&format!("{path}?version=all")).await, (3, vec![id(0), id(1), id(2)]));
    assert_eq!(shown(&format!("{path}?version=7")).await, (0, vec![]));
    assert_eq!(shown(&format!("/tasks?experiment_id={old}")).await, (2, vec![id(0), id(1)]), "the version that it ran");
    for bad in ["0", "-1", "latest", "99999999999"] {
        api.get(&format!("{path}?version={bad}")).await.error(422);
    }
    assert!(api.get(&format!("{path}?include_trials=false")).await.json()["trials"].is_null());
}
