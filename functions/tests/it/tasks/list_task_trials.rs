//! `GET /tasks/{task_id}/trials`, and trials by index and by id.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

#[with_database]
async fn trials_are_listed_by_index_and_found_by_id(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(11).await;
    let listed = api.get(&format!("/tasks/{task_id}/trials")).await.json();
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|trial| trial["id"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..11).map(|index| format!("{task_id}-{index}")).collect();
    assert_eq!(ids, expected);
    assert_eq!(api.get(&format!("/trials/{task_id}-10")).await.json()["id"], json!(expected[10]));
    assert_eq!(api.get(&format!("/tasks/{task_id}/trials/10")).await.json()["id"], json!(expected[10]));
    assert_eq!(api.get("/tasks/nowhere/trials").await.error(404), "Task nowhere not found");
    assert_eq!(api.get("/trials/nowhere-0").await.error(404), "Trial nowhere-0 not found");
    let empty = api.uploaded().await;
    api.get(&format!("/tasks/{empty}/trials")).await.error(404);
}
