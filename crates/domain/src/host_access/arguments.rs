//! Settings and arguments of a submission that name files of the runner, which Harbor would read there, and mostly put into the sandbox.
//!
//! This holds wherever trials run, since Harbor always runs beside the runner. `arguments.json` is what the installed Harbor's agents take,
//! written by `cargo xtask agent-arguments`; what of it names a file is told here, and a test makes sure that every name which sounds like
//! a path is on one of the lists.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::agent_env::AgentEnv;

/// The arguments of each agent; none where it ignores those that it does not know.
static ARGUMENTS: LazyLock<BTreeMap<String, Option<Vec<String>>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("arguments.json")).unwrap_or_default());

/// Arguments of agents that name a file or folder of the runner.
#[rustfmt::skip]
const FILES: &[&str] = &[
    "binary_path", "config_file", "config_path", "fabric_adapter_descriptor", "fabric_config_bundle", "fabric_target_descriptor",
    "factory_path", "litellm_model_registry_file", "load_trajectory", "logs_dir", "memory_dir", "path", "plugin_tarball_path", "project_path",
    "prompt_template_path", "registry_cache_dir", "registry_entry_path", "tarball_path", "task_dir", "trial_paths",
];

/// Arguments that are a file of the runner as a text, and harmless as an object.
const FILES_AS_TEXTS: &[&str] = &["config"];

/// Arguments that the sweep has fields of its own for, and which would go past their checks.
const REPLACED: &[&str] = &["extra_env"];

/// Parts of arguments, at any depth, that the model library which some agents run beside the runner takes for a file.
const FILES_OF_MODELS: &[&str] =
    &["client_cert", "ssl_certificate", "ssl_verify", "vertex_ai_credentials", "vertex_credentials"];

/// Beginning of a value that the same library replaces by the content of a file or of a variable of its process.
const REFERENCE: &str = "oidc/";

/// Variables of agents that name a file of the runner, or make Harbor take one of a fixed name.
const FILE_VARIABLES: &[&str] = &[
    "ANTIGRAVITY_SDK_WHEEL_PATH",
    "CODEX_AUTH_JSON_PATH",
    "CODEX_FORCE_AUTH_JSON",
    "GEMINI_FORCE_OAUTH",
    "GEMINI_OAUTH_CREDS_PATH",
    "NVIDIA_NAT_CONFIG_FILE",
    "SWEAGENT_CONFIG",
];

/// Options of environments that name a file or a program of the runner.
const ENVIRONMENT_FILES: &[&str] = &[
    "cache_dir",
    "claims_path",
    "extra_docker_compose",
    "kata_runtime",
    "kubeconfig",
    "mounts",
    "sbx_command",
    "singularity_image_cache_dir",
    "ssh_key_path",
    "ssh_known_hosts_path",
    "token_file",
];

/// A setting or an argument that reaches to the machine of the runner.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostArgument {
    /// It names a file there.
    #[error(
        "`{name}` names a file or a program of the machine that runs trials: leave it out, or, where all who submit are trusted with that \
         machine, set ODDISH_ALLOW_HOST_ACCESS=true"
    )]
    File {
        /// Where it is, such as `agent_kwargs.tarball_path`.
        name: String,
    },
    /// The agent is not known to take it, so that nobody can tell what it does.
    #[error("the agent `{agent}` has no argument `{name}`")]
    Unknown {
        /// The agent.
        agent: String,
        /// The argument as given.
        name: String,
    },
    /// The submission has a field of its own for it.
    #[error("`{name}` is not an argument to give here: use `agent_env`")]
    Replaced {
        /// The argument as given.
        name: String,
    },
}

/// Checks what a submission gives an agent and its environment. An agent by its import path may be any of Harbor's too, so that it is held to
/// the names that are a file's to one of them.
pub fn check_arguments(
    agent: &str,
    agent_kwargs: &Map<String, Value>,
    agent_env: &AgentEnv,
    environment_kwargs: &Map<String, Value>,
) -> Result<(), HostArgument> {
    for (name, value) in agent_kwargs {
        let plain = plain(name);
        if REPLACED.contains(&plain.as_str()) {
            return Err(HostArgument::Replaced { name: name.clone() });
        }
        let is_file = !value.is_null() && FILES.contains(&plain.as_str())
            || value.is_string() && FILES_AS_TEXTS.contains(&plain.as_str());
        if is_file || names_a_file_within(value, &plain) {
            return Err(HostArgument::File { name: format!("agent_kwargs.{name}") });
        }
        if let Some(Some(known)) = ARGUMENTS.get(agent)
            && !known.iter().any(|known| known == name || *known == plain)
        {
            return Err(HostArgument::Unknown { agent: agent.to_owned(), name: name.clone() });
        }
    }
    if let Some((name, _)) = agent_env.iter().find(|(name, _)| FILE_VARIABLES.contains(name)) {
        return Err(HostArgument::File { name: format!("agent_env.{name}") });
    }
    match environment_kwargs.iter().find(|(name, value)| !value.is_null() && ENVIRONMENT_FILES.contains(&name.as_str()))
    {
        Some((name, _)) => Err(HostArgument::File { name: format!("harbor.environment.kwargs.{name}") }),
        None => Ok(()),
    }
}

