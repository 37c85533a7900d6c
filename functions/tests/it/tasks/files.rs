//! The files of task versions.

use oddish_artifacts::{Key, hash, key};
use oddish_db::Db;
use oddish_test_api::{Api, archive_of};
use oddish_test_support::{hello_task, with_database};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shapes;

/// The example task with these files besides.
fn task_with(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let hello = hello_task();
    let copied = std::process::Command::new("cp").arg("-r").arg(hello.join(".")).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    for (path, content) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

async fn uploaded(api: &Api, folder: &TempDir) -> String {
    let answer = api.upload("hello.tar.gz", &archive_of(folder.path()).await).await.json();
    answer["task_id"].as_str().unwrap().to_owned()
}

/// Puts something else where the archive was: whoever read it would fail.
async fn break_archive(api: &Api, task_id: &str, version: u32) {
    api.store.put(&key::task_archive_key(task_id, version).unwrap(), "gone".into()).await.unwrap();
}

fn paths(listing: &Value) -> Vec<String> {
    listing["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect()
}

#[with_database]
async fn files_are_listed_and_read_without_their_archive(db: Db) {
    let api = Api::new(db);
    let folder = task_with(&[("tests/data/ünï.txt", "grün\n".as_bytes()), ("empty", b"")]);
    let task_id = uploaded(&api, &folder).await;
    break_archive(&api, &task_id, 1).await;
    let listing = api.get(&format!("/tasks/{task_id}/files?recursive=true&presign=true")).await.json();
    let found = paths(&listing);
    assert!(found.is_sorted() && found.contains(&"tests/data/ünï.txt".to_owned()), "{found:?}");
    assert_eq!(listing["files"][0].as_object().unwrap().keys().collect::<Vec<_>>(), ["last_modified", "path", "size"]);
    let archive = format!("tasks/{task_id}/v1/.oddish-task.tar.gz");
    assert_eq!(
        (&listing["task_id"], &listing["prefix"], &listing["archive_key"], &listing["presign_expires_in"]),
        (&json!(task_id), &json!(format!("tasks/{task_id}/v1/")), &json!(archive), &json!(900))
    );
    assert_eq!(
        (&listing["dirs"], &listing["recursive"], &listing["presigned"]),
        (&json!([]), &json!(true), &json!(true))
    );
    assert!(listing["archive_url"].as_str().unwrap().contains(&archive));
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("TaskFilesResponse", &api.get(&format!("/tasks/{task_id}/files?recursive=true&presign=true")).await), @r#"
    {
      "archive_key": "tasks/hello-[id]/v1/.oddish-task.tar.gz",
      "archive_url": "http://oddish.test/artifacts/tasks/hello-[id]/v1/.oddish-task.tar.gz?[signature]",
      "cursor": null,
      "dirs": [],
      "files": [
        {
          "last_modified": "[time]",
          "path": "empty",
          "size": 0
        },
        {
          "last_modified": "[time]",
          "path": "environment/Dockerfile",
          "size": 39
        },
        {
          "last_modified": "[time]",
          "path": "instruction.md",
          "size": 65
        },
        {
          "last_modified": "[time]",
          "path": "solution/solve.sh",
          "size": 40
        },
        {
          "last_modified": "[time]",
          "path": "task.toml",
          "size": 235
        },
        {
          "last_modified": "[time]",
          "path": "tests/data/ünï.txt",
          "size": 6
        },
        {
          "last_modified": "[time]",
          "path": "tests/test.sh",
          "size": 170
        }
      ],
      "prefix": "tasks/hello-[id]/v1/",
      "presign_expires_in": 900,
      "presigned": true,
      "recursive": true,
      "task_id": "hello-[id]",
      "truncated": false,
      "version": 1
    }
    "#);
    insta::assert_json_snapshot!(shapes::of("TaskFileResponse", &api.get(&format!("/tasks/{task_id}/files/instruction.md?presign=false")).await), @r#"
    {
      "content": "Create the file /app/hello.txt holding exactly the text `hello`.\n",
      "key": "tasks/hello-[id]/v1/.oddish-task.tar.gz#instruction.md",
      "path": "instruction.md"
    }
    "#);
    for path in &found {
        let escaped = path.replace('ü', "%C3%BC").replace('ï', "%C3%AF");
        let file = api.get(&format!("/tasks/{task_id}/files/{escaped}?presign=false")).await.json();
        let content = std::fs::read_to_string(folder.path().join(path)).unwrap();
        assert_eq!(file, json!({"path": path, "content": content, "key": format!("{archive}#{path}")}));
    }
    let plain = api.get(&format!("/tasks/{task_id}/files?presign=false")).await.json();
    assert_eq!((&plain["archive_url"], &plain["presigned"]), (&Value::Null, &json!(false)));
}

#[with_database]
async fn folders_are_listed_one_level_at_a_time_and_page_by_page(db: Db) {
    let api = Api::new(db);
    let task_id =
        uploaded(&api, &task_with(&[("data/a/1", b"1"), ("data/a/2", b"2"), ("data/b", b"b"), ("data/c/3", b"3")]))
            .await;
    let mut query = format!("/tasks/{task_id}/files?prefix=data&recursive=false&limit=1");
    let mut found = Vec::new();
    loop {
        let page = api.get(&query).await.json();
        found.push((paths(&page), page["dirs"].clone()));
        let Some(cursor) = page["cursor"].as_str() else { break };
        assert_eq!(page["truncated"], true);
        query = format!("/tasks/{task_id}/files?prefix=data&recursive=false&limit=1&cursor={cursor}");
    }
    let file = |path: &str| (vec![path.to_owned()], json!([]));
    let folder = |path: &str| (Vec::new(), json!([{"path": path}]));
    assert_eq!(found, [folder("data/a"), file("data/b"), folder("data/c")]);
    let all = api.get(&format!("/tasks/{task_id}/files?prefix=data/")).await.json();
    assert_eq!(paths(&all), ["data/a/1", "data/a/2", "data/b", "data/c/3"]);
    assert_eq!(paths(&api.get(&format!("/tasks/{task_id}/files?prefix=dat")).await.json()), [""; 0]);
}

#[with_database]
async fn each_version_has_its_own_files(db: Db) {
    let api = Api::new(db);
    let mut task_id = String::new();
    for content in ["one", "two"] {
        let folder = task_with(&[("which", content.as_bytes())]);
        let hash = hash::content_hash(folder.path()).await.unwrap();
        let complete = api.sent("versioned", &hash, archive_of(folder.path()).await).await;
        let answer = api.post("/tasks/upload/complete", &complete.to_string()).await;
        answer.json()["task_id"].as_str().unwrap().clone_into(&mut task_id);
        break_archive(&api, &task_id, u32::try_from(complete["version"].as_u64().unwrap()).unwrap()).await;
    }
    let content =
        async |query: &str| api.get(&format!("/tasks/{task_id}/files/which{query}")).await.json()["content"].clone();
    assert_eq!(content("").await, "two");
    assert_eq!((content("?version=1").await, content("?version=2").await), (json!("one"), json!("two")));
    let listing = api.get(&format!("/tasks/{task_id}/files?version=1")).await.json();
    assert_eq!((&listing["version"], &listing["prefix"]), (&json!(1), &json!(format!("tasks/{task_id}/v1/"))));
    for version in ["3", "0", "-1"] {
        let expected = format!("Version {version} not found for task {task_id}");
        assert_eq!(api.get(&format!("/tasks/{task_id}/files?version={version}")).await.error(404), expected);
        assert_eq!(api.get(&format!("/tasks/{task_id}/files/which?version={version}")).await.error(404), expected);
    }
    assert_eq!(api.get("/tasks/nowhere/files").await.error(404), "Task nowhere not found");
    assert_eq!(api.get("/tasks/nowhere/files/task.toml").await.error(404), "Task nowhere not found");
}

#[with_database]
async fn what_cannot_be_shown_says_so(db: Db) {
    let api = Api::new(db);
    // Each of these takes seven bytes in a function's answer.
    let bells = vec![7; 1 << 20];
    let large = vec![b'a'; (5 << 20) + 1];
    let task_id = uploaded(&api, &task_with(&[("binary", b"\xff"), ("bells", &bells), ("large", &large)])).await;
    let file = |path: &str| format!("/tasks/{task_id}/files/{path}");
    assert_eq!(api.get(&file("nothing")).await.error(404), "File not found");
    assert_eq!(api.get(&file("binary")).await.error(404), "File not found");
    for path in ["bells", "large"] {
        let text = api.get(&file(path)).await.error(413);
        assert!(text.contains("archive") && text.contains("http://oddish.test/artifacts/"), "{text}");
        let (_, headers, _) = api.fetch(&file(path), None).await;
        assert!(headers["link"].to_str().unwrap().contains("/.oddish-task.tar.gz?"), "{headers:?}");
    }
    for path in ["..%2Fother", "%2Fetc%2Fpasswd", "a%00b", "a%2F%2Fb", "a%0Ab", "./a"] {
        assert_eq!(api.get(&file(path)).await.error(400), "Invalid path", "{path}");
    }
    for prefix in ["..", "/etc", "a//b", "a%00"] {
        let text = api.get(&format!("/tasks/{task_id}/files?prefix={prefix}")).await.error(400);
        assert_eq!(text, "Invalid path", "{prefix}");
    }
    api.get(&format!("/tasks/{task_id}/files?cursor=..")).await.error(400);
    for bad in ["limit=0", "limit=1001", "limit=x", "recursive=maybe", "version=99999999999"] {
        api.get(&format!("/tasks/{task_id}/files?{bad}")).await.error(422);
    }
    api.get("/tasks/a%00b/files").await.error(400);
}

#[with_database]
async fn a_version_from_before_the_index_points_to_its_archive(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    sqlx::raw_sql("delete from oddish.task_files; update oddish.task_versions set files_key = null")
        .execute(&api.db)
        .await
        .unwrap();
    for path in ["files", "files/task.toml"] {
        let text = api.get(&format!("/tasks/{task_id}/{path}")).await.error(404);
        assert!(text.contains("before files were indexed") && text.contains(".oddish-task.tar.gz?"), "{text}");
    }
}

#[with_database]
async fn an_upload_that_is_refused_registers_no_files(db: Db) {
    let api = Api::new(db);
    let folder = task_with(&[]);
    let complete = api.sent("refused", &"0".repeat(64), archive_of(folder.path()).await).await;
    api.post("/tasks/upload/complete", &complete.to_string()).await.error(400);
    let task_id = complete["task_id"].as_str().unwrap();
    let text = api.get(&format!("/tasks/{task_id}/files")).await.error(404);
    assert!(text.contains("never completed"), "{text}");
    let pack = Key::parse(format!("tasks/{task_id}/v1/files.pack")).unwrap();
    assert!(api.store.head(&pack).await.unwrap().is_none());
}

#[with_database]
async fn an_upload_can_register_its_task_without_trials(db: Db) {
    let api = Api::new(db);
    let folder = task_with(&[]);
    let hash = hash::content_hash(folder.path()).await.unwrap();
    let mut complete = api.sent("registered", &hash, archive_of(folder.path()).await).await;
    complete["register_task"] = json!(true);
    complete["priority"] = json!("high");
    let task_id = complete["task_id"].as_str().unwrap().to_owned();
    let row = async || {
        let row: (Option<String>, String, Option<String>) =
            sqlx::query_as("select submitted_by, priority, experiment_id from oddish.tasks where id = $1")
                .bind(&task_id)
                .fetch_one(&api.db)
                .await
                .unwrap();
        row
    };
    let mut refused = complete.clone();
    refused["user"] = json!(" ");
    api.post("/tasks/upload/complete", &refused.to_string()).await.error(422);
    assert_eq!(row().await.0, None);
    complete["user"] = json!("alice");
    for _ in 0..2 {
        assert_eq!(api.post("/tasks/upload/complete", &complete.to_string()).await.status.as_u16(), 200);
        assert_eq!(row().await, (Some("alice".to_owned()), "high".to_owned(), None));
    }
    let mut other = complete.clone();
    other["user"] = json!("bob");
    assert_eq!(api.post("/tasks/upload/complete", &other.to_string()).await.status.as_u16(), 200);
    assert_eq!(row().await.0.unwrap(), "alice", "who registered it first");
    let sweep = json!({"task_id": complete["task_id"], "user": "carol", "append_to_task": true, "configs": [{"agent": "oracle"}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    let (user, _, experiment) = row().await;
    assert!(user.unwrap() == "carol" && experiment.is_some(), "its first sweep submits it");
}
