//! Nothing of a trial stays in Docker, where Harbor's own clean-up fails or Docker is away.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use serde_json::json;

use crate::stack::{Stack, containers, eventually, tasks};

/// Puts a script in the place of `docker` for all that is started from now on: it runs `before`, and then the real one.
fn docker_after(stack: &mut Stack, before: &str) -> PathBuf {
    let folder = stack.folder().join("bin");
    fs::create_dir(&folder).unwrap();
    let found = Command::new("sh").args(["-c", "command -v docker"]).output().unwrap();
    let docker = String::from_utf8(found.stdout).unwrap();
    let script = format!("#!/bin/sh\nfolder={}\n{before}\nexec {} \"$@\"\n", folder.display(), docker.trim());
    fs::write(folder.join("docker"), script).unwrap();
    fs::set_permissions(folder.join("docker"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    stack.set("PATH", &format!("{}:{path}", folder.display()));
    // The script speaks to the test by files outside of the attempt's folder, to which a confined Harbor does not get.
    stack.set("ODDISH_CONFINEMENT", "off");
    folder
}

/// Networks, volumes and images whose names begin as the task's trials do.
fn others(task_id: &str) -> Vec<String> {
    let mut found = Vec::new();
    for listing in [
        ["network", "ls", "--format={{.Name}}"],
        ["volume", "ls", "--format={{.Name}}"],
        ["image", "ls", "--format={{.Repository}}"],
    ] {
        let output = Command::new("docker").args(listing).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        found.extend(text.lines().filter(|name| name.starts_with(task_id)).map(str::to_owned));
    }
    found
}

/// Harbor stops in the middle of taking the sandbox down, and what it had begun comes to nothing.
#[tokio::test]
async fn a_stop_while_harbor_takes_the_sandbox_down_leaves_nothing() {
    let mut stack = Stack::new().await;
    let harbors_own = "case \"$*\" in *'--rmi local'*) touch \"$folder/began\"; sleep 2; exit 1;; esac";
    let folder = docker_after(&mut stack, harbors_own);
    let server = stack.start_api(&[]).await;
    let task_id = stack.submit(&tasks().join("live"), &["-a", "oracle"]).remove(0);
    eventually("Harbor to take the sandbox down", async || folder.join("began").exists().then_some(())).await;
    assert_eq!(containers(&task_id).len(), 1);
    stack.terminate(server);
    assert_eq!((containers(&task_id), others(&task_id)), (Vec::new(), Vec::new()));
}

/// Nothing can be removed while Docker is away, and nothing is forgotten.
#[tokio::test]
async fn what_stayed_while_docker_was_away_goes_when_a_server_starts() {
    let mut stack = Stack::new().await;
    let away = "if [ -e \"$folder/away\" ]; then echo 'Cannot connect to the Docker daemon' >&2; exit 1; fi";
    let folder = docker_after(&mut stack, away);
    let server = stack.start_api(&[]).await;
    let task_id = stack.submit(&tasks().join("live"), &["-a", "oracle"]).remove(0);
    stack.stage(&task_id, "agent_running").await;
    fs::write(folder.join("away"), "").unwrap();
    kill(stack.runners().await[0], Signal::SIGKILL).unwrap();
    eventually("the attempt to be closed", async || (stack.outcomes(&task_id).await[0] == "lost").then_some(())).await;
    stack.post("/tasks/cancel", &json!({"task_ids": [task_id]})).await;
    stack.terminate(server);
    assert_eq!(containers(&task_id).len(), 1, "nothing could remove it");

    fs::remove_file(folder.join("away")).unwrap();
    // A server of another database knows nothing of it.
    let mut stranger = Stack::new().await;
    stranger.start_api(&[]).await;
    let foreign = stranger.submit(&tasks().join("live"), &["-a", "oracle"]).remove(0);
    stranger.completed(&foreign).await;
    assert_eq!(containers(&task_id).len(), 1, "it is none of the other server's");

    stack.start_api(&[]).await;
    eventually("the container to go", async || containers(&task_id).is_empty().then_some(())).await;
    eventually("the rest to go", async || others(&task_id).is_empty().then_some(())).await;
}
