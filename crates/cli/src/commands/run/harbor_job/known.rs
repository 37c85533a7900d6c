//! The keys of Harbor's job configurations, and what each means here.

use self::Meaning::{Always, Taken, Unsupported};
use crate::config_file::{Content, Fields, Node, nearest};

/// What a key means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// What it has in Harbor.
    Taken,
    /// None, for this reason: it says how Harbor runs the job, not what a trial does.
    None(&'static str),
    /// This value holds always, for this reason; another one has no meaning.
    Always(bool, &'static str),
    /// It would change what a trial does, and that cannot be done, for this reason.
    Unsupported(&'static str),
}

/// A key with its meaning.
pub(super) type Known = (&'static str, Meaning);

const LIMITS: &str = "how many trials run at once is set at the server, for each model";
const NO_HOSTS: &str = "allowed hosts are set in the task's task.toml";
const ALL_LOGS: &str = "all logs are kept";
const NO_DOWNLOADS: &str = "nothing is downloaded";
const NO_INSTRUCTIONS: &str = "write it into the instruction.md of the tasks";

/// The keys of a job.
pub(super) const JOB: &[Known] = &[
    ("schema_version", Taken),
    ("job_name", Taken),
    ("jobs_dir", Meaning::None("results are kept at the server")),
    ("n_attempts", Taken),
    ("install_only", Unsupported("a trial always runs its agent")),
    ("skip_credential_checks", Meaning::None("credentials are checked where trials run")),
    ("timeout_multiplier", Taken),
    ("agent_timeout_multiplier", Taken),
    ("verifier_timeout_multiplier", Taken),
    ("agent_setup_timeout_multiplier", Taken),
    ("environment_build_timeout_multiplier", Taken),
    ("debug", Meaning::None("what is logged is set at the server")),
    ("n_concurrent_trials", Meaning::None(LIMITS)),
    ("quiet", Meaning::None("what is printed is chosen with --quiet")),
    ("retry", Meaning::None("the server tries a trial again by the class of its failure")),
    ("override_error_policy", Unsupported("whether a reward counts despite an error is decided by Harbor's own table")),
    ("environment", Taken),
    ("verifier", Taken),
    ("metrics", Meaning::None("statistics are made by the server")),
    ("agents", Taken),
    ("user_agent", Unsupported("no user can be simulated here")),
    ("datasets", Taken),
    ("tasks", Taken),
    ("artifacts", Taken),
    ("extra_instruction_paths", Unsupported(NO_INSTRUCTIONS)),
    ("extra_instructions", Unsupported(NO_INSTRUCTIONS)),
    ("source_jobs", Unsupported("a trial is not derived from one of another job here")),
    // Of older versions.
    ("orchestrator", Meaning::None(LIMITS)),
    ("plugins", Meaning::None("Harbor ignores it too")),
];

/// The keys of its environment.
pub(super) const ENVIRONMENT: &[Known] = &[
    ("type", Taken),
    ("import_path", Unsupported("a sandbox is one of Harbor's own types: give one as `type`")),
    ("force_build", Taken),
    ("delete", Always(true, "sandboxes are always removed")),
    ("stream", Meaning::None("the log of a trial is shown while it runs")),
    ("cpu_enforcement_policy", Unsupported("limits are enforced as Harbor does by itself")),
    ("memory_enforcement_policy", Unsupported("limits are enforced as Harbor does by itself")),
    ("override_cpus", Taken),
    ("override_memory_mb", Taken),
    ("override_storage_mb", Taken),
    ("override_gpus", Taken),
    ("override_tpu", Unsupported("set it in the task's task.toml")),
    ("suppress_override_warnings", Meaning::None("Harbor ignores it too")),
    ("mounts", Unsupported("folders of this machine cannot be mounted where trials run")),
    ("extra_docker_compose", Unsupported("put it into the docker-compose.yaml of the tasks")),
    ("env", Unsupported("set it in the task's task.toml, or for the agent")),
    ("kwargs", Taken),
    ("extra_allowed_hosts", Unsupported(NO_HOSTS)),
    // Of older versions.
    ("mounts_json", Unsupported("folders of this machine cannot be mounted where trials run")),
];

/// The keys of its verifier.
pub(super) const VERIFIER: &[Known] = &[
    ("override_timeout_sec", Taken),
    ("max_timeout_sec", Taken),
    ("include_logs", Unsupported(ALL_LOGS)),
    ("exclude_logs", Unsupported(ALL_LOGS)),
    ("env", Unsupported("set it in the task's task.toml")),
    ("import_path", Unsupported("tasks are verified by their own tests")),
    ("kwargs", Unsupported("tasks are verified by their own tests")),
    ("disable", Taken),
    ("extra_allowed_hosts", Unsupported(NO_HOSTS)),
];

/// The keys of an agent.
pub(super) const AGENT: &[Known] = &[
    ("name", Taken),
    ("import_path", Taken),
    ("model_name", Taken),
    ("base_url", Unsupported("give it to the agent as an environment variable")),
    ("model_api_key_name", Unsupported("give it to the agent as an environment variable")),
    ("model_api_format", Unsupported("only agents' own formats are spoken")),
    ("skip_model_parsing", Unsupported("the model's provider is read from its name")),
    ("n_concurrent", Meaning::None(LIMITS)),
    ("concurrency_group", Meaning::None(LIMITS)),
    ("skills", Unsupported("put them into the environment of the tasks")),
    ("override_timeout_sec", Taken),
    ("override_setup_timeout_sec", Taken),
    ("max_timeout_sec", Taken),
    ("resume_trajectory", Unsupported("each step begins with a fresh session")),
    ("load_trajectory", Unsupported("each trial begins with a fresh session")),
    ("extra_allowed_hosts", Unsupported(NO_HOSTS)),
    ("include_logs", Unsupported(ALL_LOGS)),
    ("exclude_logs", Unsupported(ALL_LOGS)),
    ("kwargs", Taken),
    ("env", Taken),
    ("mcp_servers", Taken),
];

/// The keys of a dataset.
pub(super) const DATASET: &[Known] = &[
    ("path", Taken),
    ("name", Taken),
    ("version", Taken),
    ("ref", Taken),
    ("registry_url", Taken),
    ("registry_path", Taken),
    ("repo", Taken),
    ("overwrite", Always(false, NO_DOWNLOADS)),
    ("download_dir", Meaning::None(NO_DOWNLOADS)),
    ("task_names", Taken),
    ("exclude_task_names", Taken),
    ("n_tasks", Taken),
    // Of older versions.
    ("registry", Taken),
];

/// The keys of a task.
pub(super) const TASK: &[Known] = &[
    ("path", Taken),
    ("git_url", Taken),
    ("git_commit_id", Taken),
    ("name", Taken),
    ("ref", Taken),
    ("overwrite", Always(false, NO_DOWNLOADS)),
    ("download_dir", Meaning::None(NO_DOWNLOADS)),
    ("source", Meaning::None("a task is called after its directory")),
];

pub(super) fn find(table: &[Known], key: &str) -> Option<Meaning> {
    table.iter().find(|(name, _)| *name == key).map(|(_, meaning)| *meaning)
}

/// What is not taken of a section: lines to be told. What is not supported becomes a fault of the file, unless nothing is asked for.
pub(super) fn left_out(section: &Fields<'_>, table: &[Known]) -> Vec<String> {
    let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    let told = section.keys().filter_map(|key| {
        let place = section.place_of(key);
        let Some(meaning) = find(table, key) else {
            return Some(format!("{place} is no key of Harbor's, and is ignored; {}", nearest(key, &names)));
        };
        let value = section.get(key)?;
        match meaning {
            Taken => None,
            Always(holds, _) if value.content == Content::Bool(holds) => None,
            Meaning::None(reason) | Always(_, reason) => Some(format!("{place} has no meaning here: {reason}")),
            Unsupported(reason) => {
                if !asks_for_nothing(value) {
                    section.fault(key, &format!("it is not supported here: {reason}"));
                }
                None
            }
        }
    });
    told.collect()
}

/// Whether a value leaves Harbor at what it does by itself.
fn asks_for_nothing(value: &Node) -> bool {
    match &value.content {
        Content::Null => true,
        Content::Bool(flag) => !flag,
        Content::Text(text) => text.eq_ignore_ascii_case("auto"),
        Content::List(items) => items.is_empty(),
        Content::Mapping(entries) => entries.is_empty(),
        _ => false,
    }
}
