//! `GET /health` and `GET /version`.

use oddish_db::Db;
use oddish_domain::harbor_settings::HARBOR_VERSION;
use oddish_test_api::Api;
use oddish_test_support::{MIGRATOR, with_database};
use serde_json::json;

use crate::shapes;

#[with_database]
async fn health_tells_of_the_database(db: Db) {
    let api = Api::new(db);
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("HealthResponse", &api.get("/health").await), @r#"
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

#[with_database]
async fn the_version_tells_of_program_and_schema(db: Db) {
    let api = Api::new(db);
    let body = shapes::of("VersionResponse", &api.get("/version").await);
    let newest = MIGRATOR.iter().map(|ours| ours.version).max();
    let commit = option_env!("ODDISH_COMMIT").filter(|commit| !commit.is_empty());
    let expected = |applied: Option<i64>| {
        json!({
            "program": env!("CARGO_PKG_VERSION"), "commit": commit, "harbor": HARBOR_VERSION,
            "schema": {"applied": applied, "newest": newest},
        })
    };
    assert_eq!(body, expected(newest));
    sqlx::query("delete from oddish.schema_migrations where version = $1").bind(newest).execute(&api.db).await.unwrap();
    let older = MIGRATOR.iter().map(|ours| ours.version).filter(|version| Some(*version) != newest).max();
    assert_eq!(api.get("/version").await.json(), expected(older), "the database is behind the program");
    api.db.close().await;
    api.get("/version").await.error(503);
}
