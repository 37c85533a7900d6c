//! Reading tasks.

use oddish_db::Db;
use oddish_test_support::with_database;
use serde_json::json;

use crate::api::Api;

#[with_database]
async fn health_tells_of_the_database(db: Db) {
    let api = Api::new(db);
    assert_eq!(api.get("/health").await.json()["database"], "connected");
    api.db.close().await;
    let answer = api.get("/health").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("degraded")));
    let text = api.get("/tasks").await.error(503);
    assert!(text.contains("Please retry"), "{text}");
}

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
async fn lists_are_bounded_and_filtered(db: Db) {
    let api = Api::new(db);
    let first = api.submitted(1).await;
    let second = api.submitted(1).await;
    let ids = async |query: &str| -> Vec<String> {
        let tasks = api.get(&format!("/tasks?{query}")).await.json();
        tasks.as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("").await, [second.as_str(), first.as_str()], "newest first");
    assert_eq!(ids("limit=1&offset=1").await, [first.as_str()]);
    assert_eq!(ids("user=alice&status=pending").await.len(), 2);
    assert!(ids("user=bob").await.is_empty());
    assert!(ids("status=completed").await.is_empty());
    assert!(api.get("/tasks?include_trials=false").await.json()[0]["trials"].is_null());
    assert_eq!(api.get("/tasks").await.json()[0]["trials"].as_array().unwrap().len(), 1);
    for bad in ["limit=0", "limit=100000", "limit=x", "offset=-1", "status=sleeping", "include_trials=perhaps"] {
        let field = bad.split('=').next().unwrap();
        let text = api.get(&format!("/tasks?{bad}")).await.error(422);
        assert!(text.contains(&format!(r#"["query","{field}"]"#)), "{bad}: {text}");
    }
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
async fn the_documentation_is_served_without_another_site(db: Db) {
    let api = Api::new(db);
    assert_eq!(api.get("/docs").await.status.as_u16(), 303);
    let page = api.get("/docs/index.html").await;
    assert!(page.status.is_success() && page.body.contains("swagger-ui"), "{page:?}");
    assert!(!page.body.contains("//cdn") && !page.body.contains("unpkg"), "{page:?}");
    assert!(api.get("/docs/swagger-initializer.js").await.body.contains("/openapi.json"));
    assert_eq!(api.get("/docs/nothing.js").await.status.as_u16(), 404);
    assert_eq!(api.get("/openapi.json").await.json()["info"]["title"], "Oddish - Eval Scheduler API");
}
