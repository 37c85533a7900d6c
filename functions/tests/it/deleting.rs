//! Deleting over HTTP, and what becomes of what is stored.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use oddish_artifacts::{ArtifactStore, Key, ObjectMeta, SharedStore, SignedUrl, StoreError, key, list_all};
use oddish_db::PgPool;
use oddish_db::leases::Dead;
use oddish_db::queue::Claim;
use oddish_db::wake::Wakes;
use oddish_dispatcher::{CloseError, Closer, Dispatcher, LaunchError, Launcher};
use oddish_domain::retry::RetrySettings;
use oddish_functions::state::Artifacts;
use serde_json::json;

use crate::api::{Api, hello_archive};

/// The keys below a prefix.
async fn keys(api: &Api, prefix: &str) -> Vec<String> {
    let objects = list_all(api.store.as_ref(), prefix).await.unwrap();
    objects.into_iter().map(|object| object.key.as_str().to_owned()).collect()
}

/// Stores something as a runner would.
async fn store_files(api: &Api, task_id: &str, index: u32) {
    let trial_id = format!("{task_id}-{index}");
    let log = key::attempt_log_chunk(task_id, &trial_id, 1, 0).unwrap();
    let file = Key::parse(format!("{}result.json", key::attempt_prefix(task_id, &trial_id, 1).unwrap())).unwrap();
    for key in [log, file] {
        api.store.put(&key, Bytes::from_static(b"{}")).await.unwrap();
    }
}

