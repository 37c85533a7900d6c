//! The queries of `docs/operations.md`.

use std::path::Path;

use oddish_db::Db;
use oddish_test_support::scene::Scene;
use oddish_test_support::with_database;
use sqlx::Executor as _;

/// The SQL blocks of the document, each with the line that it begins on.
fn queries() -> Vec<(usize, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut queries = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line) {
            (None, "```sql") => open = Some((number + 2, String::new())),
            (Some(_), "```") => queries.extend(open.take()),
            (Some((_, query)), line) => query.extend([line, "\n"]),
            (None, _) => {}
        }
    }
    queries
}

/// Each runs in a transaction of its own, of which nothing stays, on a database that has something in most of its tables.
#[with_database]
async fn every_query_of_the_manual_runs(db: Db) {
    let scene = Scene::new(db).limit("a/model", 2).await;
    scene.task(4, "a/model").await;
    scene.begun().await;
    scene.claim_one().await;
    let queries = queries();
    assert!(queries.len() > 15, "the document has {} queries", queries.len());
    for (line, query) in queries {
        let mut transaction = scene.db.begin().await.unwrap();
        let done = transaction.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(query.clone()))).await;
        if let Err(error) = done {
            panic!("docs/operations.md, line {line}: {error}\n{query}");
        }
        transaction.rollback().await.unwrap();
    }
}
