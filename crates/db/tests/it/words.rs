//! Words that a newer version may have written.

use oddish_db::sweeps::SweepRefused;
use oddish_db::{Db, DbError, trials};
use oddish_test_support::scene::{Scene, trial_specs};
use oddish_test_support::with_database;

#[with_database]
async fn an_unknown_word_is_told_with_its_column_and_what_was_being_done(db: Db) {
    let scene = Scene::new(db);
    let task_id = scene.task(1, "a/one").await;
    sqlx::query("update oddish.trials set error_class = 'odd'").execute(&scene.db).await.unwrap();
    let of_a_row = trials::get(&scene.db, &format!("{task_id}-0")).await.unwrap_err();
    assert_eq!(
        of_a_row.to_string(),
        "the database holds `odd` in column error_class (to read trials), which this version does not understand"
    );
    sqlx::query("alter table oddish.tasks drop constraint tasks_status_check").execute(&scene.db).await.unwrap();
    sqlx::query("update oddish.tasks set status = 'odd'").execute(&scene.db).await.unwrap();
    let of_a_checked_query = scene.append(&task_id, None, &trial_specs(1, "a/one")).await.unwrap_err();
    assert!(matches!(of_a_checked_query, SweepRefused::Db(DbError::Unknown { .. })), "{of_a_checked_query}");
    assert_eq!(
        of_a_checked_query.to_string(),
        "the database holds `odd` in column 2 (to create a sweep), which this version does not understand"
    );
}
