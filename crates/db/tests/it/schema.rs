//! Migrations: which databases they accept, and that they leave a user's own tables alone.

use std::time::Duration;

use oddish_db::PgPool;
use oddish_db::schema::{self, MigrateError};

use crate::scene::Scene;

/// Longer than Postgres takes to end a session.
const PATIENCE: Duration = Duration::from_secs(20);

#[sqlx::test(migrations = false)]
async fn a_users_own_tables_and_migrations_are_left_alone(pool: PgPool) {
    let own =
        "create table tasks (x int); create table _sqlx_migrations (version bigint); insert into tasks values (1)";
    sqlx::raw_sql(own).execute(&pool).await.unwrap();
    assert!(schema::status(&pool).await.unwrap().iter().all(|migration| !migration.applied));
    schema::migrate(&pool).await.unwrap();
    schema::migrate(&pool).await.unwrap();
    assert!(schema::status(&pool).await.unwrap().iter().all(|migration| migration.applied));
    let scene = Scene::new(pool);
    scene.task(1, "a/one").await;
    schema::purge(&scene.pool).await.unwrap();
    assert_eq!(scene.count("select count(*) from oddish.tasks").await, 0);
    assert!(
        schema::status(&scene.pool).await.unwrap().iter().all(|migration| migration.applied),
        "purge keeps the record"
    );
    scene.task(1, "a/one").await;
    schema::reset(&scene.pool).await.unwrap();
    assert_eq!(scene.count("select count(*) from oddish.trials").await, 0);
    assert_eq!(scene.count("select count(*) from public.tasks").await, 1);
    assert_eq!(scene.count("select count(*) from public._sqlx_migrations").await, 0);
}

#[sqlx::test(migrations = false)]
async fn servers_that_start_at_once_migrate_once(pool: PgPool) {
    let (first, second) = tokio::join!(schema::migrate(&pool), schema::migrate(&pool));
    first.unwrap();
    second.unwrap();
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_database_from_before_the_baseline_is_refused_until_it_is_reset(pool: PgPool) {
    sqlx::raw_sql("update oddish.schema_migrations set description = 'initial'").execute(&pool).await.unwrap();
    let error = schema::migrate(&pool).await.unwrap_err();
    assert!(matches!(&error, MigrateError::BeforeBaseline { found } if found == "initial"), "{error:?}");
    assert!(error.to_string().contains("run `oddish-server db reset`, which deletes everything"), "{error}");
    let status = schema::status(&pool).await.unwrap();
    let old = status.iter().find(|migration| migration.description == "initial").unwrap();
    assert!(old.applied && !old.known, "{status:?}");
    assert!(status.iter().all(|migration| migration.known != migration.applied), "{status:?}");

    schema::reset(&pool).await.unwrap();
    schema::migrate(&pool).await.unwrap();
    assert!(schema::status(&pool).await.unwrap().iter().all(|migration| migration.applied));
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_refusal_leaves_no_lock_behind(pool: PgPool) {
    sqlx::raw_sql("update oddish.schema_migrations set success = false").execute(&pool).await.unwrap();
    let error = schema::migrate(&pool).await.unwrap_err();
    assert!(matches!(error, MigrateError::Migrate(sqlx::migrate::MigrateError::Dirty(1))), "{error:?}");
    let scene = Scene::new(pool);
    let locks = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
        where d.datname = current_database() and l.locktype = 'advisory'";
    let released = async {
        while scene.count(locks).await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, released).await.expect("a connection in the pool keeps the migrator's lock");
}

/// Records a migration that this build does not have.
async fn record(pool: &PgPool, version: i64, description: &str, success: bool) {
    let insert = "insert into oddish.schema_migrations (version, description, success, checksum, execution_time)
        values ($1, $2, $3, '', 0)";
    sqlx::query(insert).bind(version).bind(description).bind(success).execute(pool).await.unwrap();
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn migrations_of_a_newer_version_are_accepted(pool: PgPool) {
    for (version, description) in [(9000, "more columns"), (9001, "without breaking anything")] {
        record(&pool, version, description, true).await;
        schema::migrate(&pool).await.unwrap();
    }
    let status = schema::status(&pool).await.unwrap();
    let newer: Vec<(i64, bool)> =
        status.iter().filter(|one| !one.known).map(|one| (one.version, one.applied)).collect();
    assert_eq!(newer, [(9000, true), (9001, true)]);
    assert_eq!(status.len(), schema::MIGRATOR.iter().count() + 2, "its own are in the list too");
    assert!(status.is_sorted_by_key(|migration| migration.version), "{status:?}");
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_migration_that_breaks_older_programs_is_refused_by_them(pool: PgPool) {
    for (version, description) in [(9000, "breaking slots"), (9001, "breaking jobs"), (9002, "more columns")] {
        record(&pool, version, description, true).await;
    }
    for _ in 0..2 {
        let refused = tokio::time::timeout(PATIENCE, schema::migrate(&pool)).await.expect("the first left its lock");
        let error = refused.unwrap_err();
        let MigrateError::Breaking { version, description } = &error else { panic!("{error:?}") };
        assert_eq!(
            (*version, &**description),
            (9001, "breaking jobs"),
            "the newest one decides which version is needed"
        );
        let text = error.to_string();
        assert!(
            text.contains("9001 (`breaking jobs`)") && text.contains("deploy the version that brought it"),
            "{text}"
        );
    }
    sqlx::raw_sql("delete from oddish.schema_migrations where version in (9000, 9001)").execute(&pool).await.unwrap();
    schema::migrate(&pool).await.unwrap();
}

#[sqlx::test(migrator = "oddish_db::schema::MIGRATOR")]
async fn a_migration_that_did_not_end_is_refused(pool: PgPool) {
    record(&pool, 9000, "more columns", false).await;
    let error = schema::migrate(&pool).await.unwrap_err();
    assert!(matches!(error, MigrateError::Migrate(sqlx::migrate::MigrateError::Dirty(9000))), "{error:?}");
}
