//! How connections are made.

use oddish_db::{DatabaseSettings, connect_lazy, wake};
use oddish_domain::settings::Settings;

/// The statements that a connection keeps prepared after it was asked something.
async fn kept(statement_cache: &str) -> i64 {
    let url = std::env::var("DATABASE_URL").expect("run this with `cargo xtask test`, which starts a Postgres");
    let variables = [("DATABASE_URL", url.as_str()), ("ODDISH_DB_STATEMENT_CACHE", statement_cache)];
    let settings = Settings::from_map(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let mut reader = settings.reader();
    let database = DatabaseSettings::read(&mut reader);
    reader.finish().unwrap();
    let db = connect_lazy(&database.url.unwrap(), 1);
    wake::notify(&db).await.unwrap();
    sqlx::query_scalar("select count(*) from pg_prepared_statements where statement like 'select pg_notify($1%'")
        .fetch_one(&db)
        .await
        .unwrap()
}

#[tokio::test]
async fn behind_a_proxy_no_statement_stays_prepared() {
    assert_eq!(kept("0").await, 0);
    assert_eq!(kept("").await, 1, "elsewhere the next one like it needs no planning");
}
