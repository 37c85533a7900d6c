//! What trials need of the machine that they run on, which is this one if the server is.

use std::process::Stdio;
use std::time::Duration;

use oddish_domain::harbor_keys::MODEL_KEYS;
use oddish_domain::settings::Setting;
use tokio::process::Command;

use super::finding::{Finding, State};
use crate::plain_text;

const DOCKER_TIMEOUT: Duration = Duration::from_secs(10);
const INSTALL: &str = "install it: https://docs.docker.com/engine/install/";
const START: &str = "sudo systemctl start docker";

/// Looks for Docker and for keys of model providers.
pub(super) async fn examine(server_is_here: bool) -> Vec<Finding> {
    if !server_is_here {
        let elsewhere = |check| Finding::new(check, State::NotNeeded, "trials do not run on this machine");
        return vec![elsewhere("Docker"), elsewhere("provider keys")];
    }
    vec![docker().await, provider_keys(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))]
}

async fn docker() -> Finding {
    let mut command = Command::new("docker");
    command.args(["version", "--format", "{{.Server.Version}}"]).stdin(Stdio::null()).kill_on_drop(true);
    let missing = |found: String, mend: &str| Finding::new("Docker", State::Missing, found).mended_by(mend);
    match tokio::time::timeout(DOCKER_TIMEOUT, command.output()).await {
        Err(_) => {
            missing(format!("it gave no answer in {} s", DOCKER_TIMEOUT.as_secs()), "sudo systemctl restart docker")
        }
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            missing("it is not installed".to_owned(), INSTALL)
        }
        Ok(Err(error)) => missing(format!("it cannot be started: {error}"), INSTALL),
        Ok(Ok(output)) if output.status.success() => {
            let version = plain_text::short_line(&String::from_utf8_lossy(&output.stdout), 80);
            Finding::new("Docker", State::Ok, format!("version {version}"))
        }
        Ok(Ok(output)) => {
            let told = plain_text::short_line(&String::from_utf8_lossy(&output.stderr), 200);
            let may_not = told.to_ascii_lowercase().contains("permission denied");
            missing(told, if may_not { "sudo usermod -aG docker \"$USER\", then log in again" } else { START })
        }
    }
}

/// Agents need the key of their model's provider; `nop` and `oracle` need none.
fn provider_keys(is_set: impl Fn(&str) -> bool) -> Finding {
    let names = MODEL_KEYS.map(Setting::name);
    let (set, unset): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| is_set(name));
    match (set.is_empty(), unset.is_empty()) {
        (true, _) => Finding::new(
            "provider keys",
            State::Warning,
            format!("none of {} is set here: all agents but nop and oracle need one", unset.join(", ")),
        )
        .mended_by("export ANTHROPIC_API_KEY=... before oddish-server starts, or in its .env"),
        (false, true) => Finding::new("provider keys", State::Ok, format!("{} are set here", set.join(", "))),
        (false, false) => {
            let found = format!("set here: {}; not set: {}", set.join(", "), unset.join(", "));
            Finding::new("provider keys", State::Ok, found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{State, provider_keys};

    #[test]
    fn one_key_of_a_provider_is_enough() {
        assert_eq!(provider_keys(|_| false).state, State::Warning);
        let found = provider_keys(|name| name == "OPENAI_API_KEY");
        assert_eq!(found.state, State::Ok);
        assert_eq!(found.found, "set here: OPENAI_API_KEY; not set: ANTHROPIC_API_KEY, GEMINI_API_KEY");
        assert_eq!(provider_keys(|_| true).state, State::Ok);
    }
}
