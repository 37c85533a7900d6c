//! What still runs and belongs to a folder: processes whose command line or environment names it, containers that mount it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::process::ask;
use crate::setup::Toolbox;

const PATIENCE: Duration = Duration::from_secs(30);
/// A process that was told to end may need a moment.
const GRACE: Duration = Duration::from_secs(5);

/// Fails if something is left, after removing it.
pub(crate) fn clear(toolbox: &Toolbox, folder: &Path) -> Result<()> {
    let deadline = Instant::now() + GRACE;
    let mut processes = processes(folder);
    while !processes.is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
        processes = self::processes(folder);
    }
    for (id, _) in &processes {
        // Gone meanwhile is as good.
        let _ = kill(*id, Signal::SIGKILL);
    }
    let containers = containers(toolbox, folder)?;
    for container in &containers {
        container.remove(toolbox)?;
    }
    if processes.is_empty() && containers.is_empty() {
        return Ok(());
    }
    let processes = processes.into_iter().map(|(id, command)| format!("process {id}: {command}"));
    let containers = containers.into_iter().map(|container| format!("container {}", container.name));
    let left: Vec<String> = processes.chain(containers).collect();
    bail!("these were left running and had to be removed:\n    {}", left.join("\n    "));
}

/// Tells the runners to give their trials back, and waits until they are gone, no longer than `limit`.
pub(crate) fn stop_runners(folder: &Path, limit: Duration) {
    let deadline = Instant::now() + limit;
    let runners = || processes(folder).into_iter().filter(|(_, command)| command.trim().ends_with("/oddish-runner"));
    for (id, _) in runners() {
        // Gone meanwhile is as good.
        let _ = kill(id, Signal::SIGTERM);
    }
    while runners().next().is_some() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
}

struct Container {
    id: String,
    name: String,
    /// Its Compose project, empty if it has none.
    project: String,
}

impl Container {
    fn remove(&self, toolbox: &Toolbox) -> Result<()> {
        docker(toolbox, &["rm", "--force", "--volumes", &self.id])?;
        if !self.project.is_empty() {
            let down = ["compose", "-p", &self.project, "down", "--remove-orphans", "--volumes", "--rmi", "local"];
            docker(toolbox, &down)?;
        }
        Ok(())
    }
}

fn processes(folder: &Path) -> Vec<(Pid, String)> {
    let folder = folder.to_string_lossy();
    let listed = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = listed.filter_map(|entry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        let text = |name: &str| {
            let bytes = std::fs::read(entry.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let command = text("cmdline");
        let belongs = command.contains(&*folder) || text("environ").contains(&*folder);
        belongs.then(|| (Pid::from_raw(id), command))
    });
    processes.collect()
}

/// The containers, running or not, that mount something below `folder`.
fn containers(toolbox: &Toolbox, folder: &Path) -> Result<Vec<Container>> {
    let folder = folder.to_string_lossy();
    let ids = docker(toolbox, &["ps", "--all", "--quiet", "--no-trunc"])?;
    let mut found = Vec::new();
    for id in ids.lines() {
        // A container that went away meanwhile is no leftover.
        let Ok(description) = docker(toolbox, &["inspect", id]) else { continue };
        if description.contains(&*folder) {
            let label = "{{.Name}} {{index .Config.Labels \"com.docker.compose.project\"}}";
            let names = docker(toolbox, &["inspect", "--format", label, id])?;
            let (name, project) = names.trim_start_matches('/').split_once(' ').unwrap_or((&names, ""));
            found.push(Container { id: id.to_owned(), name: name.to_owned(), project: project.trim().to_owned() });
        }
    }
    Ok(found)
}

fn docker(toolbox: &Toolbox, arguments: &[&str]) -> Result<String> {
    ask(Command::new(&toolbox.docker).args(arguments), PATIENCE).map_err(|reason| anyhow!(reason))
}
