//! `GET /admin/orphaned-state`.

use oddish_db::jobs::LEASE;
use oddish_db::{Db, leases};
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::shapes;

#[with_database]
async fn silent_runners_and_tasks_that_should_have_ended_are_found(db: Db) {
    let api = Api::new(db);
    let stuck = api.submitted(1).await;
    api.succeeded().await;
    sqlx::query("update oddish.tasks set status = 'running', finished_at = null where id = $1")
        .bind(&stuck)
        .execute(&api.db)
        .await
        .unwrap();
    let silent = api.submitted(2).await;
    let now = OffsetDateTime::now_utc();
    let (_, token) = api.begun().await;
    leases::renew(&api.db, token, now - Duration::minutes(7)).await.unwrap();
    assert!(LEASE < Duration::minutes(7));
    let (_, lively) = api.begun().await;
    leases::renew(&api.db, lively, now - Duration::minutes(4)).await.unwrap();

    let found =
        async |minutes: u8| api.get(&format!("/admin/orphaned-state?stale_after_minutes={minutes}")).await.json();
    let ids = |samples: &Value, field: &str| -> Vec<String> {
        samples.as_array().unwrap().iter().map(|sample| sample[field].as_str().unwrap().to_owned()).collect()
    };
    let after_five = found(5).await;
    assert_eq!(after_five["counts"], json!({"running_stale_heartbeat": 1, "active_tasks_without_active_trials": 1}));
    assert_eq!(ids(&after_five["trial_samples"], "trial_id"), [format!("{silent}-0")]);
    assert_eq!(ids(&after_five["trial_samples"], "current_worker_id"), ["h:1"]);
    assert_eq!(ids(&after_five["task_samples"], "task_id"), [stuck]);
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("OrphanedStateResponse", &api.get("/admin/orphaned-state?stale_after_minutes=5").await), @r#"
    {
      "counts": {
        "active_tasks_without_active_trials": 1,
        "running_stale_heartbeat": 1
      },
      "stale_after_minutes": 5,
      "task_samples": [
        {
          "issue": "active_task_without_active_trials",
          "run_analysis": false,
          "status": "running",
          "task_id": "hello-[id]",
          "updated_at": "[time]",
          "verdict_status": null
        }
      ],
      "timestamp": "[time]",
      "trial_samples": [
        {
          "claimed_at": "[time]",
          "current_queue_slot": 0,
          "current_worker_id": "h:1",
          "harbor_stage": "starting",
          "heartbeat_at": "[time]",
          "issue": "running_stale_heartbeat",
          "queue_key": "default",
          "status": "running",
          "task_id": "hello-[id]",
          "trial_id": "hello-[id]-0",
          "updated_at": "[time]"
        }
      ]
    }
    "#);
    assert_eq!(found(8).await["counts"]["running_stale_heartbeat"], 0);
    assert_eq!(found(3).await["counts"]["running_stale_heartbeat"], 2);
    assert_eq!(api.get("/admin/orphaned-state").await.json()["stale_after_minutes"], 10);
    for bad in ["0", "241", "soon"] {
        api.get(&format!("/admin/orphaned-state?stale_after_minutes={bad}")).await.error(422);
    }
}
