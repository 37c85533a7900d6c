//! `GET /trials`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::http::listing::{all_pages, submit};
use crate::shapes;

#[with_database]
async fn trials_are_sorted_within_their_experiment(db: Db) {
    let api = Api::new(db);
    let task = submit(&api, "alice", "e", json!([{"agent": "oracle", "n_trials": 7}])).await;
    let experiment = api.experiment_of(&task).await;
    // Two share each value, and one has none: the id decides, and whoever has none comes last or first.
    let ended =
        "update oddish.trials set status = 'success', started_at = '2026-01-01', reward = (trial_index / 2) * 0.1,
            rewards = '{}', cost_usd = (trial_index / 2) * 0.3,
            finished_at = timestamptz '2026-01-01 00:00:00.000001' + (trial_index / 2) * interval '0.1 seconds'
        where trial_index < 6";
    sqlx::query(ended).execute(&api.db).await.unwrap();
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("ListTrialsResponse", &api.get(&format!("/trials?experiment_id={experiment}&sort=reward&limit=1&total=true")).await), @r#"
    {
      "items": [
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
          "id": "hello-[id]-6",
          "input_tokens": null,
          "max_attempts": 6,
          "model": "default",
          "name": "hello-6",
          "omitted_files": null,
          "origin": "oddish",
          "output_tokens": null,
          "phase_timing": null,
          "provider": "default",
          "queue_info": {
            "ahead": 6,
            "concurrency_limit": 8,
            "position": 7,
            "queued_count": 7,
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
      "limit": 1,
      "next_cursor": "reward~[place]",
      "total": 7
    }
    "#);
    let id = |index: u8| format!("{task}-{index}");
    for sort in ["reward", "cost_usd", "duration", "finished_at"] {
        let up = all_pages(&api, &format!("/trials?experiment_id={experiment}&sort={sort}&limit=2")).await;
        assert_eq!(up, [6, 0, 1, 2, 3, 4, 5].map(id), "{sort}");
        let down = all_pages(&api, &format!("/trials?experiment_id={experiment}&sort=-{sort}&limit=2")).await;
        assert_eq!(down, [5, 4, 3, 2, 1, 0, 6].map(id), "-{sort}");
    }
    // All trials of a sweep were created at one instant.
    let listed = all_pages(&api, "/trials?limit=3").await;
    assert_eq!(listed, [6, 5, 4, 3, 2, 1, 0].map(id));
}
