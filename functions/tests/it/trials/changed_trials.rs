//! `GET /trials?changed_after=`.

use std::collections::BTreeSet;

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::experiments::built::{experiment, graded, task, trials};
use crate::shapes;

const ID: &str = "0000000a";

/// The ids of what changed since a cursor, in pages of `limit`, and the cursor that comes next.
async fn changed(api: &Api, cursor: &str, limit: usize) -> (Vec<String>, String) {
    let (mut ids, mut cursor) = (Vec::new(), cursor.to_owned());
    loop {
        let answer = api.get(&format!("/trials?experiment_id={ID}&changed_after={cursor}&limit={limit}")).await.json();
        let items = answer["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        ids.extend(items.iter().map(|trial| trial["id"].as_str().unwrap().to_owned()));
        answer["changes"]["next"].as_str().unwrap().clone_into(&mut cursor);
        if answer["changes"]["complete"] == true {
            return (ids, cursor);
        }
        assert_eq!(items.len(), limit, "more to come behind a page that is not full");
    }
}

async fn submitted(api: &Api, number: usize) -> String {
    experiment(&api.db, ID).await;
    let id = task(&api.db, ID, "one", 'a').await;
    trials(&api.db, ID, &id, ("codex", Some("m")), &vec![json!({}); number]).await;
    id
}

const CANCEL: &str = "update oddish.trials set cancel_requested_at = now() where id = $1";

#[with_database]
async fn each_change_is_told_once(db: Db) {
    let api = Api::new(db);
    let id = submitted(&api, 7).await;
    let (all, cursor) = changed(&api, "0", 3).await;
    assert_eq!(all.iter().cloned().collect::<BTreeSet<_>>().len(), 7, "each once: {all:?}");
    assert_eq!(changed(&api, &cursor, 3).await.0, [""; 0]);

    let two = [format!("{id}-4"), format!("{id}-1")];
    for trial in &two {
        sqlx::query(CANCEL).bind(trial).execute(&api.db).await.unwrap();
    }
    let (seen, cursor) = changed(&api, &cursor, 100).await;
    assert_eq!(seen, two, "in the order of the changes");
    trials(&api.db, ID, &id, ("codex", Some("m")), &[graded(1.0)]).await;
    let (seen, cursor) = changed(&api, &cursor, 100).await;
    assert_eq!(seen, [format!("{id}-7")]);

    sqlx::query("delete from oddish.trials where id = $1").bind(&two[0]).execute(&api.db).await.unwrap();
    let path = format!("/trials?experiment_id={ID}&changed_after={cursor}&limit=1&total=true");
    let answer = shapes::of("ListTrialsResponse", &api.get(&path).await);
    assert_eq!((&answer["items"], &answer["total"]), (&json!([]), &json!(7)), "who knows 8 knows that one is gone");
}

#[with_database]
async fn a_transaction_that_is_open_while_others_commit_is_not_passed_over(db: Db) {
    let api = Api::new(db);
    let id = submitted(&api, 3).await;
    let (_, cursor) = changed(&api, "0", 100).await;

    let mut slow = api.db.begin().await.unwrap();
    sqlx::query(CANCEL).bind(format!("{id}-0")).execute(&mut slow).await.unwrap();
    sqlx::query(CANCEL).bind(format!("{id}-1")).execute(&api.db).await.unwrap();
    let (seen, cursor) = changed(&api, &cursor, 100).await;
    assert_eq!(seen, [format!("{id}-1")]);
    let (seen, cursor) = changed(&api, &cursor, 100).await;
    assert_eq!(seen, [""; 0], "what was told is not told again for a transaction that is open");
    slow.commit().await.unwrap();
    let (seen, cursor) = changed(&api, &cursor, 100).await;
    assert_eq!(seen, [format!("{id}-0")]);
    assert_eq!(changed(&api, &cursor, 100).await.0, [""; 0]);
}

#[with_database]
async fn what_commits_between_two_pages_is_told_next(db: Db) {
    let api = Api::new(db);
    let id = submitted(&api, 4).await;
    let mut slow = api.db.begin().await.unwrap();
    sqlx::query(CANCEL).bind(format!("{id}-0")).execute(&mut slow).await.unwrap();
    for index in 1..4 {
        sqlx::query(CANCEL).bind(format!("{id}-{index}")).execute(&api.db).await.unwrap();
    }
    let first = api.get(&format!("/trials?experiment_id={ID}&changed_after=0&limit=2")).await.json();
    assert_eq!(first["changes"]["complete"], false);
    slow.commit().await.unwrap();
    let (rest, cursor) = changed(&api, first["changes"]["next"].as_str().unwrap(), 2).await;
    let told =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|trial| trial["id"].clone()).collect::<Vec<_>>();
    assert_eq!(told(&first).len() + rest.len(), 4, "{first} {rest:?}");
    // Its new state was not on the first page, and the page on which it would stand was behind.
    assert_eq!(changed(&api, &cursor, 2).await.0, [format!("{id}-0")]);
}

