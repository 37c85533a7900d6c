//! Ids, names and beginnings of ids, as all commands take them.

use oddish_db::Db;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::served::Served;

/// What `cancel --dry-run` takes a text for: the kind and the id.
async fn meant(served: &Served, arguments: &[&str]) -> (String, String) {
    let outcome = served.oddish(&[&["cancel", "--dry-run", "--json"], arguments].concat()).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{arguments:?}: {outcome:#?}");
    let target = outcome.json()["target"].clone();
    (target["kind"].as_str().unwrap().to_owned(), target["id"].as_str().unwrap().to_owned())
}

fn task(id: &str) -> (String, String) {
    ("task".to_owned(), id.to_owned())
}

fn trial(id: &str) -> (String, String) {
    ("trial".to_owned(), id.to_owned())
}

fn experiment(id: &str) -> (String, String) {
    ("experiment".to_owned(), id.to_owned())
}

#[with_database]
async fn an_id_a_name_and_the_beginning_of_an_id_name_a_task_or_a_trial(db: Db) {
    let served = Served::new(db).await;
    let alpha = served.task("alpha one", None, 1).await;
    let beta = served.task("beta", None, 12).await;
    for text in [&*alpha, "alpha one", "alp", &alpha[..alpha.len() - 2]] {
        assert_eq!(meant(&served, &[text]).await, task(&alpha), "{text}");
    }
    for text in [&*format!("{beta}-0"), "beta-0"] {
        assert_eq!(meant(&served, &[text]).await, trial(&format!("{beta}-0")), "{text}");
    }
    // `-1` is the beginning of `-10` and `-11` too, and an id all the same.
    assert_eq!(meant(&served, &[&format!("{beta}-1")]).await, trial(&format!("{beta}-1")));
    // No task's id begins so, and one trial's.
    assert_eq!(meant(&served, &[&format!("{alpha}-")]).await, trial(&format!("{alpha}-0")));
}

#[with_database]
async fn an_id_wins_over_a_name(db: Db) {
    let served = Served::new(db).await;
    let one = served.task("one", Some("first"), 1).await;
    let one = served.api.experiment_of(&one).await;
    let other = served.task("other", Some("second"), 1).await;
    let other = served.api.experiment_of(&other).await;
    // The other one has the id of the first as its name, and is newer.
    served.rename(&other, &one).await;
    assert_eq!(meant(&served, &["--experiment", &one]).await, experiment(&one));
    // A name that is the beginning of an id is the name.
    served.rename(&other, &one[..4]).await;
    assert_eq!(meant(&served, &["--experiment", &one[..4]]).await, experiment(&other));
    assert_eq!(meant(&served, &["--experiment", "first"]).await, experiment(&one));
    assert_eq!(meant(&served, &["--experiment", &one[..5]]).await, experiment(&one));
}

#[with_database]
async fn several_hits_are_listed_with_what_tells_them_apart(db: Db) {
    let served = Served::new(db).await;
    let mut ids = Vec::new();
    for (name, trials) in [("a-task", 1), ("a-tent", 2)] {
        let task = served.task(name, None, trials).await;
        let experiment = served.api.experiment_of(&task).await;
        served.rename(&experiment, "nightly").await;
        ids.push((task, experiment));
    }
    let outcome = served.oddish(&["results", "nightly"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines[0], "error: 2 experiments have the name nightly:");
    assert!(lines[1].starts_with(&format!("  {}  nightly, 1 task, 2 trials, created 2", ids[1].1)), "{lines:#?}");
    assert!(lines[2].starts_with(&format!("  {}  nightly, 1 task, 1 trial, created 2", ids[0].1)), "{lines:#?}");
    assert_eq!(lines[3..], ["hint: name the experiment by its id, or by more of it"]);

    let outcome = served.oddish(&["delete", "a-te", "--yes"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let again = served.task("a-tent", None, 12).await;
    let outcome = served.oddish(&["delete", "a-", "--yes"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert!(outcome.stderr.starts_with("error: the ids of 2 tasks begin with a-:\n  a-te"), "{outcome:#?}");
    // More than an error lists.
    let outcome = served.oddish(&["cancel", &format!("{again}-"), "--yes"]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.starts_with("error: the ids of more than 10 trials begin with"), "{outcome:#?}");
    assert_eq!(
        outcome.stderr.lines().filter(|line| line.contains("oracle, default, queued")).count(),
        10,
        "{outcome:#?}"
    );
}

#[with_database]
async fn what_is_not_there_is_said_with_the_command_that_lists(db: Db) {
    let served = Served::new(db).await;
    served.task("alpha", None, 1).await;
    for (arguments, expected) in [
        (vec!["cancel", "nope", "--yes"], "error: there is no task or trial nope\nhint: `oddish status` lists"),
        (vec!["delete", "..", "--yes"], "error: there is no task or trial ..\nhint: `oddish status` lists"),
        (vec!["clean", "nope", "--yes"], "error: there is no task nope\nhint: `oddish status` lists"),
        (vec!["retry", "-e", "nope"], "error: there is no experiment nope\nhint: `oddish status` lists"),
        (vec!["results", "nope"], "error: there is no experiment nope\nhint: `oddish status` lists"),
        (vec!["status", "nope"], "error: there is no task nope\nhint: "),
        (vec!["status", "-e", "nope"], "error: no tasks found for experiment nope\nhint: `oddish status` lists"),
        (vec!["logs", "a", "--task", "nope"], "error: there is no task nope\nhint: `oddish status` lists"),
    ] {
        let outcome = served.oddish(&arguments).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{arguments:?}: {outcome:#?}");
        assert!(outcome.stderr.starts_with(expected), "{arguments:?}: {outcome:#?}");
    }
}

#[with_database]
async fn reading_commands_take_names_too(db: Db) {
    let served = Served::new(db).await;
    let alpha = served.task("alpha", Some("nightly"), 1).await;
    let experiment = served.api.experiment_of(&alpha).await;
    for text in ["nightly", &experiment[..5]] {
        let status = served.oddish(&["status", "--experiment", text, "--json"]).await.json();
        assert_eq!(
            (&status["experiment_id"], &status["tasks"][0]["id"]),
            (&json!(experiment), &json!(alpha)),
            "{text}"
        );
        let results = served.oddish(&["results", text, "--json"]).await.json();
        assert_eq!(results["experiment_id"], json!(experiment), "{text}");
        let compared = served.oddish(&["compare", text, text, "--json"]).await.json();
        assert_eq!(compared["right"]["experiment_id"], json!(experiment), "{text}");
    }
    for text in ["alpha", "al"] {
        let status: Value = served.oddish(&["status", text, "--json"]).await.json();
        assert_eq!(status["id"], json!(alpha), "{text}");
    }
}
