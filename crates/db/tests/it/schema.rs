//! Migrations live beside a user's own tables.

use oddish_db::{Db, schema};
use oddish_test_support::with_database;

use crate::scene::Scene;

#[with_database(empty)]
async fn a_users_own_tables_and_migrations_are_left_alone(db: Db) {
    let own =
        "create table tasks (x int); create table _sqlx_migrations (version bigint); insert into tasks values (1)";
    sqlx::raw_sql(own).execute(&db).await.unwrap();
    assert!(schema::status(&db).await.unwrap().iter().all(|migration| !migration.applied));
    schema::migrate(&db).await.unwrap();
    schema::migrate(&db).await.unwrap();
    assert!(schema::status(&db).await.unwrap().iter().all(|migration| migration.applied));
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    schema::purge(&scene.db).await.unwrap();
    assert_eq!(scene.count("select count(*) from oddish.tasks").await, 0);
    assert!(
        schema::status(&scene.db).await.unwrap().iter().all(|migration| migration.applied),
        "purge keeps the record"
    );
    scene.task(1, "a/one").await;
    schema::reset(&scene.db).await.unwrap();
    assert_eq!(scene.count("select count(*) from oddish.trials").await, 0);
    assert_eq!(scene.count("select count(*) from public.tasks").await, 1);
    assert_eq!(scene.count("select count(*) from public._sqlx_migrations").await, 0);
}

#[with_database(empty)]
async fn servers_that_start_at_once_migrate_once(db: Db) {
    let (first, second) = tokio::join!(schema::migrate(&db), schema::migrate(&db));
    first.unwrap();
    second.unwrap();
}
