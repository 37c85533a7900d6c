//! Uploads in two steps.

use std::collections::BTreeSet;
use std::sync::Arc;

use oddish_db::PgPool;
use oddish_db::idempotency::Work;
use oddish_db::sweeps::SweepRefused;
use oddish_db::task_files::FileIndex;
use oddish_db::uploads::{self, Announced, NewUpload, StoredArchive, ToComplete};
use serde_json::Value;

use crate::scene::{NOW, Scene, trial_specs};

async fn announce(pool: &PgPool, name: &str, content: char) -> Announced {
    let staging_key = format!("staging/{}", uuid::Uuid::new_v4().simple());
    let content_hash = content.to_string().repeat(64);
    let upload = NewUpload { name, content_hash: &content_hash, message: Some("why"), staging_key: &staging_key };
    uploads::announce(pool, &upload, NOW).await.unwrap()
}

async fn complete(pool: &PgPool, announced: &Announced) {
    let mut work = Work::begin(pool).await.unwrap();
    let held = uploads::begin_completion(&mut work, &announced.task_id, announced.version).await.unwrap();
    let ToComplete::Held(completion) = held else { panic!("{held:?}") };
    let key = format!("tasks/{}/v{}/.oddish-task.tar.gz", announced.task_id, announced.version);
    let files = FileIndex { key: "pack", files: &[] };
    let archive = StoredArchive { key: &key, sha256: &"a".repeat(64), bytes: 1, files };
    completion.register(&mut work, &archive, NOW).await.unwrap();
    work.finish(&Value::Null).await.unwrap();
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn unchanged_content_makes_no_new_version(pool: PgPool) {
    let first = announce(&pool, "swe-1.0", '1').await;
    assert_eq!((first.version, first.existing_task, first.unchanged), (1, false, false));
    complete(&pool, &first).await;
    let same = announce(&pool, "swe-1.0", '1').await;
    assert_eq!((same.task_id.as_str(), same.version, same.unchanged), (first.task_id.as_str(), 1, true));
    let changed = announce(&pool, "swe-1.0", '2').await;
    assert_eq!((changed.task_id.as_str(), changed.version, changed.unchanged), (first.task_id.as_str(), 2, false));
    complete(&pool, &changed).await;
    // What counts is the newest version: going back to the first content is a change.
    assert_eq!(announce(&pool, "swe-1.0", '1').await.version, 3);
    assert_ne!(announce(&pool, "swe-1.1", '1').await.task_id, first.task_id, "names are compared whole");
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn uploads_of_one_task_at_the_same_time_get_versions_of_their_own(pool: PgPool) {
    let mut announcements = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let pool = pool.clone();
        announcements.spawn(async move {
            let announced = announce(&pool, "new task", '1').await;
            if !announced.unchanged {
                complete(&pool, &announced).await;
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

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn an_upload_is_completed_by_one_at_a_time_and_once(pool: PgPool) {
    let announced = announce(&pool, "task", '1').await;
    let begin = async |version| {
        let mut work = Work::begin(&pool).await.unwrap();
        let found = uploads::begin_completion(&mut work, &announced.task_id, version).await.unwrap();
        (work, found)
    };
    let (first, found) = begin(1).await;
    assert!(matches!(found, ToComplete::Held(_)));
    assert!(matches!(begin(1).await.1, ToComplete::Busy));
    drop(first);
    complete(&pool, &announced).await;
    assert!(matches!(begin(1).await.1, ToComplete::Registered { content_hash } if content_hash == "1".repeat(64)));
    assert!(matches!(begin(7).await.1, ToComplete::Unknown));
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_task_whose_archive_never_came_cannot_be_submitted(pool: PgPool) {
    let scene = Arc::new(Scene::new(pool));
    let announced = announce(&scene.pool, "task", '1').await;
    let refused = scene.sweep(&announced.task_id, None, &trial_specs(1, "a/one")).await;
    assert!(matches!(refused, Err(SweepRefused::NotUploaded)));
}
