//! Environment variables of agents, from the command line to the sandbox and nowhere else.

use serde_json::json;

use crate::stack::{Stack, hello};

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
