//! Variables of a task that steer Docker's client, which runs on the machine itself and not in the sandbox.
//!
//! Harbor gives `[environment.env]` to `docker compose` too, over its own: a search path can put a program of the task in the place of `docker`,
//! and others name files, servers and programs.

use super::fault::HostAccess;
use super::scope::is_unsure;
use crate::agent_env::is_reference;
use crate::task_toml::{COMPOSE, Sandbox, TaskFiles, Variable};

/// Beginnings of names that the client, its plugins, its loader or the programs that it starts go by.
#[rustfmt::skip]
const PREFIXES: &[&str] = &[
    "BUILDKIT_", "BUILDX_", "COMPOSE_", "DOCKER_", "DYLD_", "GCONV_", "GIT_ASKPASS", "GIT_CONFIG", "GIT_DIR", "GIT_EXEC_PATH",
    "GIT_PROXY_COMMAND", "GIT_SSH", "GIT_TEMPLATE_DIR", "GLIBC_", "LD_", "OTEL_", "SSH_ASKPASS", "SSH_AUTH_SOCK",
];
/// What of them a task may set: it says no more than what is to be built, or how.
const HARMLESS: &[&str] =
    &["BUILDKIT_PROGRESS", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME", "DOCKER_BUILDKIT", "DOCKER_DEFAULT_PLATFORM"];
/// Folders in which no task can put a program, and which a search path may have.
const SYSTEM: &[&str] = &["/bin", "/opt", "/sbin", "/usr"];

fn steers_docker(name: &str, value: &str) -> bool {
    if name == "PATH" {
        return !value.split(':').all(is_of_the_system);
    }
    !HARMLESS.contains(&name) && PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn is_of_the_system(folder: &str) -> bool {
    let below = |system: &str| folder.strip_prefix(system).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    SYSTEM.iter().any(|system| below(system)) && !folder.split('/').any(|part| part == "..")
}

/// Checks the variables that `task.toml` gives a sandbox.
pub(super) fn check(sandbox: &Sandbox) -> Vec<HostAccess> {
    let steering = sandbox.variables.iter().filter(|variable| {
        steers_docker(&variable.name, &variable.value) || is_reference(&variable.value) && is_unsure(&variable.value)
    });
    let fault = |variable: &Variable| HostAccess {
        path: "task.toml".to_owned(),
        line: Some(variable.line),
        key: format!("{}.{}", sandbox.section, variable.name),
        problem:
            "is a variable of Docker's client on the machine too, or has its value from there: set it in the Dockerfile"
                .to_owned(),
    };
    steering.map(fault).collect()
}

/// Checks the `.env` beside a Compose file, of which Compose takes its own settings and what the file's variables are.
pub(super) fn check_env_file(files: &dyn TaskFiles, sandbox: &Sandbox) -> Vec<HostAccess> {
    const MAX_BYTES: usize = 1 << 20;
    let path = format!("{}/.env", sandbox.folder);
    if !files.listing().has(&format!("{}/{COMPOSE}", sandbox.folder)) {
        return Vec::new();
    }
    let bytes = files.read(&path, MAX_BYTES).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let names = text.lines().enumerate().filter_map(|(line, text)| {
        let text = text.trim_start().strip_prefix("export ").unwrap_or(text).trim_start();
        let name = text.split(['=', ':']).next().unwrap_or_default().trim_end();
        let steers = name.starts_with("COMPOSE_") && steers_docker(name, "");
        (steers || is_unsure(text)).then_some((line + 1, name))
    });
    let fault = |(line, name): (usize, &str)| HostAccess {
        path: path.clone(),
        line: Some(line),
        key: name.to_owned(),
        problem: "steers Docker's client on the machine, or takes its value from there: leave it out".to_owned(),
    };
    names.map(fault).collect()
}
