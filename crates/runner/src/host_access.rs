//! Whether a trial asks for access to this machine, by what Compose makes of its sandboxes here, where all variables are known.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use oddish_artifacts::archive::TaskFolder;
use oddish_db::attempts::Assignment;
use oddish_domain::agent_env::{AgentEnv, reference};
use oddish_domain::environment::DEFAULT_ENVIRONMENT;
use oddish_domain::harbor_settings::HarborSettings;
use oddish_domain::host_access::{
    HostAccessRefused, HostArgument, MergedSandbox, check_arguments, check_merged, check_task,
};
use oddish_domain::task_toml::{COMPOSE, Sandbox, TaskFiles as _, sandboxes};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::attempt::compose_project;

/// How long Compose may take to read a few files.
const LIMIT: Duration = Duration::from_mins(1);

/// Harbor's own file, as far as it matters here: it comes before the task's, which changes it.
const BASE: &str = "services:\n  main:\n    build:\n      context: ${CONTEXT_DIR}\n";

/// Folders that Harbor shares with a sandbox under these names. Their real places don't matter, as long as no other path is one of them.
const HARBORS: [(&str, &str, &str); 3] = [
    ("VERIFIER_LOGS", "/oddish-shares/verifier", "/logs/verifier"),
    ("AGENT_LOGS", "/oddish-shares/agent", "/logs/agent"),
    ("ARTIFACTS", "/oddish-shares/artifacts", "/logs/artifacts"),
];

/// Why a trial is not run.
#[derive(Debug, thiserror::Error)]
pub enum HostAccessError {
    /// Its task asks for access to this machine.
    #[error(transparent)]
    Refused(#[from] HostAccessRefused),
    /// Its submission names files of this machine.
    #[error(transparent)]
    Argument(#[from] HostArgument),
    /// Compose does not take the task's files, and neither would it take them from Harbor.
    #[error("{folder}/docker-compose.yaml: Docker Compose cannot use it: {said}")]
    Compose {
        /// The folder of the sandbox.
        folder: String,
        /// What Compose said.
        said: String,
    },
    /// Compose could not be asked.
    #[error("cannot ask `docker compose` what the task asks for")]
    Docker(#[source] io::Error),
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The attempt.
    pub assignment: &'a Assignment,
    /// Its settings.
    pub settings: &'a HarborSettings,
    /// Its agent's variables, in clear.
    pub agent_env: &'a AgentEnv,
    /// The task's folder.
    pub task: &'a Path,
    /// The files in it.
    pub paths: &'a [String],
    /// Name of the Harbor trial.
    pub trial_name: &'a str,
}

/// Checks that a trial asks for nothing of this machine. `environment` is what Harbor's process gets.
pub async fn check(asked: Asked<'_>, environment: &[(OsString, OsString)]) -> Result<(), HostAccessError> {
    let Asked { assignment, settings, agent_env, task, paths, trial_name } = asked;
    check_arguments(&assignment.agent, &settings.agent_kwargs, agent_env, &settings.environment_kwargs)?;
    if assignment.environment != DEFAULT_ENVIRONMENT {
        return Ok(());
    }
    let files = TaskFolder::of_files(task, paths);
    check_task(&files)?;
    // Compose follows links above the task's folder, which are this machine's own.
    let task = tokio::fs::canonicalize(task).await.map_err(HostAccessError::Docker)?;
    let harbors: Vec<String> = HARBORS.iter().map(|(_, source, _)| (*source).to_owned()).collect();
    let project = compose_project(trial_name);
    for sandbox in sandboxes(&files) {
        if !files.listing().has(&format!("{}/{COMPOSE}", sandbox.folder)) {
            continue;
        }
        let config = compose_config(&sandbox, &task, &project, environment).await?;
        let text = task.to_string_lossy();
        let merged =
            MergedSandbox { sandbox: &sandbox, config: &config, task: &text, harbors: &harbors, project: &project };
        check_merged(&files, merged)?;
    }
    Ok(())
}

/// What Compose makes of a sandbox's files, with the variables that Harbor gives it.
async fn compose_config(
    sandbox: &Sandbox,
    task: &Path,
    project: &str,
    environment: &[(OsString, OsString)],
) -> Result<Value, HostAccessError> {
    let folder = task.join(&sandbox.folder);
    let base = tempfile::NamedTempFile::with_suffix(".yaml").map_err(HostAccessError::Docker)?;
    std::fs::write(base.path(), BASE).map_err(HostAccessError::Docker)?;
    let mut command = Command::new("docker");
    command.args(["compose", "--project-name", project, "--project-directory"]).arg(&folder);
    for file in [base.path(), &folder.join(COMPOSE)] {
        command.arg("-f").arg(file);
    }
    command.args(["config", "--format", "json"]);
    command.env_clear().envs(variables(sandbox, &folder, environment)).current_dir(&folder);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(LIMIT, command.output()).await {
        Ok(output) => output.map_err(HostAccessError::Docker)?,
        Err(_) => return Err(HostAccessError::Docker(io::ErrorKind::TimedOut.into())),
    };
    let unusable = |said: String| HostAccessError::Compose { folder: sandbox.folder.clone(), said };
    if !output.status.success() {
        return Err(unusable(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| unusable(error.to_string()))
}

/// The variables of `docker compose`: those of Harbor's process, over them the task's, over these Harbor's own.
fn variables(sandbox: &Sandbox, folder: &Path, environment: &[(OsString, OsString)]) -> BTreeMap<OsString, OsString> {
    let mut variables: BTreeMap<OsString, OsString> = environment.iter().cloned().collect();
    let of_harbor = variables.clone();
    for variable in &sandbox.variables {
        let value = match reference(&variable.value) {
            None => OsString::from(&variable.value),
            Some((name, default)) => match of_harbor.get(&OsString::from(name)) {
                Some(value) => value.clone(),
                // Without a default Harbor refuses the task.
                None => default.unwrap_or_default().into(),
            },
        };
        variables.insert(OsString::from(&variable.name), value);
    }
    variables.insert("CONTEXT_DIR".into(), folder.into());
    // Whatever matters here depends on none of these: the check of the files sees to that.
    for (name, value) in
        [("MAIN_IMAGE_NAME", "hb__main"), ("PREBUILT_IMAGE_NAME", "hb__prebuilt"), ("CPUS", "1"), ("MEMORY", "1024M")]
    {
        variables.insert(name.into(), value.into());
    }
    for (name, source, target) in HARBORS {
        variables.insert(format!("HOST_{name}_PATH").into(), source.into());
        variables.insert(format!("ENV_{name}_PATH").into(), target.into());
    }
    variables
}
