//! `POST /tasks/upload`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use oddish_artifacts::{Key, archive, hash, list_all};
use oddish_db::Db;
use oddish_test_api::{Answer, Api, archive_of, hello_archive};
use oddish_test_support::{hello_task, with_database};
use serde_json::{Value, json};

use crate::shapes;

#[with_database]
async fn an_upload_is_stored_and_names_are_not_unique(db: Db) {
    let api = Api::new(db);
    let archive = hello_archive().await;
    let first = api.upload("my task 🐙.tar.gz", &archive).await.json();
    let second = api.upload("my task 🐙.tar.gz", &archive).await;
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("UploadResponse", &second), @r#"
    {
      "content_hash": "[sha256]",
      "content_unchanged": false,
      "existing_task": false,
      "name": "my task 🐙",
      "s3_key": "tasks/my-task-[id]/",
      "task_id": "my-task-[id]",
      "task_path": null,
      "version": 1,
      "version_id": "my-task-[id]-v1",
      "warnings": []
    }
    "#);
    let second = second.json();
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

#[with_database]
async fn a_bad_archive_is_a_400_that_says_what_to_do(db: Db) {
    let api = Api::new(db);
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

#[with_database]
async fn a_large_upload_is_a_413(db: Db) {
    let api = Api::new(db);
    let text = api.upload("hello.tar.gz", &vec![0; (2 << 20) + 1]).await.error(413);
    assert_eq!(text, "Task upload too large. Max size is 2MB.");
}

#[with_database]
async fn what_is_too_large_for_a_form_is_told_the_other_way(db: Db) {
    let api = Api::with_form_bound(db, 1 << 20);
    let text = api.upload("hello.tar.gz", &vec![0; (1 << 20) + 1]).await.error(413);
    assert!(text.contains("1MB") && text.contains("2MB") && text.contains("POST /tasks/upload/init"), "{text}");
}

#[with_database]
async fn a_form_that_is_none_is_refused(db: Db) {
    let api = Api::new(db);
    let answer = api.post_form(b"--boundary-of-the-form--\r\n".to_vec()).await;
    assert_eq!(answer.error(422), r#"["body","file"] Field required"#);
    assert!(api.post_form(b"no form at all".to_vec()).await.status.is_client_error());
    assert!(api.post("/tasks/upload", "{}").await.status.is_client_error());
}

#[with_database]
async fn a_name_that_cannot_be_one_is_refused(db: Db) {
    let api = Api::new(db);
    let text = api.upload(&format!("{}.tar.gz", "x".repeat(256)), &hello_archive().await).await.error(400);
    assert!(text.contains("255"), "{text}");
}

/// The example task's folder and its content hash.
async fn hello_hash() -> String {
    let folder = hello_task();
    oddish_artifacts::hash::content_hash(&folder).await.unwrap()
}

async fn init(api: &Api, name: &str, content_hash: &str) -> Value {
    let body = json!({"name": name, "content_hash": content_hash});
    let answer = api.post("/tasks/upload/init", &body.to_string()).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.json()
}

/// Writes where the upload URL points, as a client's PUT would.
async fn put(api: &Api, init: &Value, archive: Vec<u8>) {
    let url = init["upload_url"].as_str().unwrap();
    let key = url.split_once("/artifacts/").unwrap().1.split('?').next().unwrap();
    assert!(key.starts_with("staging/"), "{url}");
    api.store.put(&Key::parse(key).unwrap(), archive.into()).await.unwrap();
}

async fn complete(api: &Api, init: &Value) -> Answer {
    let body = json!({"task_id": init["task_id"], "name": init["name"], "version": init["version"], "content_hash": init["content_hash"]});
    api.post("/tasks/upload/complete", &body.to_string()).await
}

#[with_database]
async fn an_announced_upload_becomes_a_version(db: Db) {
    let api = Api::new(db);
    let hash = hello_hash().await;
    let body = json!({"name": "hello 🐙", "content_hash": hash}).to_string();
    let announced = api.post("/tasks/upload/init", &body).await;
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("InitUploadResponse", &announced), @r#"
    {
      "content_hash": "[sha256]",
      "content_unchanged": false,
      "existing_task": false,
      "name": "hello 🐙",
      "requires_completion": true,
      "s3_key": "tasks/hello-[id]/v1/",
      "task_id": "hello-[id]",
      "task_path": null,
      "upload_headers": {
        "Content-Type": "application/gzip"
      },
      "upload_method": "PUT",
      "upload_url": "http://oddish.test/artifacts/staging/[random]/.oddish-task.tar.gz?[signature]",
      "version": 1,
      "version_id": "hello-[id]-v1"
    }
    "#);
    let announced = announced.json();
    let task_id = announced["task_id"].as_str().unwrap();
    let sweep = json!({"task_id": task_id, "user": "alice", "configs": [{"agent": "oracle"}]}).to_string();
    assert!(api.post("/tasks/sweep", &sweep).await.error(409).contains("never completed"));

    assert_eq!(complete(&api, &announced).await.error(400), "Uploaded task archive not found in S3");
    put(&api, &announced, hello_archive().await).await;
    let completed = complete(&api, &announced).await;
    assert_eq!(completed.status.as_u16(), 200, "{completed:?}");
    assert_eq!(
        complete(&api, &announced).await.json()["version_id"],
        completed.json()["version_id"],
        "it may be repeated"
    );
    let stored = Key::parse(format!("tasks/{task_id}/v1/.oddish-task.tar.gz")).unwrap();
    assert_eq!(api.store.get(&stored).await.unwrap(), hello_archive().await);
    assert!(list_all(api.store.as_ref(), "staging/").await.unwrap().is_empty());
    assert_eq!(api.post("/tasks/sweep", &sweep).await.status.as_u16(), 200);

    let again = init(&api, "hello 🐙", &hash).await;
    assert_eq!((&again["content_unchanged"], &again["upload_url"]), (&json!(true), &Value::Null));
    assert_eq!(again["task_id"], task_id);
    assert!(api.post("/tasks/sweep", &sweep).await.error(409).contains("append_to_task"));
    let append = sweep.replace("\"user\"", "\"append_to_task\":true,\"user\"");
    assert_eq!(api.post("/tasks/sweep", &append).await.json()["trials_count"], 1);
    assert_eq!(api.get(&format!("/tasks/{task_id}")).await.json()["total"], 2);
}

#[with_database]
async fn an_archive_that_is_not_what_was_announced_is_refused_and_may_be_sent_again(db: Db) {
    let api = Api::new(db);
    let announced = init(&api, "hello", &hello_hash().await).await;
    put(&api, &announced, b"no archive".to_vec()).await;
    assert!(complete(&api, &announced).await.error(400).starts_with("Invalid tarball: "));
    put(&api, &announced, vec![0; (2 << 20) + 1]).await;
    assert_eq!(complete(&api, &announced).await.error(413), "Task upload too large. Max size is 2MB.");
    put(&api, &announced, hello_archive().await).await;
    assert_eq!(complete(&api, &announced).await.status.as_u16(), 200);

    let other = init(&api, "hello", &"0".repeat(64)).await;
    assert_eq!((&other["version"], &other["existing_task"]), (&json!(2), &json!(true)));
    put(&api, &other, hello_archive().await).await;
    assert!(complete(&api, &other).await.error(400).contains("not to the 000000"));
    let mut changed = other.clone();
    changed["content_hash"] = json!(hello_hash().await);
    assert!(complete(&api, &changed).await.error(409).contains("another content hash"));
    changed["version"] = json!(7);
    complete(&api, &changed).await.error(404);
}

#[with_database]
async fn an_announcement_is_checked(db: Db) {
    let api = Api::new(db);
    let announce = async |body: Value| api.post("/tasks/upload/init", &body.to_string()).await;
    let hash = "a".repeat(64);
    announce(json!({"name": "x", "content_hash": "short"})).await.error(422);
    announce(json!({"name": "x", "content_hash": "A".repeat(64)})).await.error(422);
    let text = announce(json!({"name": "x", "content_hash": hash, "archive_sha256": "A".repeat(64)})).await.error(422);
    assert!(text.contains("archive_sha256 must be 64"), "{text}");
    announce(json!({"name": "a\u{7}b", "content_hash": hash})).await.error(422);
    announce(json!({"name": "x", "content_hash": hash, "size": 0})).await.error(422);
    announce(json!({"name": "x", "content_hash": hash, "size": -1})).await.error(422);
    announce(json!({"name": "x", "content_hash": hash, "size": (2 << 20) + 1})).await.error(413);
    announce(json!({"content_hash": hash})).await.error(422);
}

/// A task that Harbor would take.
fn task() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("task.toml", "[agent]\ntimeout_sec = 60\n"),
        ("instruction.md", "Say hello."),
        ("environment/Dockerfile", "FROM scratch\n"),
        ("tests/test.sh", "tests/helper\n"),
        ("tests/helper", "exit 0\n"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

/// Announces the task of a folder, as a client does that tells the archive's hash.
async fn announce_archive(api: &Api, name: &str, folder: &Path) -> (Value, Vec<u8>) {
    let mut packed = Vec::new();
    let sha256 = archive::pack(folder, &mut packed).await.unwrap().sha256;
    let content_hash = hash::content_hash(folder).await.unwrap();
    let body = json!({"name": name, "content_hash": content_hash, "archive_sha256": sha256, "size": packed.len()});
    (api.post("/tasks/upload/init", &body.to_string()).await.json(), packed)
}

/// Uploads the task of a folder, and answers its version and whether it was there already.
async fn upload_archive(api: &Api, name: &str, folder: &Path) -> (i64, bool) {
    let (announced, packed) = announce_archive(api, name, folder).await;
    let unchanged = announced["content_unchanged"].as_bool().unwrap();
    if !unchanged {
        put(api, &announced, packed).await;
        assert_eq!(complete(api, &announced).await.status.as_u16(), 200);
    }
    (announced["version"].as_i64().unwrap(), unchanged)
}

#[with_database]
async fn what_the_content_hash_does_not_see_is_a_change_all_the_same(db: Db) {
    let api = Api::new(db);
    let folder = task();
    let path = |name: &str| folder.path().join(name);
    assert_eq!(upload_archive(&api, "task", folder.path()).await, (1, false));
    assert_eq!(upload_archive(&api, "task", folder.path()).await, (1, true));
    let first_hash = hash::content_hash(folder.path()).await.unwrap();

    fs::set_permissions(path("tests/helper"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(upload_archive(&api, "task", folder.path()).await, (2, false), "a script that may be run");
    fs::set_permissions(path("instruction.md"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(upload_archive(&api, "task", folder.path()).await, (3, false), "a file of its owner's");
    fs::create_dir(path("tests/empty")).unwrap();
    assert_eq!(upload_archive(&api, "task", folder.path()).await, (4, false), "an empty folder");
    let script = fs::read_to_string(path("tests/test.sh")).unwrap();
    let helper = fs::read_to_string(path("tests/helper")).unwrap();
    fs::write(path("tests/helper"), format!("{helper}tests/test.sh{script}")).unwrap();
    fs::remove_file(path("tests/test.sh")).unwrap();
    assert_eq!(hash::content_hash(folder.path()).await.unwrap(), first_hash, "all of this is one to published clients");
    let (merged, _) = announce_archive(&api, "task", folder.path()).await;
    assert_eq!((&merged["version"], &merged["content_unchanged"]), (&json!(5), &json!(false)), "two files in one");
    assert_eq!(
        init(&api, "task", &first_hash).await["content_unchanged"],
        true,
        "they are told what they were told before"
    );
}

/// Both announce before either completes, and the one whose version is older submits last.
#[with_database]
async fn clients_that_upload_at_once_run_what_each_of_them_sent(db: Db) {
    let api = Api::new(db);
    let (mine, theirs) = (task(), task());
    fs::write(theirs.path().join("instruction.md"), "Say goodbye.").unwrap();
    let (first, first_archive) = announce_archive(&api, "task", mine.path()).await;
    let (second, second_archive) = announce_archive(&api, "task", theirs.path()).await;
    assert_eq!((&first["task_id"], &first["existing_task"]), (&second["task_id"], &json!(false)));
    let submit = async |announced: &Value, experiment: &str, trials: u32| {
        let sweep = json!({"task_id": announced["task_id"], "version": announced["version"], "append_to_task": true,
            "experiment_id": experiment, "user": "u", "configs": [{"agent": "nop", "n_trials": trials}]});
        api.post("/tasks/sweep", &sweep.to_string()).await
    };
    put(&api, &second, second_archive).await;
    assert_eq!(complete(&api, &second).await.status.as_u16(), 200);
    let early = submit(&first, "a", 1).await.error(404);
    assert_eq!(early, format!("Version 1 not found for task {}", first["task_id"].as_str().unwrap()));
    put(&api, &first, first_archive).await;
    assert_eq!(complete(&api, &first).await.status.as_u16(), 200);

    let theirs = submit(&second, "b", 3).await.json();
    assert_eq!((&theirs["version"], &theirs["first_trial_index"]), (&json!(2), &json!(0)));
    let mine = submit(&first, "a", 2).await.json();
    assert_eq!((&mine["version"], &mine["first_trial_index"]), (&json!(1), &json!(3)));
    let trials = api.get(&format!("/tasks/{}/trials", first["task_id"].as_str().unwrap())).await.json();
    let versions: Vec<&Value> = trials.as_array().unwrap().iter().map(|trial| &trial["task_version"]).collect();
    assert_eq!(versions, [2, 2, 2, 1, 1]);
}

#[with_database]
async fn a_completion_with_a_key_that_comes_again_gets_the_same_answer(db: Db) {
    let api = Api::new(db);
    let announced = init(&api, "hello", &hello_hash().await).await;
    let mut body = json!({"task_id": announced["task_id"], "name": "hello", "version": 1, "content_hash": announced["content_hash"]});
    let early = api.post_once("/tasks/upload/complete", "k", &body).await;
    assert_eq!(early.error(400), "Uploaded task archive not found in S3");
    put(&api, &announced, hello_archive().await).await;
    let first = api.post_once("/tasks/upload/complete", "k", &body).await;
    assert_eq!(first.status.as_u16(), 200, "errors are not kept: {first:?}");
    assert_eq!(api.post_once("/tasks/upload/complete", "k", &body).await.body, first.body);
    body["name"] = json!("other");
    assert!(api.post_once("/tasks/upload/complete", "k", &body).await.error(409).contains("another request"));
}

/// A task that mounts the machine's root.
fn reaching_task() -> tempfile::TempDir {
    let folder = task();
    let compose = "services:\n  main:\n    volumes:\n      - /:/host\n";
    fs::write(folder.path().join("environment/docker-compose.yaml"), compose).unwrap();
    folder
}

#[with_database]
async fn a_task_that_asks_for_the_machine_is_a_422_with_file_and_line(db: Db) {
    let api = Api::new(db);
    let folder = reaching_task();
    let expected = "The task asks for access to the machine that runs its trials. environment/docker-compose.yaml, line 4: \
                    services.main.volumes mounts \"/\", which is outside of the task's folder environment/. Change it, or, where all who submit \
                    are trusted with that machine, set ODDISH_ALLOW_HOST_ACCESS=true";
    assert_eq!(api.upload("hello.tar.gz", &archive_of(folder.path()).await).await.error(422), expected);
    let (announced, packed) = announce_archive(&api, "hello", folder.path()).await;
    put(&api, &announced, packed).await;
    assert_eq!(complete(&api, &announced).await.error(422), expected);
    assert!(list_all(api.store.as_ref(), "tasks/").await.unwrap().is_empty(), "something was stored");
}

#[with_database]
async fn where_host_access_is_allowed_it_is_stored(db: Db) {
    let api = Api::with(db, |everything| everything.rules.allow_host_access = true);
    let answer = api.upload("hello.tar.gz", &archive_of(reaching_task().path()).await).await;
    assert_eq!(answer.status.as_u16(), 200);
}
