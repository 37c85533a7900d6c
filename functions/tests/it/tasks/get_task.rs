//! `GET /tasks/{task_id}`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::http::listing::{ids, submit};

#[with_database]
async fn a_task_has_the_shape_of_the_contract(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let mut task = api.get(&format!("/tasks/{task_id}")).await.json();
    for volatile in ["created_at", "experiment_id", "experiment_name"] {
        assert!(task[volatile].is_string(), "{volatile}");
        task[volatile] = json!("*");
    }
    for volatile in ["created_at", "experiment_id"] {
        assert!(task["trials"][0][volatile].is_string(), "{volatile}");
        task["trials"][0][volatile] = json!("*");
    }
    let text = serde_json::to_string_pretty(&task).unwrap().replace(&task_id, "TASK");
    insta::assert_snapshot!(text);
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
