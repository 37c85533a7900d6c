//! `oddish queues`, `experiments`, `keys`, `open` and `doctor` against a server that runs.

use std::process::Output;

use serde_json::Value;

use crate::ended_trials;
use crate::stack::{Stack, hello, program};

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

/// Runs the command line with this key.
fn with_key(stack: &Stack, key: &str, arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(program("oddish"));
    command.args(arguments).env("ODDISH_API_URL", stack.url()).env("ODDISH_API_KEY", key).output().unwrap()
}

#[tokio::test]
async fn a_queue_key_is_made_limited_paused_and_resumed() {
    let mut stack = Stack::new().await;
    stack.start_api(&["--no-workers"]).await;
    let unknown = stack.oddish(&["queues", "pause", "GPT-5.2"]);
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("oddish queues limit KEY N"), "{unknown:?}");

    let made = json(&stack.oddish(&["queues", "limit", "GPT-5.2", "3", "--json"]));
    assert_eq!((&made["queue_key"], &made["concurrency_limit"]), (&"openai/gpt-5.2".into(), &3.into()));
    let paused = json(&stack.oddish(&["queues", "pause", "openai/gpt-5.2", "--reason", "over budget", "--json"]));
    assert_eq!(paused["paused"]["reason"], "over budget");
    let table = stdout(&stack.oddish(&["queues"]));
    assert!(table.contains("openai/gpt-5.2") && table.contains("paused by user: over budget"), "{table}");
    let resumed = json(&stack.oddish(&["queues", "resume", "openai/gpt-5.2", "--json"]));
    assert_eq!((&resumed["paused"], &resumed["concurrency_limit"]), (&Value::Null, &3.into()));
    assert_eq!(json(&stack.oddish(&["queues", "list", "--json"])), stack.get("/queues").await);

    let https = stack.url().replace("http://", "https://");
    let refused = stack.oddish(&["queues", "--api", &https]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && told.contains(&format!("{https} speaks http\n")), "{told}");
}

#[tokio::test]
async fn an_experiment_is_listed_shown_renamed_and_shared() {
    let mut stack = Stack::new().await;
    stack.start_api(&["--no-workers"]).await;
    let task = stack.submit(&hello(), &["-a", "oracle", "-E", "first try"]).remove(0);
    ended_trials::end(&stack, true).await;

    let listed = json(&stack.oddish(&["experiments", "list", "--query", "first", "--json"]));
    let [experiment] = &listed["experiments"].as_array().unwrap()[..] else { panic!("not one: {listed}") };
    assert_eq!((&listed["total"], &experiment["name"]), (&1.into(), &"first try".into()));
    let id = experiment["id"].as_str().unwrap();
    let mut shown = json(&stack.oddish(&["experiments", "show", "first try", "--json"]));
    // A list has none.
    shown.as_object_mut().unwrap().remove("data_version").unwrap();
    assert_eq!(shown, *experiment);
    assert_eq!(json(&stack.oddish(&["experiments", "list", "--status", "active", "--json"]))["total"], 0);

    let renamed = stdout(&stack.oddish(&["experiments", "rename", "first try", " second try "]));
    assert_eq!(renamed, format!("Experiment {id} is called second try\n"));
    let shared = json(&stack.oddish(&["experiments", "publish", "second try", "--json"]));
    assert_eq!((&shared["id"], &shared["is_public"]), (&id.into(), &true.into()));
    let again = json(&stack.oddish(&["experiments", "publish", id, "--json"]));
    assert_eq!(again, shared, "one that is shared keeps its token");
    let public = shared["public_url"].as_str().unwrap().strip_prefix(stack.url()).unwrap().to_owned();
    assert_eq!(stack.get(&public).await[0]["id"], task.as_str());
    let hidden = json(&stack.oddish(&["experiments", "unpublish", id, "--json"]));
    assert_eq!((&hidden["is_public"], &hidden["public_token"]), (&false.into(), &Value::Null));
    assert_eq!(stack.status(&public, None).await, 404);

    let unknown = stack.oddish(&["experiments", "show", "first try"]);
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("Experiment first try not found"), "{unknown:?}");

    let opened = json(&stack.oddish(&["open", &task, "--print", "--json"]));
    assert_eq!((&opened["kind"], &opened["url"]), (&"task".into(), &format!("{}/tasks/{task}", stack.url()).into()));
    let opened = json(&stack.oddish(&["open", "second try", "--print", "--json"]));
    assert_eq!((&opened["kind"], &opened["id"]), (&"experiment".into(), &id.into()));
    let nothing = stack.oddish(&["open", "nothing", "--print"]);
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
}

#[tokio::test]
async fn keys_are_made_listed_revoked_and_told_by_the_doctor() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_AUTH", "api-key");
    stack.start_api(&["--no-workers"]).await;
    let none = stack.oddish(&["keys"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    assert!(String::from_utf8_lossy(&none.stderr).contains("set ODDISH_API_KEY"), "{none:?}");

    let full = stdout(&stack.server(&["keys", "create", "--name", "operator", "--owner", "alice"]));
    let full = full.trim_end();
    let created =
        with_key(&stack, full, &["keys", "create", "--name", "ci", "--scope", "tasks", "--expires-in-days", "9"]);
    let key = stdout(&created);
    let key = key.trim_end();
    assert!(key.starts_with("ok_") && key.len() == 35, "nothing but the key: {created:?}");
    assert!(!String::from_utf8_lossy(&created.stderr).contains(key), "{created:?}");
    let listed = json(&with_key(&stack, full, &["keys", "list", "--json"]));
    let of_ci = listed.as_array().unwrap().iter().find(|key| key["name"] == "ci").unwrap();
    assert_eq!((&of_ci["owner"], &of_ci["scope"]), (&"alice".into(), &"tasks".into()), "{of_ci}");
    assert!(of_ci["expires_at"].is_string() && !listed.to_string().contains(key), "{listed}");

    let of_key = |key: &str| {
        let output = with_key(&stack, key, &["doctor", "--json"]);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = found["checks"].as_array().unwrap();
        let state = |name: &str| checks.iter().find(|check| check["check"] == name).cloned().unwrap_or_default();
        for check in ["server", "version", "Harbor", "schema"] {
            assert!(state(check)["state"] == "ok" || state("key")["state"] == "missing", "{found}");
        }
        (state("key")["state"].as_str().unwrap().to_owned(), state("key")["found"].as_str().unwrap().to_owned())
    };
    let (state, found) = of_key(full);
    assert!(state == "ok" && found.contains("scope full; operator of alice, does not expire"), "{state}: {found}");
    let (state, found) = of_key(key);
    assert!(state == "ok" && found.ends_with("scope tasks"), "{state}: {found}");
    let read = stdout(&with_key(&stack, full, &["keys", "create", "--name", "reader", "--scope", "read"]));
    assert_eq!(of_key(read.trim_end()).0, "warning");

    let refused = with_key(&stack, key, &["queues", "limit", "x", "1"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Required: full, got: tasks"), "{refused:?}");
    let id = of_ci["id"].as_str().unwrap();
    let revoked = json(&with_key(&stack, full, &["keys", "revoke", id, "--json"]));
    assert_eq!((&revoked["status"], &revoked["key_id"]), (&"revoked".into(), &id.into()));
    let table = stdout(&with_key(&stack, full, &["keys"]));
    assert!(table.lines().any(|line| line.starts_with(id) && line.contains("revoked")), "{table}");
    assert_eq!(of_key("ok_00000000000000000000000000000000").0, "missing");
    assert_eq!(with_key(&stack, full, &["keys", "revoke", "00000000"]).status.code(), Some(1));
}
