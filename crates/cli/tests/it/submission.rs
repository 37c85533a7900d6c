use serde_json::json;
use snapbox::{assert_data_eq, str};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request};

use crate::answers::{accepting_server, announced_name, error_answer, sweeps, take_sweeps, take_uploads, tasks};
use crate::binary::oddish_at;

#[tokio::test]
async fn one_task_in_the_background() {
    let server = accepting_server().await;
    let folder = tasks(&["hello"]);
    let hello = folder.path().join("hello");
    let outcome = oddish_at(&server, &["run", hello.to_str().unwrap(), "-a", "oracle", "--n-trials", "2", "-b"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
Submitting 1 task to http://server

"#]]
    );
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Task submitted!
Task        hello-00000001
Trials      2
Providers   default 2
Experiment  9f8e7d6c (swift-otter-x1y2)
Watch       oddish watch hello-00000001

"#]]
    );
    let sweeps = sweeps(&server).await;
    assert_eq!(sweeps.len(), 1);
    assert_eq!(sweeps[0]["task_id"], "hello-00000001");
    assert_eq!(sweeps[0]["configs"], json!([{ "agent": "oracle", "n_trials": 2 }]));
    assert_eq!(sweeps[0]["user"], "tester");
    assert_eq!(sweeps[0]["experiment_id"].as_str().unwrap().split('-').count(), 3, "a generated name: {sweeps:?}");
}

