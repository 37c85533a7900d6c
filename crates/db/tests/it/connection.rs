//! How connections are made.

use oddish_db::{DatabaseSettings, Db, connect_lazy, wake};
use oddish_domain::settings::Settings;
use oddish_test_support::Through;
use sqlx::postgres::PgConnectOptions;

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

fn database_url() -> String {
    std::env::var("DATABASE_URL").expect("run this with `cargo xtask test`, which starts a Postgres")
}

/// The statements that a connection keeps prepared after it was asked something.
async fn kept(statement_cache: &str) -> i64 {
    let url = database_url();
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

#[tokio::test]
async fn a_connection_that_ended_while_idle_is_replaced() {
    let server: PgConnectOptions = database_url().parse().unwrap();
    let other = connect([("DATABASE_URL", database_url().as_str())]);
    for statement_cache in [0, 100] {
        let name = format!("ends-{}", uuid::Uuid::new_v4().simple());
        let url = Through::Nothing.url(&server.clone().application_name(&name)).with_statement_cache(statement_cache);
        let db = connect_lazy(&url, 1);
        for _ in 0..3 {
            wake::notify(&db).await.unwrap();
            let end = "select count(*) filter (where pg_terminate_backend(pid, 5000)) from pg_stat_activity where application_name = $1";
            let ended: i64 = sqlx::query_scalar(end).bind(&name).fetch_one(&other).await.unwrap();
            assert_eq!(ended, 1);
        }
    }
}
