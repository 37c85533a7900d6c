//! The sandbox types that Harbor knows.

use thiserror::Error;

/// Where trials run when nobody says otherwise.
pub const DEFAULT_ENVIRONMENT: &str = "docker";

/// The environment types of Harbor 0.25: those of one machine first, then the hosted ones.
pub const KNOWN_ENVIRONMENTS: [&str; 34] = [
    DEFAULT_ENVIRONMENT,
    "podman",
    "kata",
    "sbx",
    "singularity",
    "apple-container",
    "smol",
    "daytona",
    "e2b",
    "modal",
    "runloop",
    "langsmith",
    "ec2",
    "gke",
    "ack",
    "openshift",
    "novita",
    "islo",
    "tensorlake",
    "cwsandbox",
    "use-computer",
    "cua-cloud",
    "blaxel",
    "opensandbox",
    "beam",
    "skypilot",
    "hf-sandbox",
    "hyperbrowser",
    "vercel",
    "runta",
    "prime",
    "mosaic",
    "sail",
    "kernel",
];

/// An environment that Harbor doesn't know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown environment {given:?}: use one of {}", KNOWN_ENVIRONMENTS.join(", "))]
pub struct UnknownEnvironment {
    /// The environment as given.
    pub given: String,
}

/// The environment type that `environment` names, whatever its case and the blanks around it (contract 3.9).
pub fn check_environment(environment: &str) -> Result<&'static str, UnknownEnvironment> {
    let name = environment.trim();
    KNOWN_ENVIRONMENTS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .ok_or_else(|| UnknownEnvironment { given: environment.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_environments_are_found_in_any_case() {
        assert_eq!(check_environment(" Docker "), Ok("docker"));
        assert_eq!(check_environment("HF-sandbox"), Ok("hf-sandbox"));
        for known in KNOWN_ENVIRONMENTS {
            assert_eq!(check_environment(known), Ok(known));
        }
    }

    #[test]
    fn others_are_refused_with_the_list() {
        for given in ["local", "ssh", "", "module:Class"] {
            let error = check_environment(given).unwrap_err();
            assert_eq!(error.given, given);
            assert!(error.to_string().contains("docker, podman"), "{error}");
        }
    }
}
