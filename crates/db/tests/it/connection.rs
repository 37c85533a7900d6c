//! How connections are made.

use oddish_db::{DatabaseSettings, Db, connect_lazy, wake};
use oddish_domain::settings::Settings;

/// A pool of one connection, by these variables.
fn connect<const N: usize>(variables: [(&str, &str); N]) -> Db {
    let settings = Settings::from_map(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    connect_lazy(&settings.read(DatabaseSettings::read).unwrap().required().unwrap(), 1)
}

#[tokio::test]
async fn a_pool_that_is_shown_keeps_its_password() {
    let db = connect([("DATABASE_URL", "postgresql://oddish:hush@pooler:6432/oddish")]);
    assert!(!format!("{db:?}").contains("hush"), "{db:?}");
}

#[tokio::test]
async fn sessions_go_past_the_pooler_where_the_way_is_known() {
    let pooler = ("DATABASE_URL", "postgresql://oddish@pooler:6432/oddish");
    assert_eq!(connect([pooler]).direct_options().get_host(), "pooler");
    let direct = ("ODDISH_DATABASE_DIRECT_URL", "postgresql://oddish@server:5432/oddish");
    let options = connect([pooler, direct]).direct_options().clone();
    assert_eq!((options.get_host(), options.get_port()), ("server", 5432));
}

/// The statements that a connection keeps prepared after it was asked something.
async fn kept(statement_cache: &str) -> i64 {
    let url = std::env::var("DATABASE_URL").expect("run this with `cargo xtask test`, which starts a Postgres");
    let db = connect([("DATABASE_URL", url.as_str()), ("ODDISH_DB_STATEMENT_CACHE", statement_cache)]);
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
