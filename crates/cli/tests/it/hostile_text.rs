use serde_json::{Value, json};
use wiremock::MockServer;

use crate::answers::{
    accepting_server, error_answer, experiment, experiments, json_answer, on, task_status, tasks, trial,
};
use crate::binary::{Outcome, oddish_at};

const HOSTILE: &str = "evil\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\r\u{8}\u{7f}name";

fn assert_clean(outcome: &Outcome) {
    let steers = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(steers), "{outcome:#?}");
    }
}

fn hostile_task() -> Value {
    let changes = json!({
        "agent": HOSTILE, "model": HOSTILE, "status": "failed", "harbor_stage": HOSTILE, "error_message": HOSTILE, "id": HOSTILE,
        "experiment_id": "x"
    });
    let names = json!({ "name": HOSTILE, "experiment_name": HOSTILE, "experiment_id": HOSTILE, "id": HOSTILE });
    task_status("x", &[trial("x", 0, changes)], names)
}

#[tokio::test]
async fn of_a_server_never_steers_the_terminal() {
    let server = MockServer::start().await;
    on(&server, "GET", "/tasks/x", json_answer(&hostile_task())).await;
    on(&server, "GET", "/tasks", json_answer(&json!([hostile_task()]))).await;
    let hostile = experiments(&json!([experiment(HOSTILE, HOSTILE, json!({}))]));
    on(&server, "GET", "/experiments", json_answer(&hostile)).await;
    let changed = json!({
        "items": [hostile_task()["trials"][0]], "total": 1, "changes": { "next": HOSTILE, "complete": true }
    });
    on(&server, "GET", "/trials", json_answer(&changed)).await;
    on(&server, "GET", "/experiments/x", json_answer(&experiment("x", HOSTILE, json!({})))).await;
    on(&server, "GET", "/tasks/bad", error_answer(400, &json!(HOSTILE))).await;
    for arguments in [
        vec!["status", "x"],
        vec!["status", "x", "--watch"],
        vec!["status"],
        vec!["status", "-e", "x"],
        vec!["status", "-e", "x", "--watch"],
        vec!["status", "bad"],
        vec!["status", HOSTILE],
    ] {
        let outcome = oddish_at(&server, &arguments).await;
        assert_clean(&outcome);
        let shown = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(shown.contains("evil") && shown.contains("name"), "{arguments:?}: {outcome:#?}");
    }
}

#[tokio::test]
async fn in_json_is_escaped_and_whole() {
    let server = MockServer::start().await;
    on(&server, "GET", "/tasks/x", json_answer(&hostile_task())).await;
    let outcome = oddish_at(&server, &["status", "x", "--json"]).await;
    assert!(!outcome.stdout.contains(|c: char| c.is_control() && c != '\n'), "{outcome:#?}");
    assert_eq!(outcome.json()["name"], HOSTILE);
}

#[tokio::test]
async fn of_a_sweep_file_never_steers_the_terminal() {
    let server = accepting_server().await;
    let folder = tasks(&["hello"]);
    let file = folder.path().join("sweep.json");
    std::fs::write(&file, json!({ "agents": [{ "name": HOSTILE, HOSTILE: 1 }], HOSTILE: 1 }).to_string()).unwrap();
    let outcome = oddish_at(&server, &["run", folder.path().to_str().unwrap(), "-c", file.to_str().unwrap()]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert_clean(&outcome);
}
