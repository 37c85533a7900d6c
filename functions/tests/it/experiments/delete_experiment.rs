//! `DELETE /experiments/{experiment_id}`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::deleting::{keys, store_files};
use crate::shapes;

#[with_database]
async fn a_deleted_experiment_says_what_went(db: Db) {
    let api = Api::new(db);
    let (own, both) = (api.submitted(2).await, api.submitted(1).await);
    let experiment = api.experiment_of(&own).await;
    let sweep = json!({"task_id": both, "user": "a", "append_to_task": true, "experiment_id": experiment,
        "configs": [{"agent": "oracle", "n_trials": 3}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    for (task, index) in [(&own, 0), (&both, 0), (&both, 1)] {
        store_files(&api, task, index).await;
    }
    let path = format!("/experiments/{experiment}");
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("DeleteExperimentResponse", &api.delete(&path).await), @r#"
    {
      "deleted": {
        "experiments": 1,
        "tasks": 1,
        "trials": 5
      },
      "message": "Experiment deleted",
      "status": "success"
    }
    "#);
    assert_eq!(keys(&api, &format!("tasks/{own}/")).await, Vec::<String>::new());
    let left = keys(&api, &format!("tasks/{both}/trials/")).await;
    assert!(left.len() == 2 && left.iter().all(|key| key.contains(&format!("{both}-0/"))), "{left:?}");
    assert_eq!(api.get(&format!("/tasks/{both}")).await.json()["total"], 1);
    assert_eq!(api.get(&path).await.error(404), format!("Experiment {experiment} not found"));
    assert_eq!(api.delete(&path).await.error(404), format!("Experiment {experiment} not found"));
}
