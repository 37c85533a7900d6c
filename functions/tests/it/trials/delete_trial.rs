//! `DELETE /trials/{trial_id}`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::deleting::{keys, store_files};
use crate::shapes;

#[with_database]
async fn a_deleted_trial_takes_its_own_files(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(2).await;
    // Numbers of which one begins with the other.
    let sweep = json!({"task_id": task_id, "user": "a", "append_to_task": true, "configs": [{"agent": "oracle", "n_trials": 9}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    for index in [1, 10] {
        store_files(&api, &task_id, index).await;
    }
    let trial_id = format!("{task_id}-1");
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("DeleteTrialResponse", &api.delete(&format!("/trials/{trial_id}")).await), @r#"
    {
      "deleted": {
        "task_id": "hello-[id]",
        "trial_id": "hello-[id]-1"
      },
      "status": "success"
    }
    "#);
    let left = keys(&api, &format!("tasks/{task_id}/trials/")).await;
    assert!(left.len() == 2 && left.iter().all(|key| key.contains(&format!("{task_id}-10/"))), "{left:?}");
    assert_eq!(api.get(&format!("/tasks/{task_id}")).await.json()["total"], 10);
    let missing = format!("Trial {trial_id} not found");
    assert_eq!(api.get(&format!("/trials/{trial_id}/logs")).await.error(404), missing);
    assert_eq!(api.delete(&format!("/trials/{trial_id}")).await.error(404), missing);
}
