//! `GET /tasks/{task_id}/trials`, and trials by index and by id.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::shapes;

#[with_database]
async fn trials_are_listed_by_index_and_found_by_id(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(11).await;
    let listed = api.get(&format!("/tasks/{task_id}/trials")).await.json();
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|trial| trial["id"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..11).map(|index| format!("{task_id}-{index}")).collect();
    assert_eq!(ids, expected);
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("TrialResponse", &api.get(&format!("/trials/{task_id}-10")).await), @r#"
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
      "id": "hello-[id]-10",
      "input_tokens": null,
      "max_attempts": 6,
      "model": "default",
      "name": "hello-10",
      "omitted_files": null,
      "origin": "oddish",
      "output_tokens": null,
      "phase_timing": null,
      "provider": "default",
      "queue_info": {
        "ahead": 10,
        "concurrency_limit": 8,
        "position": 11,
        "queued_count": 11,
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
    "#);
    assert_eq!(api.get(&format!("/trials/{task_id}-10")).await.json()["id"], json!(expected[10]));
    assert_eq!(api.get(&format!("/tasks/{task_id}/trials/10")).await.json()["id"], json!(expected[10]));
    assert_eq!(api.get("/tasks/nowhere/trials").await.error(404), "Task nowhere not found");
    assert_eq!(api.get("/trials/nowhere-0").await.error(404), "Trial nowhere-0 not found");
    let empty = api.uploaded().await;
    api.get(&format!("/tasks/{empty}/trials")).await.error(404);
}
