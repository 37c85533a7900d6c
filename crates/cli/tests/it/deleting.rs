//! `oddish delete` and `oddish clean`.

use oddish_db::Db;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::binary::Outcome;
use crate::served::Served;

async fn counts(served: &Served) -> [i64; 3] {
    let sql = "select array[(select count(*) from oddish.experiments), (select count(*) from oddish.tasks), (select count(*) from oddish.trials)]";
    let counts: Vec<i64> = sqlx::query_scalar(sql).fetch_one(&served.api.db).await.unwrap();
    counts.try_into().unwrap()
}

fn refused(outcome: &Outcome, question: &str) {
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:#?}");
    let expected = format!("error: {question} There is no terminal to ask at\nhint: answer with --yes");
    assert!(outcome.stderr.starts_with(&expected), "{outcome:#?}");
}

#[with_database]
async fn what_is_deleted_is_shown_before_by_id_and_counts(db: Db) {
    let served = Served::new(db).await;
    let alpha = served.task("alpha", Some("nightly"), 3).await;
    let beta = served.task("beta", Some("nightly"), 1).await;
    let experiment = served.api.experiment_of(&alpha).await;
    served.api.succeeded().await;
    served.api.begun().await;

    let outcome = served.oddish(&["delete", "alpha"]).await;
    let question = format!(
        "Delete task {alpha} (alpha) with 3 trials and everything that is stored of it? 2 trials have not ended; those that run stop within seconds."
    );
    refused(&outcome, &question);
    let outcome = served.oddish(&["delete", "beta-0"]).await;
    let question = format!(
        "Delete trial {beta}-0 (queued) and everything that is stored of it? 1 trial has not ended; if it runs, it stops within seconds."
    );
    refused(&outcome, &question);
    let outcome = served.oddish(&["clean", "-e", "nightly"]).await;
    let question = format!(
        "Delete experiment {experiment} (nightly) with 4 trials of 2 tasks and everything that is stored of them? 3 trials have not ended; those that run stop within seconds."
    );
    refused(&outcome, &question);
    assert_eq!(counts(&served).await, [1, 2, 4], "nothing was done");

    let (shown, code) = served.oddish_at_terminal(&["delete", "alpha"], "").await;
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("[y/N] ") && shown.ends_with("error: aborted: nothing was deleted\n"), "{shown}");
    assert_eq!(counts(&served).await, [1, 2, 4], "nothing was done");

    let outcome = served.oddish(&["delete", "beta-0", "-y"]).await;
    assert_eq!((outcome.code, outcome.stdout), (0, format!("Deleted trial {beta}-0\n")));
    let (shown, code) = served.oddish_at_terminal(&["delete", "alpha"], "yes").await;
    assert_eq!(code, 0, "{shown}");
    assert!(shown.ends_with(&format!("Deleted task {alpha} (alpha) with 3 trials\n")), "{shown}");
    assert_eq!(counts(&served).await, [1, 1, 0]);
    let outcome = served.oddish(&["delete", "-e", "nightly", "--yes", "--json"]).await;
    let deleted = json!({ "kind": "experiment", "id": experiment, "name": "nightly", "tasks": 1, "trials": 0 });
    assert_eq!(outcome.json(), json!({ "deleted": [deleted], "failed": {}, "not_tried": [] }));
    assert_eq!(counts(&served).await, [0, 0, 0]);
    let outcome = served.oddish(&["delete", "-e", "nightly", "--yes"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
}

#[with_database]
async fn clean_empties_a_server_of_experiments(db: Db) {
    let served = Served::new(db).await;
    let alpha = served.task("alpha", Some("one"), 2).await;
    served.task("beta", Some("two"), 1).await;
    served.task("gamma", Some("three"), 1).await;

    let outcome = served.oddish(&["clean", "gamma", "--yes"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    // Of a task, not of a trial.
    let outcome = served.oddish(&["clean", &format!("{alpha}-0"), "--yes"]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");

    let outcome = served.oddish(&["clean", "--all-experiments"]).await;
    let question = "Delete 3 experiments at http://server with 3 trials and everything that is stored of them? 3 trials have not ended; those that run stop within seconds.";
    refused(&outcome, question);
    let outcome = served.oddish(&["clean", "--all-experiments", "--yes"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Deleted 3 experiments with 3 trials and 2 tasks

"#]]
    );
    assert_eq!(counts(&served).await, [0, 0, 0]);
    let empty: Value = served.oddish(&["clean", "--all-experiments", "--json"]).await.json();
    assert_eq!(empty["deleted"], json!([]));
}
