//! Files of shared tasks.

use oddish_db::Db;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use super::Scene;

#[with_database]
async fn neither_solution_nor_tests_are_shared(db: Db) {
    let scene = Scene::new(db).await;
    let step = "insert into oddish.task_files select task_id, version, 'steps/one/tests/test.sh', start, size from oddish.task_files
        where path = 'instruction.md'";
    sqlx::query(step).execute(&scene.api.db).await.unwrap();
    let paths = |answer: &Value, field: &str| -> Vec<String> {
        answer[field].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect()
    };
    let files = format!("/public/tasks/{}/files", scene.both);
    let all = paths(&scene.api.get(&format!("/tasks/{}/files", scene.own)).await.json(), "files");
    let kept = |path: &&String| !["solution/", "tests/", "steps/"].iter().any(|hidden| path.starts_with(hidden));
    let expected: Vec<String> = all.iter().filter(kept).cloned().collect();
    assert!(expected.len() < all.len() && !expected.is_empty(), "{all:?}");

    let listed = scene.get(&files).await.json();
    assert_eq!(paths(&listed, "files"), expected, "of the version that was shared");
    assert_eq!(
        (&listed["version"], &listed["archive_url"], &listed["presigned"]),
        (&json!(1), &json!(null), &json!(false))
    );
    let folders = scene.get(&format!("{files}?recursive=false")).await.json();
    assert!(
        !paths(&folders, "dirs").iter().any(|folder| ["solution", "tests", "steps"].contains(&&**folder)),
        "{folders}"
    );
    for prefix in ["solution", "tests", "steps/one/tests"] {
        assert_eq!(paths(&scene.get(&format!("{files}?prefix={prefix}")).await.json(), "files"), Vec::<String>::new());
    }
    assert!(scene.get(&format!("{files}/instruction.md")).await.json()["content"].is_string());
    for hidden in all.iter().filter(|path| !expected.contains(path)).chain([&"environment/private.txt".to_owned()]) {
        assert_eq!(scene.get(&format!("{files}/{hidden}")).await.error(404), "File not found", "{hidden}");
    }
    for path in [&files, &format!("{files}/instruction.md")] {
        let text = scene.get(&format!("{path}?version=2")).await.error(404);
        assert_eq!(text, format!("Version 2 not found for task {}", scene.both));
    }
    // A version without an index is in its archive only, which is not shared.
    sqlx::query("update oddish.task_versions set files_key = null").execute(&scene.api.db).await.unwrap();
    assert_eq!(scene.get(&files).await.error(404), "File not found");
}

/// The archive holds the solution, so that a file which is too large for an answer gets no link to it.
#[with_database]
async fn no_answer_links_to_the_archive(db: Db) {
    let scene = Scene::new(db).await;
    let large = "update oddish.task_files set size = 100000000 where path = 'instruction.md'";
    sqlx::query(large).execute(&scene.api.db).await.unwrap();
    let answer = scene.get(&format!("/public/tasks/{}/files/instruction.md", scene.own)).await;
    assert!(!answer.error(413).contains("http"), "{answer:?}");
    let member = scene.api.get(&format!("/tasks/{}/files/instruction.md", scene.own)).await;
    assert!(member.error(413).contains("http"), "{member:?}");
}