#[tokio::test]
async fn json_is_the_only_thing_on_stdout() {
    let server = accepting_server().await;
    let folder = tasks(&["a", "b"]);
    let outcome = oddish_at(&server, &["run", folder.path().to_str().unwrap(), "-a", "nop", "--json"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let task = |id: &str, name: &str| json!({ "id": id, "name": name, "trials_count": 1, "url": format!("http://server/tasks/{id}"), "public_url": null });
    let expected = json!({
        "experiment": "swift-otter-x1y2",
        "experiment_id": "9f8e7d6c",
        "experiment_url": "http://server/tasks?experiment_id=9f8e7d6c",
        "public_experiment_url": null,
        "total_trials": 2,
        "tasks": [task("a-00000001", "a"), task("b-00000001", "b")],
        "not_submitted": []
    });
    assert_eq!(outcome.json(), expected);
}

#[tokio::test]
async fn the_first_sweep_makes_the_experiment_and_the_others_name_it_by_id() {
    let server = accepting_server().await;
    let folder = tasks(&["a", "b", "c", "d", "e", "f"]);
    let path = folder.path().to_str().unwrap();
    let outcome = oddish_at(&server, &["run", path, "-a", "nop", "-b", "-E", "mine", "-x", "f"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let named: Vec<_> = sweeps(&server).await.iter().map(|sweep| sweep["experiment_id"].clone()).collect();
    assert_eq!(named, ["mine", "9f8e7d6c", "9f8e7d6c", "9f8e7d6c", "9f8e7d6c"]);
    assert!(outcome.stdout.contains("oddish watch --experiment 9f8e7d6c"), "{outcome:#?}");
}

#[tokio::test]
async fn two_tasks_of_one_name_are_refused_before_anything_is_sent() {
    let server = accepting_server().await;
    let folder = tasks(&["a/solve-it", "b/solve-it"]);
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let outcome = oddish_at(&server, &["run", &a, &b, "-a", "nop", "-b"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    let stderr = outcome.stderr.replace(folder.path().canonicalize().unwrap().to_str().unwrap(), "/w");
    assert_data_eq!(
        stderr,
        str![[r#"
error: 2 tasks are called solve-it: /w/a/solve-it, /w/b/solve-it
hint: name them by their path, a/b as a-b, with --task-names path

"#]]
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 0);

    let outcome = oddish_at(&server, &["run", &a, &b, "-a", "nop", "--json", "--task-names", "path"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let named: Vec<_> = outcome.json()["tasks"].as_array().unwrap().iter().map(|task| task["name"].clone()).collect();
    assert_eq!(named, ["a-solve-it", "b-solve-it"]);
}

#[tokio::test]
async fn one_bad_task_does_not_keep_the_others_back() {
    let server = MockServer::start().await;
    take_sweeps(&server).await;
    Mock::given(method("POST"))
        .and(path("/tasks/upload/complete"))
        .and(|request: &Request| announced_name(request) == "refused")
        .respond_with(error_answer(400, &json!("Invalid tarball: links not allowed")))
        .mount(&server)
        .await;
    take_uploads(&server).await;
    let folder = tasks(&["good", "invalid", "refused", "well"]);
    std::fs::remove_file(folder.path().join("invalid/instruction.md")).unwrap();
    std::fs::remove_file(folder.path().join("invalid/tests/test.sh")).unwrap();

    let outcome = oddish_at(&server, &["run", folder.path().to_str().unwrap(), "-a", "nop", "--json"]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    let found = outcome.json();
    assert_eq!(
        found["tasks"].as_array().unwrap().iter().map(|task| &task["name"]).collect::<Vec<_>>(),
        ["good", "well"]
    );
    let absent: Vec<_> = found["not_submitted"].as_array().unwrap().iter().map(|task| &task["name"]).collect();
    assert_eq!(absent, ["invalid", "refused"]);
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
Submitting 3 tasks to http://server
error: invalid: instruction.md is missing: add it
error: invalid: tests/test.sh is missing: add a script that writes the reward
error: refused: cannot upload: Invalid tarball: links not allowed
error: 2 of 4 tasks were not submitted

"#]]
    );
}

#[tokio::test]
async fn a_directory_that_cannot_be_a_task_does_not_keep_the_others_back() {
    use std::os::unix::ffi::OsStrExt as _;
    let server = accepting_server().await;
    let folder = tasks(&["good", "od\nd", "well"]);
    std::fs::rename(folder.path().join("well"), folder.path().join(std::ffi::OsStr::from_bytes(b"w\xe9ll"))).unwrap();
    let outcome = oddish_at(&server, &["run", folder.path().to_str().unwrap(), "-a", "nop", "--json"]).await;
    assert_eq!(outcome.code, 1, "as for a task that fails its check: {outcome:#?}");
    assert_eq!(outcome.json()["tasks"][0]["name"], "good");
    assert_eq!(outcome.json()["not_submitted"].as_array().unwrap().len(), 2);
    let stderr = outcome.stderr.replace(folder.path().canonicalize().unwrap().to_str().unwrap(), "/w");
    assert_data_eq!(
        stderr,
        str![[r#"
Submitting 1 task to http://server
error: /w/od d: its name has control characters: rename the directory to run it
error: /w/w�ll: its name is not UTF-8: rename the directory to run it
error: 2 of 3 tasks were not submitted

"#]]
    );
}

#[tokio::test]
async fn nothing_valid_sends_nothing() {
    let server = accepting_server().await;
    let folder = tasks(&["broken"]);
    std::fs::write(folder.path().join("broken/task.toml"), "[agent\n").unwrap();
    let outcome = oddish_at(&server, &["run", folder.path().to_str().unwrap(), "-a", "nop", "--json"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert!(outcome.stderr.starts_with("error: broken: task.toml, line 1"), "{outcome:#?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_missing_agent_time_out_is_told_unless_one_is_given() {
    let server = accepting_server().await;
    let folder = tasks(&["open"]);
    std::fs::write(folder.path().join("open/task.toml"), "").unwrap();
    let path = folder.path().to_str().unwrap();
    let outcome = oddish_at(&server, &["run", path, "-a", "nop", "-b"]).await;
    assert!(outcome.stderr.starts_with("warning: open: [agent].timeout_sec is not set"), "{outcome:#?}");
    let outcome = oddish_at(&server, &["run", path, "-a", "nop", "-b", "--timeout-minutes", "5"]).await;
    assert!(!outcome.stderr.contains("warning"), "{outcome:#?}");
    assert_eq!(sweeps(&server).await[1]["timeout_minutes"], 5.0);
}

#[tokio::test]
async fn a_folder_without_tasks_says_what_a_task_is() {
    let server = accepting_server().await;
    let folder = tempfile::tempdir().unwrap();
    let outcome = oddish_at(&server, &["run", folder.path().to_str().unwrap(), "-a", "nop"]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.contains("no task found in") && outcome.stderr.contains("task.toml"), "{outcome:#?}");
}