async fn left_over(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select prefix from oddish.prefixes_to_delete order by prefix").fetch_all(pool).await.unwrap()
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_deleted_task_leaves_nothing_in_the_store(pool: PgPool) {
    let api = Api::new(pool);
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
        sqlx::query_scalar("select staging_key from oddish.uploads").fetch_one(&api.pool).await.unwrap();
    api.store.put(&Key::parse(staging).unwrap(), hello_archive().await.into()).await.unwrap();
    assert_eq!(keys(&api, "staging/").await.len(), 1);

    let mut wakes = Wakes::listen(&api.pool).await.unwrap();
    for task in [&task_id, &other] {
        assert!(!keys(&api, &format!("tasks/{task}/")).await.is_empty());
        let answer = api.delete(&format!("/tasks/{task}")).await;
        assert_eq!(answer.json(), json!({"status": "success", "deleted": {"task_id": task}}));
        assert_eq!(api.get(&format!("/tasks/{task}")).await.error(404), format!("Task {task} not found"));
        assert_eq!(api.delete(&format!("/tasks/{task}")).await.error(404), format!("Task {task} not found"));
    }
    assert!([&task_id, &other].contains(&&task_of_name), "the upload was of one of them");
    wakes.next().await.unwrap();
    assert_eq!((keys(&api, "tasks/").await, keys(&api, "staging/").await), (vec![], vec![]));
    assert_eq!(left_over(&api.pool).await.len(), 3, "a runner may write there for a while");
    assert_eq!(api.delete("/tasks/nowhere").await.error(404), "Task nowhere not found");
    api.delete("/tasks/a%00b").await.error(400);
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_deleted_trial_takes_its_own_files(pool: PgPool) {
    let api = Api::new(pool);
    let task_id = api.submitted(2).await;
    // Numbers of which one begins with the other.
    let sweep = json!({"task_id": task_id, "user": "a", "append_to_task": true, "configs": [{"agent": "oracle", "n_trials": 9}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    for index in [1, 10] {
        store_files(&api, &task_id, index).await;
    }
    let trial_id = format!("{task_id}-1");
    let answer = api.delete(&format!("/trials/{trial_id}")).await.json();
    assert_eq!(answer, json!({"status": "success", "deleted": {"trial_id": trial_id, "task_id": task_id}}));
    let left = keys(&api, &format!("tasks/{task_id}/trials/")).await;
    assert!(left.len() == 2 && left.iter().all(|key| key.contains(&format!("{task_id}-10/"))), "{left:?}");
    assert_eq!(api.get(&format!("/tasks/{task_id}")).await.json()["total"], 10);
    let missing = format!("Trial {trial_id} not found");
    assert_eq!(api.get(&format!("/trials/{trial_id}/logs")).await.error(404), missing);
    assert_eq!(api.delete(&format!("/trials/{trial_id}")).await.error(404), missing);
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_deleted_experiment_says_what_went(pool: PgPool) {
    let api = Api::new(pool);
    let (own, both) = (api.submitted(2).await, api.submitted(1).await);
    let experiment = api.experiment_of(&own).await;
    let sweep = json!({"task_id": both, "user": "a", "append_to_task": true, "experiment_id": experiment,
        "configs": [{"agent": "oracle", "n_trials": 3}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    for (task, index) in [(&own, 0), (&both, 0), (&both, 1)] {
        store_files(&api, task, index).await;
    }
    let path = format!("/experiments/{experiment}");
    let answer = api.delete(&path).await.json();
    let deleted = json!({"trials": 5, "tasks": 1, "experiments": 1});
    assert_eq!(answer, json!({"status": "success", "message": "Experiment deleted", "deleted": deleted}));
    assert_eq!(keys(&api, &format!("tasks/{own}/")).await, Vec::<String>::new());
    let left = keys(&api, &format!("tasks/{both}/trials/")).await;
    assert!(left.len() == 2 && left.iter().all(|key| key.contains(&format!("{both}-0/"))), "{left:?}");
    assert_eq!(api.get(&format!("/tasks/{both}")).await.json()["total"], 1);
    assert_eq!(api.get(&path).await.error(404), format!("Experiment {experiment} not found"));
    assert_eq!(api.delete(&path).await.error(404), format!("Experiment {experiment} not found"));
}

/// A launcher that has no place for anything.
struct Full;

#[async_trait]
impl Launcher for Full {
    fn room(&self) -> u32 {
        0
    }
    async fn launch(&self, claim: &Claim) -> Result<(), LaunchError> {
        panic!("{claim:?}")
    }
    async fn reconcile(&self) -> Result<bool, CloseError> {
        Ok(false)
    }
    async fn clear(&self, dead: &Dead) {
        panic!("{dead:?}")
    }
    async fn stop(&self) {}
}

/// Has a dispatcher that was just started look after everything once.
async fn dispatch(api: &Api, store: SharedStore) {
    let closer = Closer { pool: api.pool.clone(), store, rules: RetrySettings::default() };
    Dispatcher::new(closer, Arc::new(Full)).dispatch(Instant::now()).await.unwrap();
}

/// A store that cannot delete until it is told that it can.
struct Stubborn {
    inner: SharedStore,
    deletes: AtomicBool,
}

impl fmt::Debug for Stubborn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stubborn")
    }
}

#[async_trait]
impl ArtifactStore for Stubborn {
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        self.inner.put(key, bytes).await
    }
    async fn put_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        self.inner.put_file(key, path).await
    }
    async fn put_if_absent(&self, key: &Key, bytes: Bytes) -> Result<bool, StoreError> {
        self.inner.put_if_absent(key, bytes).await
    }
    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.inner.get(key).await
    }
    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.inner.get_range(key, range).await
    }
    async fn get_to_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        self.inner.get_to_file(key, path).await
    }
    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.inner.head(key).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectMeta>, StoreError> {
        self.inner.list(prefix, after, limit).await
    }
    async fn copy(&self, from: &Key, to: &Key) -> Result<(), StoreError> {
        self.inner.copy(from, to).await
    }
    async fn delete_prefix(&self, prefix: &str) -> Result<u64, StoreError> {
        if self.deletes.load(Ordering::SeqCst) {
            return self.inner.delete_prefix(prefix).await;
        }
        Err(StoreError::NoBucket { place: "the bucket of this test".to_owned() })
    }
    async fn presign_get(&self, key: &Key, expires_in: Duration) -> Result<SignedUrl, StoreError> {
        self.inner.presign_get(key, expires_in).await
    }
    async fn presign_put(&self, key: &Key, expires_in: Duration, length: Option<u64>) -> Result<SignedUrl, StoreError> {
        self.inner.presign_put(key, expires_in, length).await
    }
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn what_the_store_did_not_delete_is_deleted_by_the_next_pass_of_the_dispatcher(pool: PgPool) {
    let mut stubborn = None;
    let api = Api::with(pool, |everything| {
        let store = Arc::new(Stubborn { inner: everything.artifacts.0.clone(), deletes: AtomicBool::new(false) });
        everything.artifacts = Artifacts(Arc::clone(&store) as SharedStore);
        stubborn = Some(store);
    });
    let store = stubborn.unwrap();
    let task_id = api.submitted(1).await;
    let answer = api.delete(&format!("/tasks/{task_id}")).await;
    assert_eq!(answer.json()["status"], "success", "it is deleted all the same");
    let prefix = format!("tasks/{task_id}/");
    assert_eq!(left_over(&api.pool).await, std::slice::from_ref(&prefix));
    assert!(!keys(&api, &prefix).await.is_empty());

    // The time comes when the dispatcher looks after it, and then the time when nobody writes there any more.
    let due = async |columns: &'static str| {
        sqlx::query(columns).execute(&api.pool).await.unwrap();
        dispatch(&api, Arc::clone(&store) as SharedStore).await;
    };
    due("update oddish.prefixes_to_delete set due_at = now() - interval '1 second'").await;
    assert_eq!(left_over(&api.pool).await, std::slice::from_ref(&prefix), "it fails there too");
    store.deletes.store(true, Ordering::SeqCst);
    due("update oddish.prefixes_to_delete set due_at = now() - interval '1 second'").await;
    assert_eq!(keys(&api, &prefix).await, Vec::<String>::new());
    assert_eq!(left_over(&api.pool).await, [prefix], "a runner may write there for a while");
    due("update oddish.prefixes_to_delete set due_at = now() - interval '2 seconds', written_until = now() - interval '1 second'")
        .await;
    assert_eq!(left_over(&api.pool).await, Vec::<String>::new());
}
