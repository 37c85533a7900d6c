//! Deleting over HTTP, and what becomes of what is stored.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use oddish_artifacts::{Key, key, list_all};
use oddish_db::Db;
use oddish_db::jobs::LiveAttempt;
use oddish_db::queue::Claim;
use oddish_dispatcher::{CloseError, Closer, Dispatcher, LaunchError, Launcher};
use oddish_domain::retry::RetrySettings;
use oddish_test_api::Api;
use oddish_test_support::with_database;

/// The keys below a prefix.
pub(crate) async fn keys(api: &Api, prefix: &str) -> Vec<String> {
    let objects = list_all(api.store.as_ref(), prefix).await.unwrap();
    objects.into_iter().map(|object| object.key.as_str().to_owned()).collect()
}

/// Stores something as a runner would.
pub(crate) async fn store_files(api: &Api, task_id: &str, index: u32) {
    let trial_id = format!("{task_id}-{index}");
    let log = key::attempt_log_chunk(task_id, &trial_id, 1, 0).unwrap();
    let file = Key::parse(format!("{}result.json", key::attempt_prefix(task_id, &trial_id, 1).unwrap())).unwrap();
    for key in [log, file] {
        api.store.put(&key, Bytes::from_static(b"{}")).await.unwrap();
    }
}

pub(crate) async fn left_over(db: &Db) -> Vec<String> {
    sqlx::query_scalar("select prefix from oddish.prefixes_to_delete order by prefix").fetch_all(db).await.unwrap()
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
    async fn clear(&self, dead: &LiveAttempt) {
        panic!("{dead:?}")
    }
    async fn stop(&self) {}
}

/// Has a dispatcher that was just started look after everything once.
async fn dispatch(api: &Api) {
    let closer = Closer { db: api.db.clone(), store: Arc::clone(&api.store), rules: RetrySettings::default() };
    Dispatcher::new(closer, Arc::new(Full)).dispatch(Instant::now()).await.unwrap();
}

#[with_database]
async fn what_the_store_did_not_delete_is_deleted_by_the_next_pass_of_the_dispatcher(db: Db) {
    let api = Api::new(db);
    api.watched.keep_all(true);
    let task_id = api.submitted(1).await;
    let answer = api.delete(&format!("/tasks/{task_id}")).await;
    assert_eq!(answer.json()["status"], "success", "it is deleted all the same");
    let prefix = format!("tasks/{task_id}/");
    assert_eq!(left_over(&api.db).await, std::slice::from_ref(&prefix));
    assert!(!keys(&api, &prefix).await.is_empty());

    // The time comes when the dispatcher looks after it, and then the time when nobody writes there any more.
    let due = async |columns: &'static str| {
        sqlx::query(columns).execute(&api.db).await.unwrap();
        dispatch(&api).await;
    };
    due("update oddish.prefixes_to_delete set due_at = now() - interval '1 second'").await;
    assert_eq!(left_over(&api.db).await, std::slice::from_ref(&prefix), "it fails there too");
    api.watched.keep_all(false);
    due("update oddish.prefixes_to_delete set due_at = now() - interval '1 second'").await;
    assert_eq!(keys(&api, &prefix).await, Vec::<String>::new());
    assert_eq!(left_over(&api.db).await, [prefix], "a runner may write there for a while");
    due("update oddish.prefixes_to_delete set due_at = now() - interval '2 seconds', written_until = now() - interval '1 second'")
        .await;
    assert_eq!(left_over(&api.db).await, Vec::<String>::new());
}
