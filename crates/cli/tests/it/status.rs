use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer};

use crate::answers::{experiment, experiments, json_answer, on, task_status, trial};
use crate::binary::{command, oddish_at};

fn hello() -> Value {
    let success = json!({ "status": "success", "reward": 1.0, "attempts": 1, "harbor_stage": "completed",
        "omitted_files": { "files": 3, "bytes": 6, "reasons": { "name_not_utf8": 2, "too_deep": 1 } } });
    let partial = json!({ "status": "success", "reward": 0.333, "attempts": 2, "agent": "claude-code", "model": "anthropic/claude-sonnet-4-5",
        "files_incomplete": true });
    let running =
        json!({ "status": "running", "harbor_stage": "verification", "attempts": 1, "agent": "任务🦀", "model": null });
    let failed = json!({ "status": "failed", "attempts": 6, "error_message": "\nAgent went away\nmore" });
    let trials = [success, partial, running, failed];
    let trials = trials.into_iter().enumerate().map(|(index, changes)| trial("hello-1a2b3c4d", index, changes));
    task_status("hello-1a2b3c4d", &trials.collect::<Vec<_>>(), json!({}))
}

#[tokio::test]
async fn a_task_with_its_trials() {
    let server = MockServer::start().await;
    on(&server, "GET", "/tasks/hello-1a2b3c4d", json_answer(&hello())).await;
    let outcome = oddish_at(&server, &["status", "hello-1a2b3c4d"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Task        hello-1a2b3c4d
Experiment  9f8e7d6c (swift-otter-x1y2)
Status      running
Progress    2/4 trials succeeded, 1 failed
Rewards     1.33/2

#  Agent        Model                        Status        Reward  Attempts
0  oracle       default                      success            1       1/6
1  claude-code  anthropic/claude-sonnet-4-5  success         0.33       2/6
2  任务🦀       -                            verification       -       1/6
3  oracle       default                      failed             -       6/6

hello-1a2b3c4d-3: Agent went away
Logs: oddish logs <trial>

hello-1a2b3c4d-0: 3 files not kept (name_not_utf8 2, too_deep 1), listed in its omitted.json
hello-1a2b3c4d-1: storing its files was stopped: some are missing

"#]]
    );
    let outcome = oddish_at(&server, &["status", "hello-1a2b3c4d", "--json"]).await;
    assert_eq!(outcome.json(), hello());
}

#[tokio::test]
async fn an_experiment_is_read_to_its_last_page() {
    let server = MockServer::start().await;
    let task = |number: usize| {
        let done = json!({ "status": "success", "reward": 1.0 });
        task_status(&format!("t{number:03}"), &[trial("t", 0, done)], json!({ "trials": null }))
    };
    let all: Vec<Value> = (0..230).map(task).collect();
    // The second page repeats one task of the first, as when a task was submitted in between.
    for (offset, page) in [(0, &all[0..100]), (100, &all[99..199]), (200, &all[199..230])] {
        Mock::given(method("GET"))
            .and(path("/tasks"))
            .and(query_param("experiment_id", "9f8e7d6c"))
            .and(query_param("limit", "100"))
            .and(query_param("offset", offset.to_string()))
            .respond_with(json_answer(&json!(page)))
            .expect(1..)
            .mount(&server)
            .await;
    }
    let outcome = oddish_at(&server, &["status", "--experiment", "9f8e7d6c", "--json"]).await;
    assert_eq!(outcome.json()["tasks"], json!(all));
    let outcome = oddish_at(&server, &["status", "--experiment", "9f8e7d6c"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(outcome.stdout.contains("230/230 tasks done"), "{}", outcome.stdout);
}

#[tokio::test]
async fn an_experiment_as_text() {
    let server = MockServer::start().await;
    let done = trial("a", 0, json!({ "status": "success", "reward": 0.5 }));
    let tasks = json!([
        task_status("a-00000001", &[done], json!({ "trials": null })),
        task_status("b-00000001", &[trial("b", 0, json!({}))], json!({ "trials": null, "status": "pending" })),
    ]);
    on(&server, "GET", "/tasks", json_answer(&tasks)).await;
    let outcome = oddish_at(&server, &["status", "-e", "9f8e7d6c"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Experiment  9f8e7d6c (swift-otter-x1y2)

Task        Status     Progress  Rewards
a-00000001  completed       1/1   0.50/1
b-00000001  pending         0/1        -

1/2 tasks done | 0 running | 1 pending | 1/2 trials succeeded, 0 failed | rewards 0.50/1

"#]]
    );
}

#[tokio::test]
async fn an_experiment_has_only_its_own_trials_of_a_task() {
    let server = MockServer::start().await;
    let of = |experiment: &str, mut changes: Value| {
        changes["experiment_id"] = json!(experiment);
        changes
    };
    let trials = [
        trial("a", 0, of("00000001", json!({ "status": "failed" }))),
        trial("a", 1, of("00000001", json!({ "status": "running" }))),
        trial("a", 2, of("9f8e7d6c", json!({ "status": "success", "reward": 1.0 }))),
        trial("a", 3, of("9f8e7d6c", json!({ "status": "success", "reward": 0.5 }))),
    ];
    let task = task_status("a", &trials, json!({ "experiment_id": "00000001", "experiment_name": "older" }));
    on(&server, "GET", "/tasks", json_answer(&json!([task]))).await;
    on(&server, "GET", "/tasks/a", json_answer(&task)).await;

    let outcome = oddish_at(&server, &["status", "-e", "9f8e7d6c"]).await;
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Experiment  9f8e7d6c

Task  Status     Progress  Rewards
a     completed       2/2   1.50/2

1/1 task done | 0 running | 0 pending | 2/2 trials succeeded, 0 failed | rewards 1.50/2

"#]]
    );
    let outcome = oddish_at(&server, &["status", "-e", "9f8e7d6c", "--json"]).await;
    let found = outcome.json();
    assert_eq!((&found["experiment_id"], &found["experiment_name"]), (&json!("9f8e7d6c"), &Value::Null));
    let found = &found["tasks"][0];
    assert_eq!(found["trials"], json!(trials[2..]));
    let counts = ["total", "completed", "failed", "progress", "reward_success", "reward_total", "reward_sum"];
    assert_eq!(
        counts.map(|name| &found[name]).to_vec(),
        [2.into(), 2.into(), 0.into(), json!("2/2 completed"), 1.into(), 2.into(), json!(1.5)]
            .iter()
            .collect::<Vec<&Value>>()
    );

    let whole = oddish_at(&server, &["status", "a", "--json"]).await;
    assert_eq!(whole.json(), task);
}

#[tokio::test]
async fn the_newest_experiments() {
    let server = MockServer::start().await;
    let items = json!([
        experiment("00000002", "second", json!({ "completed_trials": 0, "failed_trials": 0, "reward_total": 0 })),
        experiment("9f8e7d6c", "swift-otter-x1y2", json!({})),
    ]);
    Mock::given(method("GET"))
        .and(path("/experiments"))
        .and(query_param("limit", "20"))
        .respond_with(json_answer(&experiments(&items)))
        .mount(&server)
        .await;
    let outcome = oddish_at(&server, &["status"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Experiment  Name              Tasks  Progress  Failed  Rewards
00000002    second                2       0/5       0        -
9f8e7d6c    swift-otter-x1y2      2       4/5       1   1.50/3

"#]]
    );
    let found = oddish_at(&server, &["status", "--json"]).await.json();
    assert_eq!(found["experiments"], items);
}

#[tokio::test]
async fn as_many_experiments_are_listed_as_are_asked_for() {
    let server = MockServer::start().await;
    let all: Vec<Value> = (0..1030).map(|number| experiment(&format!("{number:08x}"), "some", json!({}))).collect();
    let page = |items: &[Value], next: Option<&str>, total: Option<usize>| {
        json_answer(&json!({ "items": items, "next_cursor": next, "limit": items.len(), "total": total }))
    };
    let on_page = |limit: &str| Mock::given(method("GET")).and(path("/experiments")).and(query_param("limit", limit));
    on_page("1000")
        .and(query_param("total", "true"))
        .respond_with(page(&all[..1000], Some("next"), Some(1030)))
        .mount(&server)
        .await;
    on_page("24")
        .and(query_param("cursor", "next"))
        .respond_with(page(&all[1000..1024], Some("more"), None))
        .mount(&server)
        .await;
    let outcome = oddish_at(&server, &["status", "--limit", "1024"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(outcome.stdout.lines().count(), 1025);
    assert_eq!(outcome.stderr, "1024 of 1030 experiments are shown; `--limit 1030` shows all.\n");

    on_page("1000")
        .and(query_param("cursor", "next"))
        .respond_with(page(&all[1000..], None, None))
        .mount(&server)
        .await;
    let found = oddish_at(&server, &["status", "--limit", "2000", "--json"]).await.json();
    assert_eq!((found["experiments"].as_array().unwrap().len(), &found["total"]), (1030, &json!(1030)));
}

#[tokio::test]
async fn a_reader_that_went_away_is_no_error() {
    let server = MockServer::start().await;
    on(&server, "GET", "/tasks/x", json_answer(&hello())).await;
    let mut command = command(&["status", "x", "--api", &server.uri()]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
