//! `GET /dashboard` and `GET /tasks/browse`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::http::listing::{ids, submit};
use crate::shapes;

#[with_database]
async fn the_dashboard_and_the_browser_add_up(db: Db) {
    let api = Api::new(db);
    let task = submit(&api, "alice", "e", json!([{"agent": "codex", "model": "gpt-5.2", "n_trials": 3}])).await;
    api.succeeded().await;
    api.begun().await;
    let dashboard = api.get("/dashboard").await.json();
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("DashboardResponse", &api.get("/dashboard").await), @r#"
    {
      "cached": false,
      "experiments": [
        {
          "active_trials": 2,
          "analysis_tasks": 0,
          "completed_trials": 1,
          "cost_usd": 0.0,
          "created_at": "[time]",
          "failed_trials": 0,
          "id": "[id]",
          "is_public": false,
          "last_author": {
            "name": "alice",
            "source": "api"
          },
          "last_created_at": "[time]",
          "last_pr_number": null,
          "last_pr_title": null,
          "last_pr_url": null,
          "name": "e",
          "reward_success": 1,
          "reward_sum": 1.0,
          "reward_total": 1,
          "reward_unconfirmed": 0,
          "task_count": 1,
          "total_trials": 3,
          "verdict_failed": 0,
          "verdict_good": 0,
          "verdict_needs_review": 0,
          "verdict_pending": 0
        }
      ],
      "experiments_has_more": false,
      "experiments_limit": 25,
      "experiments_offset": 0,
      "has_more": false,
      "model_usage": [
        {
          "avg_duration_s": "[seconds]",
          "cache_tokens": 0,
          "cost_usd": 0.0,
          "failed": 0,
          "input_tokens": 0,
          "model": "gpt-5.2",
          "output_tokens": 0,
          "provider": "openai",
          "queued": 1,
          "retrying": 0,
          "running": 1,
          "succeeded": 1,
          "trial_count": 3
        }
      ],
      "pipeline": {
        "analyses": {},
        "trials": {
          "queued": 1,
          "running": 1,
          "success": 1
        },
        "verdicts": {}
      },
      "queues": {
        "openai/gpt-5.2": {
          "failed": 0,
          "pending": 0,
          "queued": 1,
          "recommended_concurrency": 8,
          "retrying": 0,
          "running": 1,
          "success": 1
        }
      },
      "tasks": [
        {
          "completed": 1,
          "created_at": "[time]",
          "current_version": 1,
          "current_version_id": "hello-[id]-v1",
          "experiment_id": "[id]",
          "experiment_is_public": false,
          "experiment_name": "e",
          "failed": 0,
          "finished_at": null,
          "github_meta": null,
          "github_username": null,
          "id": "hello-[id]",
          "name": "hello",
          "priority": "low",
          "progress": "1/3 completed",
          "reward_success": 1,
          "reward_sum": 1.0,
          "reward_total": 1,
          "reward_unconfirmed": 0,
          "run_analysis": false,
          "started_at": "[time]",
          "status": "running",
          "task_path": "s3://tasks/hello-[id]/v1/",
          "total": 3,
          "trials": null,
          "user": "alice",
          "verdict": null,
          "verdict_error": null,
          "verdict_status": null
        }
      ],
      "tasks_limit": 200,
      "tasks_offset": 0
    }
    "#);
    let queue = json!({"pending": 0, "queued": 1, "running": 1, "success": 1, "failed": 0, "retrying": 0, "recommended_concurrency": 8});
    assert_eq!(dashboard["queues"], json!({"openai/gpt-5.2": queue}));
    assert_eq!(dashboard["pipeline"]["trials"], json!({"queued": 1, "running": 1, "success": 1}));
    for usage in [&dashboard["model_usage"], &api.get("/dashboard?usage_minutes=5").await.json()["model_usage"]] {
        let [usage] = &usage.as_array().unwrap()[..] else { panic!("{usage}") };
        let counts = ["trial_count", "running", "queued", "succeeded", "failed", "retrying"];
        assert_eq!(counts.map(|count| usage[count].as_i64().unwrap()), [3, 1, 1, 1, 0, 0]);
        assert_eq!((&usage["model"], &usage["provider"]), (&json!("gpt-5.2"), &json!("openai")));
        assert!(usage["avg_duration_s"].is_number());
    }
    assert_eq!(ids(&dashboard["tasks"]), [task.as_str()]);
    assert!(dashboard["tasks"][0]["trials"].is_null());
    assert_eq!(dashboard["experiments"][0]["active_trials"], 2);
    let only_usage = api.get("/dashboard?include_tasks=false&include_experiments=false").await.json();
    assert_eq!((&only_usage["queues"], &only_usage["pipeline"]["trials"]), (&json!({}), &json!({})));
    assert_eq!(only_usage["model_usage"].as_array().unwrap().len(), 1);
    assert_eq!(api.get("/dashboard?experiments_status=completed").await.json()["experiments"], json!([]));
    assert_eq!(
        api.get("/dashboard?experiments_status=anything").await.json()["experiments"].as_array().unwrap().len(),
        1
    );

    // Another task of the same name: the name is listed once.
    submit(&api, "bob", "f", json!([{"agent": "oracle"}])).await;
    let browsed = api.get("/tasks/browse?query=HEL").await.json();
    insta::assert_json_snapshot!(shapes::of("BrowseTasksResponse", &api.get("/tasks/browse?query=HEL").await), @r#"
    {
      "has_more": false,
      "items": [
        {
          "completed_trials": 0,
          "current_version": 1,
          "current_version_id": "hello-[id]-v1",
          "experiments": [
            {
              "id": "[id]",
              "name": "f"
            }
          ],
          "failed_trials": 0,
          "id": "hello-[id]",
          "last_run_at": "[time]",
          "latest_trials": [
            {
              "error_message": null,
              "id": "hello-[id]-0",
              "name": "hello-0",
              "reward": null,
              "status": "queued"
            }
          ],
          "name": "hello",
          "reward_success": 0,
          "reward_sum": 0.0,
          "reward_total": 0,
          "reward_unconfirmed": 0,
          "total_trials": 1,
          "version_count": 1
        }
      ],
      "limit": 25,
      "offset": 0
    }
    "#);
    let [item] = &browsed["items"].as_array().unwrap()[..] else { panic!("{browsed}") };
    assert_eq!((&item["name"], &item["version_count"]), (&json!("hello"), &json!(1)));
    assert_eq!(api.get("/tasks/browse?query=%25").await.json()["items"], json!([]));
    let newest = &item["latest_trials"][0];
    assert_eq!((&newest["name"], &newest["status"]), (&json!("hello-0"), &json!("queued")));
    assert_eq!(item["experiments"][0]["name"], "f");
}
