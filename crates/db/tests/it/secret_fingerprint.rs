//! Programs agree on one secret.

use oddish_db::{Db, secret_fingerprint};
use oddish_test_support::scene::{NOW, Scene};
use oddish_test_support::with_database;

#[with_database]
async fn the_first_is_on_record_until_it_is_replaced(db: Db) {
    let first = secret_fingerprint::agree(&db, &[1; 16], "the first", NOW).await.unwrap();
    assert_eq!((first.fingerprint.as_slice(), first.source.as_str(), first.set_at), (&[1; 16][..], "the first", NOW));
    assert_eq!(secret_fingerprint::agree(&db, &[2; 16], "the second", NOW).await.unwrap(), first);
    secret_fingerprint::replace(&db, &[2; 16], "the second", NOW).await.unwrap();
    let now = secret_fingerprint::agree(&db, &[1; 16], "the first", NOW).await.unwrap();
    assert_eq!((now.fingerprint.as_slice(), now.source.as_str()), (&[2; 16][..], "the second"));
}

/// Whoever comes while another is about to put its secret on record waits for that one, and gets it.
#[with_database]
async fn of_two_that_come_first_at_once_both_get_the_same(db: Db) {
    let scene = Scene::new(db);
    let mut first = scene.db.begin().await.unwrap();
    sqlx::query("insert into oddish.secret_fingerprint (fingerprint, source, set_at) values ($1, 'the first', $2)")
        .bind(vec![1_u8; 16])
        .bind(NOW)
        .execute(&mut first)
        .await
        .unwrap();
    let other = scene.db.clone();
    let second =
        tokio::spawn(async move { secret_fingerprint::agree(&other, &[2; 16], "the second", NOW).await.unwrap() });
    scene.until_waiting_for_locks(1).await;
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap().source, "the first");
}
