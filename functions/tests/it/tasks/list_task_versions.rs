//! `GET /tasks/{task_id}/versions` and `GET /tasks/{task_id}/versions/{version}`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::shapes;

#[with_database]
async fn versions_are_listed_newest_first(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let second = "insert into oddish.task_versions (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, message, created_at)
        select task_id, 2, replace(archive_key, '/v1/', '/v2/'), archive_sha256, 1, repeat('b', 64), 'tests wait longer', now()
        from oddish.task_versions";
    sqlx::query(second).execute(&api.db).await.unwrap();
    let listed = api.get(&format!("/tasks/{task_id}/versions")).await.json();
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("TaskVersionResponse", &api.get(&format!("/tasks/{task_id}/versions/2")).await), @r#"
    {
      "content_hash": "[sha256]",
      "created_at": "[time]",
      "created_by_user_id": null,
      "id": "hello-[id]-v2",
      "message": "tests wait longer",
      "task_id": "hello-[id]",
      "task_path": "s3://tasks/hello-[id]/v2/",
      "task_s3_key": "tasks/hello-[id]/v2/",
      "version": 2
    }
    "#);
    assert_eq!((listed.as_array().unwrap().len(), &listed[1]["version"]), (2, &json!(1)));
    assert_eq!(api.get(&format!("/tasks/{task_id}/versions/2")).await.json(), listed[0]);
    let text = api.get(&format!("/tasks/{task_id}/versions/3")).await.error(404);
    assert_eq!(text, format!("Version 3 not found for task {task_id}"));
    api.get(&format!("/tasks/{task_id}/versions/newest")).await.error(422);
    assert_eq!(api.get("/tasks/nowhere/versions").await.error(404), "Task nowhere not found");
    api.get("/tasks/a%00b/versions").await.error(400);
}
