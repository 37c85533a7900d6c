//! Clients that upload and run tasks of the same names at the same time.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::ended_trials;
use crate::stack::{Stack, eventually, hello, program};

/// Copies of the example task under these names.
fn copies(names: impl IntoIterator<Item = String>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let copied = Command::new("cp").arg("-r").arg(hello()).arg(folder.path().join(name)).status().unwrap();
        assert!(copied.success());
    }
    folder
}

/// Starts `oddish run --json` on a folder.
fn run(stack: &Stack, tasks: &Path, arguments: &[&str]) -> Child {
    Command::new(program("oddish"))
        .args(["run", tasks.to_str().unwrap(), "--json", "--quiet"])
        .args(arguments)
        .env("ODDISH_API_URL", stack.url())
        .env_remove("ODDISH_API_KEY")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What it printed, when it has ended without a fault.
async fn printed(child: Child) -> Value {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn two_clients_with_the_same_new_tasks_each_run_all_of_them() {
    const TASKS: usize = 12;
    let mut stack = Stack::new().await;
    stack.start_api(&["--no-workers"]).await;
    let tasks = copies((0..TASKS).map(|number| format!("t{number}")));
    let clients = ["a", "b"].map(|name| run(&stack, tasks.path(), &["-a", "nop", "--background", "-E", name]));
    for client in clients {
        let submitted = printed(client).await;
        assert_eq!(submitted["tasks"].as_array().unwrap().len(), TASKS, "{submitted}");
        let experiment = submitted["experiment_id"].as_str().unwrap();
        let listed = stack.get(&format!("/tasks?experiment_id={experiment}")).await;
        let totals: Vec<&Value> = listed.as_array().unwrap().iter().map(|task| &task["total"]).collect();
        assert_eq!(totals, [1; TASKS]);
    }
}

#[tokio::test]
async fn a_run_is_watched_to_its_end_while_somebody_else_runs_the_next_version() {
    let mut stack = Stack::new().await;
    stack.start_api(&["--no-workers"]).await;
    let tasks = copies(["w1", "w2"].map(String::from));
    let watched = run(&stack, tasks.path(), &["-a", "oracle", "-E", "same", "--watch"]);
    let trials = async |wanted: i64| {
        eventually("the trials", async || {
            let count: i64 =
                sqlx::query_scalar("select count(*) from oddish.trials").fetch_one(&stack.db).await.unwrap();
            (count == wanted).then_some(())
        })
        .await;
    };
    trials(2).await;
    for name in ["w1", "w2"] {
        std::fs::write(tasks.path().join(name).join("instruction.md"), "Something else.").unwrap();
    }
    let others = printed(run(&stack, tasks.path(), &["-a", "nop", "-E", "same", "--background"])).await;
    trials(4).await;
    for _ in 0..4 {
        ended_trials::end(&stack, true).await;
    }
    let ended = printed(watched).await;
    assert_eq!(ended["experiment_id"], others["experiment_id"]);
    let tasks = ended["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 2);
    for task in tasks {
        let trials = task["trials"].as_array().unwrap();
        let [trial] = &trials[..] else { panic!("not the run's own: {task}") };
        assert_eq!((&trial["agent"], &trial["task_version"]), (&"oracle".into(), &1.into()), "{trial}");
        assert_eq!((&trial["status"], &trial["reward"]), (&"success".into(), &1.0.into()), "{trial}");
    }
}
