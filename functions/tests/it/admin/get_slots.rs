//! `GET /admin/slots`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::shapes;

#[with_database]
async fn slots_tell_which_trial_holds_them(db: Db) {
    let api = Api::new(db);
    api.submitted(2).await;
    api.patch("/queues/default", &json!({"concurrency_limit": 2})).await.json();
    let (_, token) = api.begun().await;
    api.patch("/queues/default", &json!({"concurrency_limit": 0})).await.json();
    let answer = api.get("/admin/slots").await;
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("SlotsResponse", &answer), @r#"
    {
      "queue_keys": [
        {
          "active_slots": 1,
          "queue_key": "default",
          "slots": [
            {
              "is_active": true,
              "kind": "trial",
              "locked_by": "hello-[id]-0",
              "locked_until": "[time]",
              "queue_key": "default",
              "slot": 0
            }
          ],
          "total_slots": 1
        }
      ],
      "timestamp": "[time]",
      "total_active": 1,
      "total_slots": 1,
      "truncated": false
    }
    "#);
    assert!(!answer.body.contains(&token.to_string()));
}