#[with_database]
async fn no_writer_waits_for_the_experiment(db: Db) {
    let api = Api::new(db);
    let id = submitted(&api, 2).await;
    let mut holder = api.db.begin().await.unwrap();
    sqlx::query("select from oddish.experiments where id = $1 for no key update")
        .bind(ID)
        .execute(&mut holder)
        .await
        .unwrap();
    let mut writer = api.db.begin().await.unwrap();
    sqlx::query("set local lock_timeout = '1s'").execute(&mut writer).await.unwrap();
    sqlx::query(CANCEL).bind(format!("{id}-0")).execute(&mut writer).await.unwrap();
    writer.commit().await.unwrap();
    trials(&api.db, ID, &id, ("codex", None), &[json!({})]).await;
    assert_eq!(changed(&api, "0", 10).await.0.len(), 3);
}

#[with_database]
async fn cursors_of_another_database_begin_again(db: Db) {
    let api = Api::new(db);
    let id = submitted(&api, 2).await;
    // As rows are that came with a backup of a database that had seen more.
    sqlx::raw_sql("alter table oddish.trials disable trigger trials_note_changes; update oddish.trials set changed_in = '4611686018427387904';
        alter table oddish.trials enable trigger trials_note_changes").execute(&api.db).await.unwrap();
    let (all, cursor) = changed(&api, "0", 1).await;
    assert_eq!(all.len(), 2);
    assert_eq!(changed(&api, &cursor, 10).await.0, [""; 0]);
    sqlx::query(CANCEL).bind(format!("{id}-1")).execute(&api.db).await.unwrap();
    assert_eq!(changed(&api, &cursor, 10).await.0, [format!("{id}-1")]);

    let ahead = "4611686018427387905.4611686018427387906";
    let said = api.get(&format!("/trials?experiment_id={ID}&changed_after={ahead}")).await.error(400);
    assert!(said.contains("begin again with 0"), "{said}");
}

#[with_database]
async fn what_changes_do_not_take_is_named(db: Db) {
    let api = Api::new(db);
    submitted(&api, 1).await;
    for (query, status, word) in [
        ("changed_after=0", 422, "experiment_id"),
        ("experiment_id=0000000a&changed_after=0&status=running", 422, "status"),
        ("experiment_id=0000000a&changed_after=0&sort=reward", 422, "sort"),
        ("experiment_id=0000000a&changed_after=0&cursor=x", 422, "cursor"),
        ("experiment_id=0000000a&changed_after=0&limit=0", 422, "limit"),
        ("experiment_id=0000000a&changed_after=x", 400, "changes.next"),
        ("experiment_id=0000000a&changed_after=", 400, "changes.next"),
        ("experiment_id=0000000a&changed_after=9.1", 400, "changes.next"),
    ] {
        let said = api.get(&format!("/trials?{query}")).await.error(status);
        assert!(said.contains(word), "{query}: {said}");
    }
}
