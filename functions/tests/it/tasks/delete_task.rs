//! `DELETE /tasks/{task_id}`.

use oddish_artifacts::Key;
use oddish_db::Db;
use oddish_db::wake::Wakes;
use oddish_test_api::{Api, hello_archive};
use oddish_test_support::with_database;
use serde_json::json;

use crate::deleting::{keys, left_over, store_files};
use crate::shapes;

#[with_database]
async fn a_deleted_task_leaves_nothing_in_the_store(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(2).await;
    let other = api.submitted(1).await;
    for index in 0..2 {
        store_files(&api, &task_id, index).await;
    }
    store_files(&api, &other, 0).await;
    // A second version, whose archive has come to its staging key and no further.
    let name = api.get(&format!("/tasks/{task_id}")).await.json()["name"].clone();
    let init = json!({"name": name, "content_hash": "a".repeat(64)});
    let announced = api.post("/tasks/upload/init", &init.to_string()).await.json();
    let task_of_name = announced["task_id"].as_str().unwrap().to_owned();
    let staging: String =
        sqlx::query_scalar("select staging_key from oddish.uploads").fetch_one(&api.db).await.unwrap();
    api.store.put(&Key::parse(staging).unwrap(), hello_archive().await.into()).await.unwrap();
    assert_eq!(keys(&api, "staging/").await.len(), 1);

    let mut wakes = Wakes::listen(&api.db).await.unwrap();
    let mut answers = Vec::new();
    for task in [&task_id, &other] {
        assert!(!keys(&api, &format!("tasks/{task}/")).await.is_empty());
        let answer = api.delete(&format!("/tasks/{task}")).await;
        answers.push(answer);
        assert_eq!(api.get(&format!("/tasks/{task}")).await.error(404), format!("Task {task} not found"));
        assert_eq!(api.delete(&format!("/tasks/{task}")).await.error(404), format!("Task {task} not found"));
    }
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("DeleteTaskResponse", &answers[0]), @r#"
    {
      "deleted": {
        "task_id": "hello-[id]"
      },
      "status": "success"
    }
    "#);
    assert_eq!(answers[1].json()["deleted"]["task_id"], json!(other));
    assert!([&task_id, &other].contains(&&task_of_name), "the upload was of one of them");
    wakes.next().await.unwrap();
    assert_eq!((keys(&api, "tasks/").await, keys(&api, "staging/").await), (vec![], vec![]));
    assert_eq!(left_over(&api.db).await.len(), 3, "a runner may write there for a while");
    assert_eq!(api.delete("/tasks/nowhere").await.error(404), "Task nowhere not found");
    api.delete("/tasks/a%00b").await.error(400);
}