/// An argument's name without the spellings that agents take beside it.
fn plain(name: &str) -> String {
    let name = name.replace('-', "_");
    name.strip_prefix("local_").map(str::to_owned).unwrap_or(name)
}

fn names_a_file_within(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => {
            let is_inline = text.trim_start().starts_with('{');
            text.starts_with(REFERENCE) || FILES_OF_MODELS.contains(&name) && !is_inline
        }
        // As JSON in a text it is the same.
        Value::Array(items) => items.iter().any(|item| names_a_file_within(item, name)),
        Value::Object(fields) => fields.iter().any(|(name, value)| names_a_file_within(value, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::agent::KNOWN_AGENTS;

    /// The entry of `arguments.json` that is no agent.
    const VARIABLES: &str = "variables";

    /// Arguments that sound like a path and name something in the sandbox, or nothing at all.
    #[rustfmt::skip]
    const OF_THE_SANDBOX: &[&str] = &[
        "config", "configurable", "env_io_dir", "environment_logs_dir", "fabric_config_base_dir", "fabric_config_target", "fabric_cwd",
        "fabric_discovery_paths", "fabric_venv_path", "factory", "factory_kwargs", "grok_config", "guidelines_filename", "mimo_config",
        "openclaw_config", "opencode_config", "registry_entry", "registry_spec", "skill_paths", "skills_dir", "source", "trace_log",
        "trajectory_config", "workdir", "working_dir", "plugin_source", "plugin_tarball_url", "tarball_url", "registry_ref", "trace_scopes",
    ];

    /// Variables that sound like a path and are made for the sandbox, or name something in it.
    #[rustfmt::skip]
    const VARIABLES_OF_THE_SANDBOX: &[&str] = &[
        "ACP_RUNNER_MCP_SERVERS_JSON", "AGENT_LOGS_DIR", "CLAUDE_CONFIG_DIR", "CLAUDE_FORCE_OAUTH", "CLINE_PROMPT_ARTIFACT_DIR", "CODEX_HOME",
        "DEERFLOW_SUMMARY_PATH", "DEER_FLOW_HOME", "EVE_AGENT_LOGS_DIR", "EVE_INSTRUCTION_PATH", "EVE_PROJECT_DIR", "FILE_STORE_PATH",
        "GIT_CONFIG", "GOOGLE_APPLICATION_CREDENTIALS", "GROK_LOG_FILE", "HARBOR_MODEL_KWARGS_JSON", "HERMES_HOME", "KIMI_CODE_HOME",
        "KIMI_SHARE_DIR", "LLM_CONFIG", "MCP_SERVERS_JSON", "MINIMAX_DATA_DIR", "MINI_SWE_AGENT_MODEL_API_KEY_JSON", "PI_CODING_AGENT_DIR",
        "RUNTIME_KIMI_CONFIG_JSON", "SAVE_TRAJECTORY_PATH", "SF_SKIP_WARNING_FOR_READ_PERMISSIONS_ON_CONFIG_FILE", "SKILLS_PATHS_JSON",
        "SSL_CERT_DIR", "SSL_CERT_FILE", "SUPPORTS_CONFIG", "TRAJECTORY_PATH", "VIBE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    ];

    fn check(agent: &str, kwargs: Value) -> Result<(), String> {
        let Value::Object(kwargs) = kwargs else { panic!("{kwargs} is no object") };
        check_arguments(agent, &kwargs, &AgentEnv::default(), &Map::new()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn every_agent_is_there() {
        for agent in KNOWN_AGENTS {
            assert!(ARGUMENTS.contains_key(agent), "{agent}");
        }
        assert_eq!(ARGUMENTS.len(), KNOWN_AGENTS.len() + 1);
    }

    #[test]
    fn every_name_that_sounds_like_a_path_was_looked_at() {
        const SOUNDS: &[&str] = &[
            "path",
            "file",
            "dir",
            "config",
            "bundle",
            "descriptor",
            "tarball",
            "factory",
            "cache_dir",
            "trace",
            "binary",
            "source",
            "template",
            "trajectory",
            "registry_",
            "memory",
            "root",
            "cwd",
        ];
        let agents = ARGUMENTS.iter().filter(|(agent, _)| *agent != VARIABLES);
        for name in agents.flat_map(|(_, names)| names.iter().flatten()) {
            let plain = plain(name);
            let sounds = SOUNDS.iter().any(|sound| plain.contains(sound));
            let listed =
                [FILES, FILES_AS_TEXTS, REPLACED, OF_THE_SANDBOX].iter().any(|list| list.contains(&plain.as_str()));
            let is_a_switch = plain.starts_with("session_to") || plain == "load_skills";
            assert!(!sounds || listed || is_a_switch, "{name}: does it name a file of the runner?");
        }
        for name in ARGUMENTS[VARIABLES].iter().flatten() {
            let lists = [FILE_VARIABLES, VARIABLES_OF_THE_SANDBOX];
            assert!(
                lists.iter().any(|list| list.contains(&name.as_str())),
                "{name}: does it name a file of the runner?"
            );
        }
    }

    #[rstest]
    #[case("claude-code", json!({"max_turns": 5, "reasoning_effort": "high", "config": {"model": "x"}, "prompt_template_path": null}))]
    #[case("cline-cli", json!({"tarball-url": "https://example.com/cline.tgz"}))]
    #[case("terminus-2", json!({"temperature": 0.5, "llm_kwargs": {"ssl_verify": false, "vertex_credentials": "{\"type\": 1}"}}))]
    #[case("nop", json!({"anything": 1}))]
    #[case("my.agents:Mine", json!({"depth": 3}))]
    fn what_stays_in_the_sandbox_passes(#[case] agent: &str, #[case] kwargs: Value) {
        assert_eq!(check(agent, kwargs), Ok(()));
    }

    #[rstest]
    #[case("cline-cli", json!({"tarball_path": "/etc/shadow"}), "agent_kwargs.tarball_path")]
    #[case("cline-cli", json!({"tarball-path": "/etc/shadow"}), "agent_kwargs.tarball-path")]
    #[case("cline-cli", json!({"local-plugin-tarball-path": "x"}), "agent_kwargs.local-plugin-tarball-path")]
    #[case("mini-swe-agent", json!({"config_file": "x"}), "agent_kwargs.config_file")]
    #[case("claude-code", json!({"config": "/etc/hosts"}), "agent_kwargs.config")]
    #[case("claude-code", json!({"memory_dir": "/root"}), "agent_kwargs.memory_dir")]
    #[case("codex", json!({"prompt_template_path": "/etc/passwd"}), "agent_kwargs.prompt_template_path")]
    #[case("harbor.agents.installed.cline:ClineCli", json!({"tarball_path": "/etc/shadow"}), "agent_kwargs.tarball_path")]
    #[case("terminus-2", json!({"llm_kwargs": {"vertex_credentials": "/etc/passwd"}}), "agent_kwargs.llm_kwargs")]
    #[case("terminus-2", json!({"llm_call_kwargs": {"a": [{"token": "oidc/file//etc/passwd"}]}}), "agent_kwargs.llm_call_kwargs")]
    fn what_names_a_file_is_refused(#[case] agent: &str, #[case] kwargs: Value, #[case] name: &str) {
        let fault = check(agent, kwargs).unwrap_err();
        assert!(
            fault.starts_with(&format!("`{name}` names a file")) && fault.contains("ODDISH_ALLOW_HOST_ACCESS=true"),
            "{fault}"
        );
    }

    #[test]
    fn an_agent_takes_what_it_is_known_to_take() {
        assert_eq!(check("codex", json!({"no_such": 1})).unwrap_err(), "the agent `codex` has no argument `no_such`");
        assert!(
            check("codex", json!({"extra_env": {"CODEX_AUTH_JSON_PATH": "/x"}}))
                .unwrap_err()
                .contains("use `agent_env`")
        );
    }

    #[test]
    fn variables_and_options_count_too() {
        let mut env = AgentEnv::default();
        env.set("CODEX_AUTH_JSON_PATH", "/home/someone/.codex/auth.json").unwrap();
        let fault = check_arguments("codex", &Map::new(), &env, &Map::new()).unwrap_err();
        assert_eq!(fault, HostArgument::File { name: "agent_env.CODEX_AUTH_JSON_PATH".to_owned() });
        let options = json!({"region": "x", "ssh_key_path": "/home/someone/.ssh/id"}).as_object().unwrap().clone();
        let fault = check_arguments("codex", &Map::new(), &AgentEnv::default(), &options).unwrap_err();
        assert_eq!(fault, HostArgument::File { name: "harbor.environment.kwargs.ssh_key_path".to_owned() });
    }
}
