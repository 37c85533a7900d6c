//! `POST /tasks/upload`.

use oddish_artifacts::{Key, list_all};
use oddish_db::PgPool;

use crate::api::{Api, archive_of, hello_archive};

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn an_upload_is_stored_and_names_are_not_unique(pool: PgPool) {
    let api = Api::new(pool);
    let archive = hello_archive().await;
    let first = api.upload("my task 🐙.tar.gz", &archive).await.json();
    let second = api.upload("my task 🐙.tar.gz", &archive).await.json();
    assert_eq!(first["name"], "my task 🐙");
    assert_ne!(first["task_id"], second["task_id"]);
    let task_id = first["task_id"].as_str().unwrap();
    assert!(task_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{task_id}");
    assert_eq!(first["s3_key"], format!("tasks/{task_id}/"));
    let stored = api.store.get(&Key::parse(format!("tasks/{task_id}/v1/.oddish-task.tar.gz")).unwrap()).await.unwrap();
    assert_eq!(stored, archive);
}

/// Nothing of a refused upload stays.
async fn refused(api: &Api, archive: &[u8]) -> String {
    let text = api.upload("hello.tar.gz", archive).await.error(400);
    assert!(list_all(api.store.as_ref(), "tasks/").await.unwrap().is_empty());
    text
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_bad_archive_is_a_400_that_says_what_to_do(pool: PgPool) {
    let api = Api::new(pool);
    assert!(refused(&api, b"this is no archive").await.starts_with("Invalid tarball: "));
    let whole = hello_archive().await;
    assert!(refused(&api, &whole[..whole.len() / 2]).await.starts_with("Invalid tarball: "));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("instruction.md"), "Do it.").unwrap();
    let text = refused(&api, &archive_of(folder.path()).await).await;
    assert!(text.contains("task.toml"), "{text}");
    std::fs::write(folder.path().join("task.toml"), "[agent\n").unwrap();
    let text = refused(&api, &archive_of(folder.path()).await).await;
    assert!(text.contains("task.toml") && text.contains('1'), "it names file and line: {text}");
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_large_upload_is_a_413(pool: PgPool) {
    let api = Api::new(pool);
    let text = api.upload("hello.tar.gz", &vec![0; (1 << 20) + 1]).await.error(413);
    assert_eq!(text, "Task upload too large. Max size is 1MB.");
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_form_that_is_none_is_refused(pool: PgPool) {
    let api = Api::new(pool);
    let answer = api.post_form(b"--boundary-of-the-form--\r\n".to_vec()).await;
    assert_eq!(answer.error(422), r#"["body","file"] Field required"#);
    assert!(api.post_form(b"no form at all".to_vec()).await.status.is_client_error());
    assert!(api.post("/tasks/upload", "{}").await.status.is_client_error());
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_name_that_cannot_be_one_is_refused(pool: PgPool) {
    let api = Api::new(pool);
    let text = api.upload(&format!("{}.tar.gz", "x".repeat(256)), &hello_archive().await).await.error(400);
    assert!(text.contains("255"), "{text}");
}
