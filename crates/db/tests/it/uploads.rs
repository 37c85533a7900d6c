//! Uploads in two steps.

use std::collections::BTreeSet;
use std::sync::Arc;

use oddish_db::Db;
use oddish_db::idempotency::Work;
use oddish_db::sweeps::SweepRefused;
use oddish_db::task_files::FileIndex;
use oddish_db::uploads::{self, Announced, NewUpload, StoredArchive, ToComplete};
use oddish_test_support::scene::{NOW, Scene, trial_specs};
use oddish_test_support::with_database;
use serde_json::Value;

/// As a published client does.
async fn announce(db: &Db, name: &str, content: char) -> Announced {
    announce_archive(db, name, content, None).await
}

async fn announce_archive(db: &Db, name: &str, content: char, archive: Option<char>) -> Announced {
    let staging_key = format!("staging/{}", uuid::Uuid::new_v4().simple());
    let content_hash = content.to_string().repeat(64);
    let sha256 = archive.map(|archive| archive.to_string().repeat(64));
    let upload = NewUpload {
        name,
        content_hash: &content_hash,
        archive_sha256: sha256.as_deref(),
        message: Some("why"),
        staging_key: &staging_key,
    };
    uploads::announce(db, &upload, NOW).await.unwrap()
}

async fn complete(db: &Db, announced: &Announced) {
    complete_with(db, announced, 'a').await;
}

async fn complete_with(db: &Db, announced: &Announced, archive: char) {
    let mut work = Work::begin(db).await.unwrap();
    let held = uploads::begin_completion(&mut work, &announced.task_id, announced.version).await.unwrap();
    let ToComplete::Held(completion) = held else { panic!("{held:?}") };
    let key = format!("tasks/{}/v{}/.oddish-task.tar.gz", announced.task_id, announced.version);
    let files = FileIndex { key: "pack", files: &[] };
    let sha256 = archive.to_string().repeat(64);
    let archive = StoredArchive { key: &key, sha256: &sha256, bytes: 1, files };
    completion.version.register(&mut work, &archive, NOW).await.unwrap();
    work.finish(&Value::Null).await.unwrap();
}

#[with_database]
async fn unchanged_content_makes_no_new_version(db: Db) {
    let first = announce(&db, "swe-1.0", '1').await;
    assert_eq!((first.version, first.existing_task, first.unchanged), (1, false, false));
    complete(&db, &first).await;
    let same = announce(&db, "swe-1.0", '1').await;
    assert_eq!((same.task_id.as_str(), same.version, same.unchanged), (first.task_id.as_str(), 1, true));
    let changed = announce(&db, "swe-1.0", '2').await;
    assert_eq!((changed.task_id.as_str(), changed.version, changed.unchanged), (first.task_id.as_str(), 2, false));
    complete(&db, &changed).await;
    // What counts is the newest version: going back to the first content is a change.
    assert_eq!(announce(&db, "swe-1.0", '1').await.version, 3);
    assert_ne!(announce(&db, "swe-1.1", '1').await.task_id, first.task_id, "names are compared whole");
}

#[with_database]
async fn the_archive_decides_where_it_is_told(db: Db) {
    let first = announce_archive(&db, "task", '1', Some('c')).await;
    complete_with(&db, &first, 'c').await;
    assert!(announce_archive(&db, "task", '1', Some('c')).await.unchanged);
    assert!(announce(&db, "task", '1').await.unchanged, "older clients know no archive");
    let other_mode = announce_archive(&db, "task", '1', Some('d')).await;
    assert_eq!((other_mode.version, other_mode.unchanged), (2, false));
    complete_with(&db, &other_mode, 'd').await;
    assert_eq!(announce_archive(&db, "task", '1', Some('d')).await.version, 2);
    assert!(!announce_archive(&db, "task", '1', Some('c')).await.unchanged, "what counts is the newest version");
    assert!(!announce_archive(&db, "task", '2', Some('d')).await.unchanged, "both must be the same");
}

#[with_database]
async fn uploads_of_one_task_at_the_same_time_get_versions_of_their_own(db: Db) {
    let mut announcements = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let db = db.clone();
        announcements.spawn(async move {
            let announced = announce(&db, "new task", '1').await;
            if !announced.unchanged {
                complete(&db, &announced).await;
            }
            announced
        });
    }
    let announced = announcements.join_all().await;
    let tasks: BTreeSet<&str> = announced.iter().map(|announced| announced.task_id.as_str()).collect();
    assert_eq!(tasks.len(), 1);
    let fresh: Vec<i32> =
        announced.iter().filter(|announced| !announced.unchanged).map(|announced| announced.version).collect();
    assert_eq!(fresh.iter().collect::<BTreeSet<_>>().len(), fresh.len(), "{fresh:?}");
}

#[with_database]
async fn an_upload_is_completed_by_one_at_a_time_and_once(db: Db) {
    let announced = announce(&db, "task", '1').await;
    let begin = async |version| {
        let mut work = Work::begin(&db).await.unwrap();
        let found = uploads::begin_completion(&mut work, &announced.task_id, version).await.unwrap();
        (work, found)
    };
    let (first, found) = begin(1).await;
    assert!(matches!(found, ToComplete::Held(_)));
    assert!(matches!(begin(1).await.1, ToComplete::Busy));
    drop(first);
    complete(&db, &announced).await;
    assert!(matches!(begin(1).await.1, ToComplete::Registered { content_hash } if content_hash == "1".repeat(64)));
    assert!(matches!(begin(7).await.1, ToComplete::Unknown));
}

#[with_database]
async fn a_task_whose_archive_never_came_cannot_be_submitted(db: Db) {
    let scene = Arc::new(Scene::new(db));
    let announced = announce(&scene.db, "task", '1').await;
    let refused = scene.sweep(&announced.task_id, None, &trial_specs(1, "a/one")).await;
    assert!(matches!(refused, Err(SweepRefused::NotUploaded)));
}
