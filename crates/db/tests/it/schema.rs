//! Migrations live beside a user's own tables.

use oddish_db::{PgPool, schema};

use crate::scene::Scene;

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
