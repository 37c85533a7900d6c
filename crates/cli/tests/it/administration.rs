//! `oddish queues`, `experiments`, `keys` and `open`: what they print. The same commands meet a real server in the server's tests.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer};

use crate::answers::{TIME, error_answer, experiment, experiments, json_answer, on, task_status};
use crate::binary::{Outcome, bounded, command, oddish_at};

fn queue(key: &str, paused: &Value) -> Value {
    json!({ "queue_key": key, "concurrency_limit": 8, "is_default": true, "running": 8, "ready": 12, "delayed": 1, "paused": paused })
}

fn key(id: &str, is_active: bool, revoked_at: Option<&str>) -> Value {
    json!({ "id": id, "name": "nightly\u{1b}[31m runs", "owner": "alice", "key_prefix": "ok_5d41402a", "scope": "tasks", "is_active": is_active,
        "expires_at": "2027-03-01T12:00:00Z", "revoked_at": revoked_at, "last_used_at": null, "created_at": TIME })
}

#[tokio::test]
async fn queue_keys_with_limits_and_pauses() {
    let server = MockServer::start().await;
    let pause = json!({ "at": TIME, "by": "user", "reason": "over\u{1b}[31m budget", "next_probe_at": null });
    let listed = json!([queue("anthropic/claude-sonnet-4-5", &pause), queue("openai/gpt-5.2", &Value::Null)]);
    on(&server, "GET", "/queues", json_answer(&listed)).await;
    for arguments in [&["queues"][..], &["queues", "list"]] {
        let outcome = oddish_at(&server, arguments).await;
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
        assert_data_eq!(
            outcome.stdout,
            str![[r#"
Queue key                    State                        Running  Limit  Ready  Delayed
anthropic/claude-sonnet-4-5  paused by user: over budget        8      8     12        1
openai/gpt-5.2               open                               8      8     12        1

"#]]
        );
    }
    assert_eq!(oddish_at(&server, &["queues", "--json"]).await.json(), listed);

    on(&server, "PATCH", "/queues/openai%2Fgpt-5.2", json_answer(&queue("openai/gpt-5.2", &Value::Null))).await;
    for (arguments, body) in [
        (&["queues", "limit", "openai/gpt-5.2", "4"][..], json!({ "concurrency_limit": 4 })),
        (&["queues", "pause", "openai/gpt-5.2"], json!({ "paused": true })),
        (&["queues", "pause", "openai/gpt-5.2", "--reason", "late"], json!({ "paused": true, "reason": "late" })),
        (&["queues", "resume", "openai/gpt-5.2"], json!({ "paused": false })),
    ] {
        let outcome = oddish_at(&server, &[arguments, &["--json"]].concat()).await;
        assert_eq!(outcome.json()["queue_key"], "openai/gpt-5.2", "{outcome:#?}");
        let requests = server.received_requests().await.unwrap();
        assert_eq!(requests.last().unwrap().body_json::<Value>().unwrap(), body);
    }
}

#[tokio::test]
async fn an_unknown_queue_key_is_told_with_what_to_do() {
    let server = MockServer::start().await;
    on(&server, "PATCH", "/queues/x", error_answer(404, &json!("Queue key x not found"))).await;
    let outcome = oddish_at(&server, &["queues", "pause", "x"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
error: cannot change x: Queue key x not found
hint: `oddish queues` lists the keys; `oddish queues limit KEY N` creates one

"#]]
    );
}

#[tokio::test]
async fn experiments_are_listed_to_the_last_page() {
    let server = MockServer::start().await;
    let of = |number: usize| experiment(&format!("{number:08x}"), "swift-otter-x1y2", json!({}));
    let all: Vec<Value> = (0..1203).map(of).collect();
    let page =
        |items: &[Value], next: Value| json!({ "items": items, "next_cursor": next, "limit": 1000, "total": 1203 });
    Mock::given(method("GET"))
        .and(path("/experiments"))
        .and(query_param_is_missing("cursor"))
        .and(query_param("status", "failed"))
        .respond_with(json_answer(&page(&all[..1000], json!("c1"))))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/experiments"))
        .and(query_param("cursor", "c1"))
        .and(query_param("status", "failed"))
        .respond_with(json_answer(&page(&all[1000..], Value::Null)))
        .mount(&server)
        .await;
    let outcome = oddish_at(&server, &["experiments", "list", "--status", "failed", "--all", "--json"]).await;
    assert_eq!(outcome.json()["experiments"], json!(all));

    let outcome = oddish_at(&server, &["experiments", "list", "--status", "failed", "-l", "2"]).await;
    assert_eq!(outcome.stderr, "2 of 1203 experiments are shown: --all shows all.\n");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Experiment  Name              Tasks  Progress  Failed  Rewards
00000000    swift-otter-x1y2      2       4/5       1   1.50/3
00000001    swift-otter-x1y2      2       4/5       1   1.50/3

"#]]
    );
}

#[tokio::test]
async fn an_experiment_is_shown_renamed_and_shared_by_its_name() {
    let server = MockServer::start().await;
    let author = json!({ "name": "ali\u{202e}ce", "source": "github" });
    let found =
        experiment("9f8e7d6c", "first try", json!({ "last_author": author, "last_pr_url": "https://x/pull/1" }));
    on(&server, "GET", "/experiments", json_answer(&experiments(&json!([found])))).await;
    on(&server, "GET", "/experiments/9f8e7d6c", json_answer(&found)).await;
    on(&server, "PATCH", "/experiments/9f8e7d6c", json_answer(&json!({ "id": "9f8e7d6c", "name": "second try" })))
        .await;
    let shared = json!({ "name": "first try", "is_public": true, "public_token": "rX0f" });
    on(&server, "POST", "/experiments/9f8e7d6c/publish", json_answer(&shared)).await;
    let hidden = json!({ "name": "first try", "is_public": false, "public_token": null });
    on(&server, "POST", "/experiments/9f8e7d6c/unpublish", json_answer(&hidden)).await;

    let told = async |arguments: &[&str]| {
        let outcome = oddish_at(&server, arguments).await;
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
        outcome.stdout
    };
    assert_data_eq!(
        told(&["experiments", "show", "first try"]).await,
        str![[r#"
Experiment   9f8e7d6c (first try)
Tasks        2
Trials       5: 3 succeeded, 1 failed, 1 not ended
Rewards      1.50/3
Cost         0.00 USD
Shared       no
Created      2026-10-20
Last active  2026-10-20
Author       alice (github)
Pull request https://x/pull/1

"#]]
    );
    assert_data_eq!(
        told(&["experiments", "rename", "first try", "second try"]).await,
        str![[r#"
Experiment 9f8e7d6c is called second try

"#]]
    );
    assert_data_eq!(
        told(&["experiments", "publish", "9f8e7d6c"]).await,
        str![[r#"
Experiment  9f8e7d6c (first try)
Shared      yes
Token       rX0f
URL         http://server/public/experiments/rX0f/tasks

"#]]
    );
    assert_data_eq!(
        told(&["experiments", "unpublish", "first try"]).await,
        str![[r#"
Experiment  9f8e7d6c (first try)
Shared      no

"#]]
    );
    let json = oddish_at(&server, &["experiments", "publish", "9f8e7d6c", "--json"]).await.json();
    let url = "http://server/public/experiments/rX0f/tasks";
    assert_eq!(
        json,
        json!({ "id": "9f8e7d6c", "name": "first try", "is_public": true, "public_token": "rX0f", "public_url": url })
    );
}

#[tokio::test]
async fn an_unknown_experiment_is_told_with_what_to_do() {
    let server = MockServer::start().await;
    on(&server, "GET", "/experiments", json_answer(&experiments(&json!([])))).await;
    let absent = error_answer(404, &json!("Experiment nope not found"));
    on(&server, "GET", "/experiments/nope", absent).await;
    let outcome = oddish_at(&server, &["experiments", "show", "nope"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
error: cannot show the experiment: Experiment nope not found
hint: `oddish experiments list` lists ids and names

"#]]
    );
}

#[tokio::test]
async fn a_key_is_shown_once_and_alone() {
    let server = MockServer::start().await;
    let mut created = key("3f9a1c07", true, None);
    created["key"] = json!("ok_5d41402abc4b2a76b9719d911017c592");
    on(&server, "POST", "/api-keys", json_answer(&created)).await;
    let arguments = ["keys", "create", "--name", "nightly runs", "--scope", "tasks", "--expires-in-days", "90"];
    let outcome = oddish_at(&server, &arguments).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "ok_5d41402abc4b2a76b9719d911017c592\n"), "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
Key 3f9a1c07 (nightly runs) of alice, scope tasks, expires on 2027-03-01. Store it now: it is not shown again.

"#]]
    );
    let sent = &server.received_requests().await.unwrap()[0];
    let wanted = json!({ "name": "nightly runs", "scope": "tasks", "expires_in_days": 90 });
    assert_eq!(sent.body_json::<Value>().unwrap(), wanted);
    assert_eq!(oddish_at(&server, &[&arguments[..], &["--json"]].concat()).await.json(), created);
}

#[tokio::test]
async fn a_key_that_could_not_be_shown_is_told_by_its_id() {
    let server = MockServer::start().await;
    let mut created = key("3f9a1c07", true, None);
    created["key"] = json!("ok_5d41402abc4b2a76b9719d911017c592");
    on(&server, "POST", "/api-keys", json_answer(&created)).await;
    for flags in [&[][..], &["--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = command(&[&["keys", "create", "--name", "x"], flags].concat());
        command.env("ODDISH_API_URL", server.uri()).stdout(writer);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let outcome = Outcome::from(output);
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        assert!(outcome.stderr.contains("error: the key 3f9a1c07 was created and could not be shown"), "{outcome:#?}");
        assert!(outcome.stderr.contains("hint: oddish keys revoke 3f9a1c07"), "{outcome:#?}");
    }
}

#[tokio::test]
async fn keys_are_listed_and_revoked() {
    let server = MockServer::start().await;
    let listed = json!([key("3f9a1c07", true, None), key("0a1b2c3d", false, Some(TIME)), key("00000001", false, None)]);
    on(&server, "GET", "/api-keys", json_answer(&listed)).await;
    let outcome = oddish_at(&server, &["keys"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Id        Key             Scope  State    Expires     Last used  Owner  Name        
3f9a1c07  ok_5d41402a...  tasks  active   2027-03-01  -          alice  nightly runs
0a1b2c3d  ok_5d41402a...  tasks  revoked  2027-03-01  -          alice  nightly runs
00000001  ok_5d41402a...  tasks  expired  2027-03-01  -          alice  nightly runs

"#]]
    );
    assert_eq!(oddish_at(&server, &["keys", "list", "--json"]).await.json(), listed);

    let revoked = json!({ "status": "revoked", "key_id": "3f9a1c07" });
    on(&server, "DELETE", "/api-keys/3f9a1c07", json_answer(&revoked)).await;
    let outcome = oddish_at(&server, &["keys", "revoke", "3f9a1c07"]).await;
    assert_eq!((outcome.code, &*outcome.stdout), (0, "Revoked key 3f9a1c07: it stops working within a minute\n"));
    on(&server, "DELETE", "/api-keys/nope", error_answer(404, &json!("API key not found"))).await;
    let outcome = oddish_at(&server, &["keys", "revoke", "nope"]).await;
    assert_eq!(outcome.code, 1);
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
error: cannot revoke nope: API key not found
hint: `oddish keys list` lists the ids

"#]]
    );
}

#[tokio::test]
async fn an_address_is_printed_and_opened() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = MockServer::start().await;
    on(&server, "GET", "/tasks/hello-1a2b3c4d", json_answer(&task_status("hello-1a2b3c4d", &[], json!({})))).await;
    on(&server, "GET", "/tasks/first try", error_answer(404, &json!("Task not found"))).await;
    on(&server, "GET", "/tasks/nope", error_answer(404, &json!("Task nope not found"))).await;
    let found = experiment("9f8e7d6c", "first try", json!({}));
    on(&server, "GET", "/experiments", json_answer(&experiments(&json!([found])))).await;
    on(&server, "GET", "/experiments/9f8e7d6c", json_answer(&found)).await;
    on(&server, "GET", "/experiments/nope", error_answer(404, &json!("Experiment nope not found"))).await;

    let folder = tempfile::tempdir().unwrap();
    let (browser, opened) = (folder.path().join("browser"), folder.path().join("opened"));
    std::fs::write(&browser, format!("#!/bin/sh\nprintf '%s' \"$*\" > {0}.new\nmv {0}.new {0}\n", opened.display()))
        .unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let open = async |arguments: &[&str]| {
        let arguments = [&["open"], arguments].concat();
        let mut command = command(&arguments);
        command.env("ODDISH_API_URL", server.uri()).env("BROWSER", &browser).env("PATH", "/usr/bin:/bin");
        Outcome::of(&arguments, bounded(tokio::process::Command::from(command).output()).await.unwrap())
    };
    let url = format!("{}/tasks/hello-1a2b3c4d", server.uri());
    let outcome = open(&["hello-1a2b3c4d", "--print"]).await;
    assert_eq!((outcome.code, outcome.stdout, outcome.stderr.as_str()), (0, format!("{url}\n"), ""));
    let outcome = open(&["hello-1a2b3c4d", "--json"]).await;
    let expected = json!({ "kind": "task", "id": "hello-1a2b3c4d", "url": url, "opened": true });
    assert_eq!(outcome.json(), expected);
    bounded(async {
        while !opened.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(std::fs::read_to_string(&opened).unwrap(), url);

    let outcome = open(&["first try", "--print", "--json"]).await.json();
    assert_eq!((&outcome["kind"], &outcome["id"]), (&json!("experiment"), &json!("9f8e7d6c")));
    let outcome = open(&["nope"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert!(outcome.stderr.contains("there is no task and no experiment nope"), "{outcome:#?}");
}
