//! Environment variables of agents, from the command line to the sandbox and nowhere else.

use serde_json::json;

use crate::stack::{Stack, eventually, hello};

const SECRET: &str = "hush-4711-hush";

/// The server that takes the sweep is gone when the trial runs: the secret that it made lasts.
#[tokio::test]
async fn an_agent_gets_its_variables_and_nothing_else_keeps_them() {
    let mut stack = Stack::new().await;
    let task = stack.folder().join("hello");
    let copied = std::process::Command::new("cp").arg("-r").arg(hello()).arg(&task).status().unwrap();
    assert!(copied.success());
    let solution = "#!/bin/bash\necho \"length ${#GREETING}, value $GREETING\"\necho \"[$PLAIN] [$REFERENCE] $OUTPUT_FILE $API_TOKEN\"\n\
                    echo '{\"schema_version\": \"ATIF-v1.5\", \"agent\": {}, \"verifier_result\": \"verifier_result\"}' > /logs/agent/trajectory.json\n\
                    echo hello > /app/hello.txt\n";
    std::fs::write(task.join("solution/solve.sh"), solution).unwrap();

    let first = stack.start_api(&["--no-workers"]).await;
    let secret = format!("GREETING={SECRET}");
    let settings = ["PLAIN= a  $HOME\t'\"\\ ", "REFERENCE=${HOME:-x}", "OUTPUT_FILE=result.json", "PHASE=verifier"];
    let mut arguments = vec!["-a", "oracle", "--secret-agent-env", &secret, "--ae", "API_TOKEN=verifier_result"];
    arguments.extend(settings.iter().flat_map(|setting| ["--ae", setting]));
    let task_id = stack.submit(&task, &arguments).remove(0);
    let stored: String =
        sqlx::query_scalar("select string_agg(t::text, ' ') from oddish.trials t").fetch_one(&stack.db).await.unwrap();
    assert!(stored.contains("GREETING") && !stored.contains(SECRET), "{stored}");
    stack.terminate(first);

    let second = stack.start_api(&[]).await;
    let completed = stack.completed(&task_id).await;
    assert_eq!(completed["trials"][0]["reward"], json!(1.0), "{completed}");
    let tree = stack.storage().join(format!("tasks/{task_id}/trials/{task_id}-0/attempt-1"));
    let said = std::fs::read_to_string(tree.join("agent/oracle.txt")).unwrap();
    let plain = "[ a  $HOME\t'\"\\ ] [${HOME:-x}] result.json [REDACTED]";
    assert_eq!(said, format!("length 14, value [redacted]\n{plain}\n"), "settings arrive as they are, and stay");
    assert!(tree.join("redactions.json").is_file());
    let json =
        |name: &str| -> serde_json::Value { serde_json::from_slice(&std::fs::read(tree.join(name)).unwrap()).unwrap() };
    assert_eq!(json("result.json")["verifier_result"]["rewards"], json!({"reward": 1.0}), "a key is no secret");
    assert_eq!(json("agent/trajectory.json")["verifier_result"], "[REDACTED]", "a value is");
    // The runner is gone then, and its scratch folder, where Harbor's configuration was.
    stack.terminate(second);
    // Everything of this Oddish is below its folder: artifacts, live logs, the server's log and home, the jobs' folder.
    for entry in walkdir::WalkDir::new(stack.folder()).into_iter().map(Result::unwrap) {
        if entry.file_type().is_file() {
            let content = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
            assert!(!content.contains(SECRET), "it is in {}", entry.path().display());
        }
    }
}

const ONE: &str = "one-secret-of-at-least-32-characters";
const ANOTHER: &str = "another-secret-of-32-characters-or-more";

#[tokio::test]
async fn a_server_with_another_secret_does_not_start() {
    let mut stack = Stack::new().await;
    let first = stack.start_api(&["--no-workers"]).await;
    let task_id = stack.submit(&hello(), &["-a", "oracle", "--secret-agent-env", "GREETING=hush-4711"]).remove(0);
    stack.set("ODDISH_SECRET_KEY", ONE);
    for program in [&["api", "--port", "0"][..], &["worker"]] {
        let error = stack.refusal(program).await;
        let file = stack.folder().join("home/secret-key");
        assert!(error.contains("this one is from ODDISH_SECRET_KEY on "), "{error}");
        assert!(
            error.contains(&format!("is from {} on ", file.display())) && error.contains("secret replace"),
            "{error}"
        );
        assert!(!error.contains(ONE), "{error}");
    }
    let known: Vec<u8> =
        sqlx::query_scalar("select fingerprint from oddish.secret_fingerprint").fetch_one(&stack.db).await.unwrap();
    assert_eq!(known.len(), 16);

    stack.terminate(first);
    let asked = stack.server(&["secret", "replace"]);
    assert_eq!(asked.status.code(), Some(1), "nobody is there to be asked");
    assert!(String::from_utf8_lossy(&asked.stderr).contains("--yes"), "{asked:?}");
    let replaced = stack.server(&["secret", "replace", "--yes"]);
    let said = String::from_utf8_lossy(&replaced.stderr).into_owned();
    assert!(replaced.status.success() && said.contains("1 trial that has not ended needs the old one"), "{said}");
    let again = stack.server(&["secret", "replace", "--yes"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing to replace"), "{again:?}");

    // The trial's variables are lost, as was said; nothing else is.
    stack.start_api(&[]).await;
    let completed = stack.completed(&task_id).await;
    assert_eq!(completed["trials"][0]["error_type"], "AgentEnvUnreadable", "{completed}");
    stack.set("ODDISH_SECRET_KEY", "");
    let error = stack.refusal(&["worker"]).await;
    assert!(
        error.contains("that one was first used on ") && error.contains("is from ODDISH_SECRET_KEY on "),
        "{error}"
    );
}

#[tokio::test]
async fn of_two_first_servers_with_two_secrets_one_starts() {
    let mut stack = Stack::new().await;
    for secret in [ONE, ANOTHER] {
        stack.set("ODDISH_SECRET_KEY", secret);
        stack.start(&["api", "--port", "0", "--no-workers"]);
    }
    let log = eventually("both to start or not", async || {
        let log = stack.logged();
        (log.contains("error: ") && log.contains("Oddish listens on ")).then_some(log)
    })
    .await;
    assert_eq!(log.matches("is used with another secret").count(), 1, "{log}");
    assert_eq!(log.matches("Oddish listens on ").count(), 1, "{log}");
}

#[tokio::test]
async fn a_start_that_changes_limits_says_so() {
    let mut stack = Stack::new().await;
    stack.start_api(&["--no-workers", "--n-concurrent", r#"{"openai/gpt-5.2": 2}"#]).await;
    assert!(!stack.logged().contains("the limit of trials at once"), "{}", stack.logged());
    stack.start_api(&["--no-workers", "--n-concurrent", r#"{"openai/gpt-5.2": 5}"#]).await;
    let log = stack.logged();
    assert!(log.contains("is 5 from now on") && log.contains("before this start it was 2"), "{log}");
}
