//! Environment variables that Harbor may see: those that it needs to run, and the keys of model providers and sandboxes.
//! Never our own settings, and never the database's address.

use std::ffi::OsString;

/// Variables passed by their whole name: what programs need, and credentials that follow no pattern.
const NAMES: &[&str] = &[
    "ALL_PROXY",
    "COPILOT_GITHUB_TOKEN",
    "CURL_CA_BUNDLE",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "KUBECONFIG",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "NO_PROXY",
    "PATH",
    "PYTHONPATH",
    "REQUESTS_CA_BUNDLE",
    "SSH_AUTH_SOCK",
    "TZ",
    "USER",
];

/// Beginnings of names: tools that Harbor calls, model providers, agents, sandboxes.
const PREFIXES: &[&str] = &[
    "AI_GATEWAY_",
    "ANTHROPIC_",
    "AWS_",
    "AZURE_",
    "BEAM_",
    "BLAXEL_",
    "BL_",
    "BUILDKIT_",
    "BUILDX_",
    "CEREBRAS_",
    "CLAUDE_CODE_",
    "CLOUDSDK_",
    "CODEX_",
    "COHERE_",
    "COPILOT_PROVIDER_",
    "CUA_",
    "CWSANDBOX_",
    "DASHSCOPE_",
    "DATABRICKS_",
    "DAYTONA_",
    "DEEPSEEK_",
    "DOCKER_",
    "E2B_",
    "FIREWORKS_",
    "GCP_",
    "GEMINI_",
    "GOOGLE_",
    "GROQ_",
    "HF_",
    "HUGGINGFACE_",
    "HYPERBROWSER_",
    "ISLO_",
    "KERNEL_",
    "KIMI_",
    "LANGSMITH_",
    "LC_",
    "LITELLM_",
    "LLM_",
    "MISTRAL_",
    "MODAL_",
    "MOONSHOT_",
    "MOSAIC_",
    "MSWEA_",
    "NOVITA_",
    "NVIDIA_",
    "OLLAMA_",
    "OPENAI_",
    "OPENROUTER_",
    "OPENSANDBOX_",
    "PRIME_",
    "RUNLOOP_",
    "RUNTA_",
    "SAIL_",
    "SKYPILOT_",
    "SSL_CERT_",
    "TENSORLAKE_",
    "TOGETHER",
    "USE_COMPUTER_",
    "VERCEL_",
    "VERTEX",
    "XAI_",
    "XDG_",
    "ZAI_",
];

/// Ends of names that providers without a line of their own keep to.
const SUFFIXES: &[&str] = &["_API_KEY", "_BASE_URL"];

/// What no rule and no setting passes on.
pub(crate) fn is_ours(name: &str) -> bool {
    name.ends_with("DATABASE_URL") || name.starts_with("ODDISH_") || name.starts_with("PG")
}

/// Where a container gets the credentials of its own role, which may read the bucket and wake the dispatcher. Whoever wants agents to have
/// that role names the variable.
const OWN_ROLE: &str = "AWS_CONTAINER_";

