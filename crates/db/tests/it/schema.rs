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
    assert!(schema::status(&pool).await.unwrap().iter().all(|migration| !migration.applied));

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
