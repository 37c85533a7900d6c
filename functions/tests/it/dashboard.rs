//! `GET /dashboard` and `GET /tasks/browse`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::http::listing::{ids, submit};

#[with_database]
async fn the_dashboard_and_the_browser_add_up(db: Db) {
    let api = Api::new(db);
    let task = submit(&api, "alice", "e", json!([{"agent": "codex", "model": "gpt-5.2", "n_trials": 3}])).await;
    api.succeeded().await;
    api.begun().await;
    let dashboard = api.get("/dashboard").await.json();
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
    let [item] = &browsed["items"].as_array().unwrap()[..] else { panic!("{browsed}") };
    assert_eq!((&item["name"], &item["version_count"]), (&json!("hello"), &json!(1)));
    assert_eq!(api.get("/tasks/browse?query=%25").await.json()["items"], json!([]));
    let newest = &item["latest_trials"][0];
    assert_eq!((&newest["name"], &newest["status"]), (&json!("hello-0"), &json!("queued")));
    assert_eq!(item["experiments"][0]["name"], "f");
}
