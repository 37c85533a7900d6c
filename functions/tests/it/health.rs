//! `GET /health`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::shapes::{self, Shape};

#[with_database]
async fn health_tells_of_the_database(db: Db) {
    let api = Api::new(db);
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(Shape::HealthResponse.of(&api.get("/health").await), @r#"
    {
      "database": "connected",
      "status": "healthy",
      "timestamp": "[time]"
    }
    "#);
    api.db.close().await;
    let answer = api.get("/health").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("degraded")));
    let text = api.get("/tasks").await.error(503);
    assert!(text.contains("Please retry"), "{text}");
}
