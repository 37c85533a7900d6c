//! `GET /experiments` and `GET /experiments/{experiment_id}`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::http::listing::{all_pages, ids, submit};
use crate::shapes;

#[with_database]
async fn an_experiment_holds_what_it_ran_whatever_version_is_newest(db: Db) {
    let api = Api::new(db);
    let task = submit(&api, "alice", "mine", json!([{"agent": "oracle", "n_trials": 2}])).await;
    let mine = api.experiment_of(&task).await;
    let next = "insert into oddish.task_versions (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
        select task_id, version + 1, archive_key, archive_sha256, archive_bytes, content_hash, now()
        from oddish.task_versions order by version desc limit 1";
    for (experiment, trials) in [(mine.as_str(), 1), ("another", 4)] {
        sqlx::query(next).execute(&api.db).await.unwrap();
        let sweep = json!({"task_id": task, "user": "a", "append_to_task": true, "experiment_id": experiment,
            "configs": [{"agent": "nop", "n_trials": trials}]});
        assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    }
    let share = api.post(&format!("/experiments/{mine}/publish"), "").await.json();
    let token = share["public_token"].as_str().unwrap();
    let id = |index: u8| format!("{task}-{index}");
    for path in [
        format!("/tasks?experiment_id={mine}"),
        format!("/public/experiments/{token}/tasks"),
        format!("/public/tasks/{task}?token={token}"),
    ] {
        let shown = api.get(&path).await.json();
        let shown = if shown.is_array() { &shown[0] } else { &shown };
        assert_eq!((&shown["total"], ids(&shown["trials"])), (&json!(3), vec![id(0), id(1), id(2)]), "{path}");
    }
    let counted = api.get(&format!("/tasks?experiment_id={mine}&include_trials=false")).await.json();
    assert_eq!(counted[0]["total"], 3);
    let summary = api.get(&format!("/experiments/{mine}")).await.json();
    assert_eq!(summary["total_trials"], 3);
    let public = api.get(&format!("/public/tasks/{task}?token={token}")).await.json();
    assert_eq!(public["current_version"], 2, "the newest that it ran");
    let own_page = api.get(&format!("/tasks/{task}")).await.json();
    assert_eq!((&own_page["total"], &own_page["current_version"]), (&json!(4), &json!(3)));
}

#[with_database]
async fn experiments_tell_what_became_of_their_trials(db: Db) {
    let api = Api::new(db);
    let first = submit(&api, "alice", "swift otter", json!([{"agent": "oracle", "n_trials": 2}])).await;
    let ended = api.succeeded().await;
    assert!(ended.starts_with(&first));
    submit(&api, "100%_sure", "calm 100% delta", json!([{"agent": "oracle"}])).await;
    let names = async |query: &str| -> Vec<String> {
        let page = api.get(&format!("/experiments?{query}")).await.json();
        page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await, ["calm 100% delta", "swift otter"]);
    assert_eq!(names("sort=created_at").await, ["swift otter", "calm 100% delta"]);
    assert_eq!(names("query=OTTER").await, ["swift otter"]);
    assert_eq!(names("query=%25").await, ["calm 100% delta"], "a percent sign means itself");
    assert_eq!(names("query=_sure").await, ["calm 100% delta"]);
    assert_eq!(names("query=s_ift").await, [] as [&str; 0]);
    assert_eq!(names("user=alice").await, ["swift otter"]);
    assert_eq!(names("status=active").await.len(), 2);
    assert_eq!(names("status=completed").await.len(), 0);
    let again = api.succeeded().await;
    assert!(again.starts_with(&first));
    assert_eq!(names("status=completed").await, ["swift otter"]);
    assert_eq!(names("sort=-active_at").await[0], "swift otter", "something ended in it");
    assert_eq!(all_pages(&api, "/experiments?limit=1").await.len(), 2);
    assert_eq!(all_pages(&api, "/experiments?limit=1&sort=-active_at").await.len(), 2);

    let id = api.experiment_of(&first).await;
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("ListExperimentsResponse", &api.get("/experiments?limit=1").await), @r#"
    {
      "items": [
        {
          "active_trials": 1,
          "analysis_tasks": 0,
          "completed_trials": 0,
          "cost_usd": 0.0,
          "created_at": "[time]",
          "failed_trials": 0,
          "id": "[id]",
          "is_public": false,
          "last_author": {
            "name": "100%_sure",
            "source": "api"
          },
          "last_created_at": "[time]",
          "last_pr_number": null,
          "last_pr_title": null,
          "last_pr_url": null,
          "name": "calm 100% delta",
          "reward_success": 0,
          "reward_sum": 0.0,
          "reward_total": 0,
          "reward_unconfirmed": 0,
          "task_count": 1,
          "total_trials": 1,
          "verdict_failed": 0,
          "verdict_good": 0,
          "verdict_needs_review": 0,
          "verdict_pending": 0
        }
      ],
      "limit": 1,
      "next_cursor": "-created_at~[place]",
      "total": null
    }
    "#);
    insta::assert_json_snapshot!(shapes::of("ExperimentResponse", &api.get(&format!("/experiments/{id}")).await), @r#"
    {
      "active_trials": 0,
      "analysis_tasks": 0,
      "completed_trials": 2,
      "cost_usd": 0.0,
      "created_at": "[time]",
      "data_version": "[random]",
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
      "name": "swift otter",
      "reward_success": 2,
      "reward_sum": 2.0,
      "reward_total": 2,
      "reward_unconfirmed": 0,
      "task_count": 1,
      "total_trials": 2,
      "verdict_failed": 0,
      "verdict_good": 0,
      "verdict_needs_review": 0,
      "verdict_pending": 0
    }
    "#);
    let one = api.get(&format!("/experiments/{id}")).await.json();
    let counts = [
        "task_count",
        "total_trials",
        "completed_trials",
        "failed_trials",
        "active_trials",
        "reward_success",
        "reward_total",
    ];
    assert_eq!(counts.map(|count| one[count].as_i64().unwrap()), [1, 2, 2, 0, 0, 2, 2]);
    assert_eq!(one["last_author"], json!({"name": "alice", "source": "api"}));
    assert_eq!(api.get("/experiments/00000000").await.error(404), "Experiment 00000000 not found");
}