fn is_needed(name: &str) -> bool {
    if name.starts_with(OWN_ROLE) {
        return false;
    }
    // Proxies are commonly set in lower case.
    let upper = name.to_ascii_uppercase();
    NAMES.contains(&upper.as_str())
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// The variables among `vars` that Harbor may see, with those named in `also`, and the ones that we set for it:
/// telemetry is off, litellm doesn't fetch its price list from the internet, and texts are UTF-8.
pub fn driver_environment(
    vars: impl IntoIterator<Item = (OsString, OsString)>,
    also: &[String],
) -> Vec<(OsString, OsString)> {
    vars.into_iter()
        .filter(|(name, _)| {
            name.to_str()
                .is_some_and(|name| !is_ours(name) && (is_needed(name) || also.iter().any(|more| more == name)))
        })
        .chain([
            (OsString::from("HARBOR_TELEMETRY"), OsString::from("off")),
            (OsString::from("LITELLM_LOCAL_MODEL_COST_MAP"), OsString::from("True")),
            // Tasks and configurations are UTF-8, whatever this machine's language is.
            (OsString::from("PYTHONUTF8"), OsString::from("1")),
            // Libraries would look for a .env file in every folder above their own: whatever lies there, such as the address of the
            // database, would be Harbor's to see after all.
            (OsString::from("PYTHON_DOTENV_DISABLED"), OsString::from("1")),
            // What Harbor prints must be in its log when it dies.
            (OsString::from("PYTHONUNBUFFERED"), OsString::from("1")),
        ])
        .collect()
}

/// Variables that Harbor's interpreter starts with: what it and its libraries look at before the trial begins, none of it secret.
const FROM_THE_START: &[&str] = &[
    "BUILDX_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "HARBOR_TELEMETRY",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LITELLM_LOCAL_MODEL_COST_MAP",
    "LOGNAME",
    "PATH",
    "TMPDIR",
    "TZ",
    "USER",
];

/// Beginnings of the names of such variables.
const FROM_THE_START_PREFIXES: &[&str] = &["LC_", "PYTHON", "XDG_"];

/// Whether Harbor's interpreter starts with this variable. The others, with all keys, it gets over its stdin: whoever may look at a
/// process can read what it started with, however long ago that was.
pub fn is_from_the_start(name: &str) -> bool {
    FROM_THE_START.contains(&name) || FROM_THE_START_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_passed_from_the_start_is_a_key() {
        for name in NAMES {
            assert!(!is_from_the_start(name) || !oddish_domain::agent_env::is_secret_name(name), "{name}");
        }
        for name in ["ANTHROPIC_API_KEY", "DOCKER_AUTH_CONFIG", "HTTPS_PROXY", "GH_TOKEN", "AWS_SECRET_ACCESS_KEY"] {
            assert!(!is_from_the_start(name), "{name}");
        }
    }

    fn passed(name: &str, also: &[&str]) -> bool {
        let also: Vec<String> = also.iter().map(|name| (*name).to_owned()).collect();
        driver_environment([(OsString::from(name), OsString::from("x"))], &also)
            .iter()
            .any(|(passed, _)| passed == name)
    }

    #[test]
    fn keys_and_necessities_pass() {
        for name in ["PATH", "http_proxy", "LC_ALL", "DOCKER_HOST", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"] {
            assert!(passed(name, &[]), "{name}");
        }
        for name in ["AWS_SESSION_TOKEN", "MODAL_TOKEN_ID", "NEWCOMER_API_KEY", "TOGETHERAI_API_KEY", "XDG_RUNTIME_DIR"]
        {
            assert!(passed(name, &[]), "{name}");
        }
    }

    #[test]
    fn our_own_settings_never_pass() {
        for name in ["DATABASE_URL", "ODDISH_DATABASE_URL", "ODDISH_SECRET_KEY", "PGPASSWORD", "READ_DATABASE_URL"] {
            assert!(!passed(name, &[name]), "{name}");
        }
        assert!(!passed("ODDISH_API_KEY", &[]));
    }

    #[test]
    fn others_pass_when_they_are_named() {
        assert!(!passed("MY_TASK_SETTING", &[]));
        assert!(passed("MY_TASK_SETTING", &["MY_TASK_SETTING"]));
    }

    #[test]
    fn the_role_of_the_container_is_not_that_of_agents() {
        let own = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        assert!(!passed(own, &[]));
        assert!(passed(own, &[own]));
    }

    #[test]
    fn harbor_is_told_not_to_phone_home() {
        let inherited = [(OsString::from("HARBOR_TELEMETRY"), OsString::from("on"))];
        let environment = driver_environment(inherited, &[]);
        assert_eq!(environment.iter().filter(|(name, _)| name == "HARBOR_TELEMETRY").count(), 1);
        assert!(environment.contains(&("HARBOR_TELEMETRY".into(), "off".into())));
    }
}
