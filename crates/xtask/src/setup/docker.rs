//! Docker with compose v2, which Harbor's `docker` environment calls.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::apt::{Apt, Distribution};
use crate::process::{ask, logged};
use crate::progress::step;
use crate::{interrupt, process, workspace};

const PATIENCE: Duration = Duration::from_secs(15);
const DAEMON_LOG: &str = "dockerd";

/// A client that works; installs and starts Docker where we may.
pub(super) fn ensure() -> Result<PathBuf> {
    if let Ok(docker) = working_client() {
        return Ok(docker);
    }
    let Some(distribution) = Distribution::installable() else {
        let reason = working_client().err().unwrap_or_default();
        bail!("Docker does not work here: {reason}\n{}", advice(&reason));
    };
    if clients().iter().all(|client| compose_works(client).is_err()) || daemon().is_none() {
        step("installing Docker", || install(&distribution))?;
    }
    if clients().iter().all(|client| daemon_answers(client).is_err()) {
        step("starting the Docker daemon", start_daemon)?;
    }
    working_client().map_err(|reason| anyhow::anyhow!("Docker was installed but does not work: {reason}"))
}

/// A `PATH` on which plain `docker` is `docker`. Where another client comes first, a folder with a link to ours goes in front of it,
/// and nothing else changes its place.
pub(super) fn path_with(docker: &Path) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if on_path("docker").first().is_some_and(|first| first == docker) {
        return Ok(path);
    }
    let folder = workspace::kept("tools").join("docker-first");
    workspace::create_folder(&folder)?;
    let link = folder.join("docker");
    if std::fs::read_link(&link).ok().as_deref() != Some(docker) {
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(docker, &link).with_context(|| format!("can't create {}", link.display()))?;
    }
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).context("a folder on PATH has a colon in its name")
}

/// The first client that reaches its daemon and knows compose, or why each of them doesn't.
fn working_client() -> Result<PathBuf, String> {
    let mut reasons = Vec::new();
    for client in clients() {
        match daemon_answers(&client).and_then(|()| compose_works(&client)) {
            Ok(()) => return Ok(client),
            Err(reason) => reasons.push(reason),
        }
    }
    if reasons.is_empty() {
        reasons.push("there is no docker on PATH".to_owned());
    }
    Err(reasons.join("; "))
}

fn daemon_answers(client: &Path) -> Result<(), String> {
    // Not `docker info`: with a format it succeeds without a daemon.
    ask(Command::new(client).args(["version", "--format", "{{.Server.Version}}"]), PATIENCE).map(drop)
}

fn compose_works(client: &Path) -> Result<(), String> {
    ask(Command::new(client).args(["compose", "version"]), PATIENCE).map(drop)
}

fn clients() -> Vec<PathBuf> {
    let mut clients = on_path("docker");
    let distribution = PathBuf::from("/usr/bin/docker");
    if distribution.exists() && !clients.contains(&distribution) {
        clients.push(distribution);
    }
    clients
}

fn on_path(program: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = Vec::new();
    for candidate in std::env::split_paths(&path).map(|folder| folder.join(program)) {
        if candidate.is_file() && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found
}

fn daemon() -> Option<PathBuf> {
    ["/usr/sbin/dockerd", "/usr/bin/dockerd", "/usr/local/bin/dockerd"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.is_file())
}

/// Debian 12 has neither compose v2 nor a Docker new enough for it: those come from Debian 13, except for the packages whose
/// Debian 13 builds need its newer libc.
fn install(distribution: &Distribution) -> Result<()> {
    match (distribution.id.as_str(), distribution.codename.as_str()) {
        ("ubuntu", _) => {
            Apt::of(distribution, None, "docker")?.install(&["docker.io", "docker-compose-v2", "docker-buildx"])
        }
        (_, "bookworm") => {
            let newer = Apt::of(distribution, Some("trixie"), "docker")?;
            let own = Apt::of(distribution, None, "docker")?;
            let files =
                newer.download(&["docker.io", "docker-cli", "docker-compose", "docker-buildx", "containerd"])?;
            let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            let mut packages: Vec<&str> = files.iter().map(String::as_str).collect();
            packages.extend(["runc", "tini", "iptables"]);
            own.install(&packages)
        }
        _ => Apt::of(distribution, None, "docker")?.install(&[
            "docker.io",
            "docker-cli",
            "docker-compose",
            "docker-buildx",
            "iptables",
        ]),
    }
}

fn start_daemon() -> Result<()> {
    if Path::new("/run/systemd/system").exists() {
        logged("docker", Command::new("systemctl").args(["start", "docker"]))?;
    } else {
        let log = workspace::log(DAEMON_LOG)?;
        let output = process::append_to(&log)?;
        let daemon = daemon().context("docker.io was installed but there is no dockerd")?;
        // A session of its own, so that the daemon outlives this task and its terminal.
        let mut command = Command::new("setsid");
        command.arg("--fork").arg(daemon).args([
            "--storage-driver=overlay2",
            "--exec-opt",
            "native.cgroupdriver=cgroupfs",
        ]);
        process::spawn(command.stdout(output.try_clone()?).stderr(output))?.wait()?;
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while clients().iter().all(|client| daemon_answers(client).is_err()) {
        interrupt::check()?;
        if Instant::now() > deadline {
            bail!("the Docker daemon did not answer within 30 s; {}", process::tail(&workspace::log(DAEMON_LOG)?, 0));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// The exact next step for a person without root, by what went wrong.
fn advice(reason: &str) -> String {
    let installed = daemon().is_some();
    let command = if reason.contains("permission denied") {
        "sudo usermod -aG docker \"$USER\"   (then log in again)"
    } else if cfg!(target_os = "macos") {
        "brew install --cask docker && open -a Docker"
    } else if installed && clients().iter().any(|client| compose_works(client).is_ok()) {
        "sudo systemctl start docker"
    } else {
        match Distribution::of_machine() {
            Some(Distribution { id, .. }) if id == "ubuntu" => "sudo apt-get install docker.io docker-compose-v2",
            Some(Distribution { codename, .. }) if codename != "bookworm" => {
                "sudo apt-get install docker.io docker-cli docker-compose"
            }
            _ => "curl -fsSL https://get.docker.com | sudo sh",
        }
    };
    format!("Run this, then try again:\n    {command}")
}
