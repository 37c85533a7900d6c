//! Watches of experiments, by the changes of their trials.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer};

use crate::answers::{
    Script, accepting_server, error_answer, experiment, experiments, json_answer, on, take_sweeps_after, take_uploads,
    task_status, tasks, trial,
};
use crate::binary::oddish_at;
use crate::watching::{ended, failed, running};

/// An answer of the list of changes.
fn changed(trials: &[Value], next: &str, complete: bool, total: usize) -> wiremock::ResponseTemplate {
    json_answer(&json!({
        "items": trials, "next_cursor": null, "limit": 1000, "total": total, "changes": { "next": next, "complete": complete }
    }))
}

fn of(name: &str, changes: Value) -> Value {
    trial(&format!("{name}-00000001"), 0, changes)
}

/// The list of changes after a cursor.
async fn on_changes(server: &MockServer, cursor: &str, answers: Vec<wiremock::ResponseTemplate>) {
    Mock::given(method("GET"))
        .and(path("/trials"))
        .and(query_param("experiment_id", "9f8e7d6c"))
        .and(query_param("changed_after", cursor))
        .respond_with(Script::new(answers))
        .mount(server)
        .await;
}

#[tokio::test]
async fn several_tasks_are_watched_by_the_changes_of_their_experiment() {
    let server = accepting_server().await;
    let task = |name: &str, changes: Value| task_status(&format!("{name}-00000001"), &[of(name, changes)], json!({}));
    let first = [of("a", running("starting")), of("stranger", json!({}))];
    on_changes(&server, "0", vec![changed(&first, "1", false, 3)]).await;
    on_changes(&server, "1", vec![changed(&[of("b", json!({}))], "2", true, 3)]).await;
    let ends = [of("a", ended(1.0)), of("b", ended(0.5))];
    on_changes(&server, "2", vec![changed(&[], "2", true, 3), changed(&ends, "3", true, 3)]).await;
    on(&server, "GET", "/tasks", json_answer(&json!([task("a", ended(1.0)), task("b", ended(0.5))]))).await;
    let folder = tasks(&["a", "b"]);
    let outcome = oddish_at(&server, &["run", folder.path().to_str().unwrap(), "-a", "oracle"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
Submitting 2 tasks to http://server
a-00000001-0: starting
b-00000001-0: queued
a-00000001-0: success, reward 1
b-00000001-0: success, reward 0.50

"#]]
    );
    let results = outcome.stdout.split_once("\n\n").unwrap().1.to_owned();
    assert_data_eq!(
        results,
        str![[r#"
Trial         Agent   Model    Status   Reward
a-00000001-0  oracle  default  success       1
b-00000001-0  oracle  default  success    0.50

2 trials | 2 succeeded | 0 failed | mean reward 0.75 (over 2 with a reward)

Experiment  9f8e7d6c (swift-otter-x1y2)

oracle, default
Figure          Value    95 % interval  Of                   
reward            0.625              -  1 task (few tasks)
cost in USD        0.50              -  2 of 2 attempts known
tokens read     unknown              -  0 of 2 attempts known
from cache      unknown              -  0 of 2 attempts known
tokens written  unknown              -  0 of 2 attempts known
seconds         unknown              -  0 of 2 attempts known

2 of 2 trials are graded (100.0 %)

"#]]
    );
}

#[tokio::test]
async fn trials_that_were_deleted_are_read_away() {
    let server = MockServer::start().await;
    let all = [of("a", ended(1.0)), of("b", json!({}))];
    on_changes(&server, "0", vec![changed(&all, "1", true, 2), changed(&all[..1], "1", true, 1)]).await;
    on_changes(&server, "1", vec![changed(&[], "1", true, 1)]).await;
    on_experiment(&server, 0).await;
    on(&server, "GET", "/tasks", json_answer(&json!([task_status("a", &all[..1], json!({}))]))).await;
    let outcome = oddish_at(&server, &["watch", "-e", "9f8e7d6c"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(outcome.stdout.contains("1 trial | 1 succeeded"), "{outcome:#?}");
}

#[tokio::test]
async fn a_cursor_that_the_server_does_not_know_begins_anew() {
    let server = MockServer::start().await;
    let (begun, done) = ([of("a", json!({}))], [of("a", ended(1.0))]);
    on_changes(&server, "0", vec![changed(&begun, "9", true, 1), changed(&done, "1", true, 1)]).await;
    on_changes(&server, "9", vec![error_answer(422, &json!("changed_after is not a cursor of this server"))]).await;
    on_experiment(&server, 0).await;
    on(&server, "GET", "/tasks", json_answer(&json!([task_status("a", &done, json!({}))]))).await;
    let outcome = oddish_at(&server, &["watch", "-e", "9f8e7d6c"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
}

#[tokio::test]
async fn an_experiment_is_watched_until_its_tasks_are_judged() {
    let server = MockServer::start().await;
    let done = [of("a", failed("no space left"))];
    let task = |status: &str| json_answer(&json!([task_status("a", &done, json!({ "status": status }))]));
    on_changes(&server, "0", vec![changed(&done, "1", true, 1)]).await;
    on_changes(&server, "1", vec![changed(&[], "1", true, 1)]).await;
    on_experiment(&server, 1).await;
    on(&server, "GET", "/tasks", Script::new([task("analyzing"), task("analyzing"), task("completed")])).await;
    let outcome = oddish_at(&server, &["watch", "-e", "swift-otter-x1y2", "--json"]).await;
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    assert_eq!(outcome.json()["tasks"][0]["status"], "completed");
}

/// The experiment, with so many tasks that are judged.
async fn on_experiment(server: &MockServer, judged: usize) {
    let known = experiment("9f8e7d6c", "swift-otter-x1y2", json!({ "analysis_tasks": judged }));
    on(server, "GET", "/experiments", json_answer(&experiments(&json!([known])))).await;
    on(server, "GET", "/experiments/9f8e7d6c", json_answer(&known)).await;
}

#[tokio::test]
async fn a_server_without_changes_and_an_experiment_without_trials_are_told() {
    let server = MockServer::start().await;
    on_experiment(&server, 0).await;
    let old = json!({ "items": [], "next_cursor": null, "limit": 1000, "total": 0 });
    let none = json_answer(&json!({ "items": [], "total": 0, "changes": { "next": "1", "complete": true } }));
    on_changes(&server, "0", vec![json_answer(&old), none]).await;
    let outcome = oddish_at(&server, &["watch", "-e", "9f8e7d6c"]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.contains("older than this `oddish`"), "{outcome:#?}");
    let outcome = oddish_at(&server, &["watch", "-e", "9f8e7d6c"]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.contains("no tasks found for experiment 9f8e7d6c"), "{outcome:#?}");
}

#[tokio::test]
async fn many_trials_are_summed_up() {
    let server = MockServer::start().await;
    let state = |index: usize| match index {
        0..30 => failed("no space left"),
        _ => ended(1.0),
    };
    let all: Vec<Value> = (0..3000).map(|index| trial("a-00000001", index, state(index))).collect();
    on_changes(&server, "0", vec![changed(&all[..1000], "1", false, 3000)]).await;
    on_changes(&server, "1", vec![changed(&all[1000..2000], "2", false, 3000)]).await;
    on_changes(&server, "2", vec![changed(&all[2000..], "3", true, 3000)]).await;
    on_changes(&server, "3", vec![changed(&[], "3", true, 3000)]).await;
    on_experiment(&server, 0).await;
    let outcome = oddish_at(&server, &["watch", "-e", "9f8e7d6c"]).await;
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    assert!(outcome.stderr.lines().count() < 10, "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Agent   Model        Ended  Running  Waiting  Failed  Reward  Cost
oracle  default  3000/3000        -        -      30    1.00     -

3000 trials | 2970 succeeded | 30 failed | mean reward 1.00 (over 2970 with a reward)

a-00000001-0: no space left
a-00000001-1: no space left
a-00000001-2: no space left
a-00000001-3: no space left
a-00000001-4: no space left
a-00000001-5: no space left
a-00000001-6: no space left
a-00000001-7: no space left
a-00000001-8: no space left
a-00000001-9: no space left
a-00000001-10: no space left
a-00000001-11: no space left
a-00000001-12: no space left
a-00000001-13: no space left
a-00000001-14: no space left
a-00000001-15: no space left
a-00000001-16: no space left
a-00000001-17: no space left
a-00000001-18: no space left
a-00000001-19: no space left
... and 10 more failed

"#]]
    );
}

#[tokio::test]
async fn several_tasks_with_older_trials_are_watched_by_the_trials_of_the_run() {
    let server = MockServer::start().await;
    take_uploads(&server).await;
    take_sweeps_after(&server, 1).await;
    let id = |name: &str| format!("{name}-00000001");
    let older = |name: &str| trial(&id(name), 0, json!({ "status": "failed", "error_message": "old" }));
    let mine = |name: &str, changes: Value| trial(&id(name), 1, changes);
    // Analysed still: that is not the run's concern.
    let task = |name: &str| {
        let trials = [older(name), mine(name, ended(1.0))];
        task_status(&id(name), &trials, json!({ "status": "analyzing" }))
    };
    let all = [older("a"), older("b"), mine("a", running("starting")), mine("b", ended(1.0))];
    on_changes(&server, "0", vec![changed(&all, "1", true, 4)]).await;
    on_changes(&server, "1", vec![changed(&[mine("a", ended(1.0))], "2", true, 4)]).await;
    on(&server, "GET", "/tasks", json_answer(&json!([task("a"), task("b")]))).await;
    let folder = tasks(&["a", "b"]);
    let outcome = oddish_at(&server, &["run", folder.path().to_str().unwrap(), "-a", "oracle"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(outcome.stderr.contains("a-00000001-1: starting\n"), "{outcome:#?}");
    assert!(!outcome.stderr.contains("old"), "{outcome:#?}");
    assert!(outcome.stdout.contains("2 trials | 2 succeeded | 0 failed"), "{outcome:#?}");
}
