//! How connections are made.

use std::time::{Duration, Instant};

use oddish_db::{DatabaseSettings, DatabaseUrl, Db, connect_lazy, wake};
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

fn settings(pairs: &[(&str, &str)]) -> (DatabaseSettings, bool) {
    let owned = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let settings = Settings::from_map(owned.collect());
    let mut reader = settings.reader();
    let read = DatabaseSettings::read(&mut reader);
    (read, reader.finish().is_ok())
}

#[test]
fn the_driver_suffix_is_dropped_and_the_password_not_shown() {
    let url: DatabaseUrl = "postgresql+asyncpg://oddish:hush@db.example:5433/evals".parse().unwrap();
    assert_eq!(url.text(), "postgresql://oddish:hush@db.example:5433/evals");
    assert_eq!(format!("{url:?}"), "DatabaseUrl(db.example:5433/evals)");
}

#[test]
fn database_url_goes_before_the_prefixed_one() {
    let (read, ok) =
        settings(&[("ODDISH_DATABASE_URL", "postgres://a/second"), ("DATABASE_URL", "postgres://a/first")]);
    assert!(ok);
    assert_eq!(read.url.unwrap().place(), "a:5432/first");
    let (read, _) = settings(&[("ODDISH_DATABASE_URL", "postgres://a/second"), ("DATABASE_URL", "")]);
    assert_eq!(read.url.unwrap().place(), "a:5432/second");
}

#[test]
fn what_is_no_url_of_a_postgres_is_a_fault() {
    for wrong in ["mysql://a/b", "nonsense", "postgresql://u:12/sh@host/db", "postgresql://h/d?sslmode=perhaps"] {
        assert!(!settings(&[("DATABASE_URL", wrong)]).1, "{wrong}");
    }
}

#[tokio::test]
async fn an_ipv6_address_has_brackets_in_urls_and_in_what_is_shown() {
    let url: DatabaseUrl = "postgresql://u:p@[::1]:5433/db".parse().unwrap();
    assert_eq!(url.place(), "[::1]:5433/db");
    assert_eq!(connect_lazy(&url, 1).direct_options().get_host(), "::1");
}

/// The whole text of what is said where no connection comes about, and how long that took.
async fn refusal(url: &str) -> (String, Duration) {
    let begun = Instant::now();
    let error = oddish_db::connect(&url.parse().unwrap(), 2).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    (format!("{error}: {cause}"), begun.elapsed())
}

#[tokio::test]
async fn a_refused_connection_is_told_at_once_with_its_cause() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (text, elapsed) = refusal(&format!("postgresql://u:hush@127.0.0.1:{port}/db")).await;
    assert!(text.contains(&format!("127.0.0.1:{port}/db: nothing listens there")), "{text}");
    assert!(text.contains("Connection refused") && text.contains("DATABASE_URL") && !text.contains("hush"), "{text}");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[tokio::test]
async fn a_host_that_is_not_known_is_told_at_once() {
    let (text, elapsed) = refusal("postgresql://u:hush@nowhere.invalid/db").await;
    assert!(text.contains("nowhere.invalid:5432/db") && text.contains("lookup") && !text.contains("hush"), "{text}");
    assert!(elapsed < Duration::from_secs(9), "{elapsed:?}");
}

#[tokio::test]
async fn what_the_server_refuses_is_told_in_its_words_with_what_to_do() {
    let options: PgConnectOptions = database_url().parse().unwrap();
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let known = database_url();
    let (user, _) = known.split_once('@').unwrap();
    let (text, _) = refusal(&format!("{user}@{place}/no-such-database")).await;
    assert!(
        text.contains("no database of this name") && text.contains("\"no-such-database\" does not exist"),
        "{text}"
    );
    let (text, elapsed) = refusal(&format!("postgresql://{}:hush@{place}/oddish", options.get_username())).await;
    assert!(text.contains("refuses the user or the password") && text.contains("%2F"), "{text}");
    assert!(text.contains("password authentication failed") && !text.contains("hush"), "{text}");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

/// It says no word, as a host behind a firewall.
#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for_for_ever() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (text, elapsed) = refusal(&format!("postgresql://u:p@{}/db", listener.local_addr().unwrap())).await;
    assert!(text.contains("no answer") && elapsed < Duration::from_secs(20), "{elapsed:?} {text}");
}
