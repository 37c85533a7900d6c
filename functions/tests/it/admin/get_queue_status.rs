//! `GET /admin/queue-status`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;

use crate::shapes;

#[with_database]
async fn queues_are_counted(db: Db) {
    let api = Api::new(db);
    api.submitted(3).await;
    api.begun().await;
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("QueueStatusResponse", &api.get("/admin/queue-status").await), @r#"
    {
      "analysis_queued": 0,
      "analysis_running": 0,
      "timestamp": "[time]",
      "trial_queues": [
        {
          "queue_key": "default",
          "queued": 2,
          "running": 1
        }
      ],
      "verdict_queued": 0,
      "verdict_running": 0
    }
    "#);
}
