//! The sandbox types that Harbor knows.

mod options;

use thiserror::Error;

pub use self::options::{OptionFault, check_options};
use crate::settings::{Defaulted, Group, Reader, Setting, Value};

/// Where trials run when nobody says otherwise.
pub const DEFAULT_ENVIRONMENT: &str = "docker";

/// How many of [`KNOWN_ENVIRONMENTS`] run their sandboxes on the machine of the runner.
const OF_THE_MACHINE: usize = 7;

/// The environment types of Harbor 0.26: those of one machine first, then the hosted ones.
pub const KNOWN_ENVIRONMENTS: [&str; 38] = [
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
    "snowflake",
    "boxd",
    "superserve",
    "aca-sandbox",
];

/// An environment that Harbor doesn't know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown environment {given:?}: use one of {}", KNOWN_ENVIRONMENTS.join(", "))]
pub struct UnknownEnvironment {
    /// The environment as given.
    pub given: String,
}

/// The environment type that `environment` names, whatever its case and the blanks around it (docs/compatibility.md, 3.8).
pub fn check_environment(environment: &str) -> Result<&'static str, UnknownEnvironment> {
    let name = environment.trim();
    KNOWN_ENVIRONMENTS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .ok_or_else(|| UnknownEnvironment { given: environment.to_owned() })
}

/// What a submission's `docker` means in a deployment: clients send it unasked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DockerEnvironment {
    /// Docker, which runners have.
    #[default]
    Docker,
    /// Nothing: no runner has it, and such submissions are refused.
    Refused,
    /// Another environment, which trials get in its place.
    Replaced(&'static str),
}

const DOCKER_ENVIRONMENT: Setting<DockerEnvironment> =
    Setting::new("ODDISH_DOCKER_ENVIRONMENT", DockerEnvironment::Docker).doc(
        "Environment of a submission that asks for `docker` or for none. `docker` if runners have Docker; `none` refuses such submissions and \
         lists the environments that work; another environment of Harbor, such as `daytona`, replaces it.",
    );

/// `docker`, which no runner of the deployment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "no runner here has Docker, which trials get that ask for nothing else: use one of {}",
    KNOWN_ENVIRONMENTS[OF_THE_MACHINE..].join(", ")
)]
pub struct NoDocker;

impl DockerEnvironment {
    /// Its settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Environments",
        read_by: "`oddish-server`, the endpoint functions, the library",
        settings: &[&DOCKER_ENVIRONMENT],
    };

    /// Reads [`Self::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        reader.get(&DOCKER_ENVIRONMENT)
    }

    /// Where a trial runs that asks for `environment`.
    pub fn resolve(self, environment: &'static str) -> Result<&'static str, NoDocker> {
        match self {
            _ if environment != DEFAULT_ENVIRONMENT => Ok(environment),
            Self::Docker => Ok(DEFAULT_ENVIRONMENT),
            Self::Refused => Err(NoDocker),
            Self::Replaced(other) => Ok(other),
        }
    }
}

impl Value for DockerEnvironment {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::Refused);
        }
        match check_environment(text) {
            Ok(DEFAULT_ENVIRONMENT) => Ok(Self::Docker),
            Ok(other) => Ok(Self::Replaced(other)),
            Err(_) => Err(format!("must be none or one of {}", KNOWN_ENVIRONMENTS.join(", "))),
        }
    }
}

impl Defaulted for DockerEnvironment {
    type Constant = Self;

    fn of(constant: Self) -> Self {
        constant
    }

    fn written(constant: Self) -> String {
        let word = match constant {
            Self::Docker => DEFAULT_ENVIRONMENT,
            Self::Refused => "none",
            Self::Replaced(other) => other,
        };
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::settings::Settings;

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

    fn read(text: &str) -> Result<DockerEnvironment, String> {
        let settings = Settings::from_map(BTreeMap::from([(DOCKER_ENVIRONMENT.to_string(), text.to_owned())]));
        settings.read(DockerEnvironment::read).map_err(|faults| faults.to_string())
    }

    #[test]
    fn docker_means_what_the_deployment_says() {
        assert_eq!(read(""), Ok(DockerEnvironment::Docker));
        assert_eq!(read("docker"), Ok(DockerEnvironment::Docker));
        assert_eq!(read(" None "), Ok(DockerEnvironment::Refused));
        assert_eq!(read("Daytona"), Ok(DockerEnvironment::Replaced("daytona")));
        let fault = read("dokcer").unwrap_err();
        assert!(fault.contains("ODDISH_DOCKER_ENVIRONMENT") && fault.contains("none or one of docker, "), "{fault}");
    }

    #[test]
    fn only_docker_is_refused_or_replaced() {
        for known in KNOWN_ENVIRONMENTS {
            let elsewhere = if known == "docker" { "modal" } else { known };
            assert_eq!(DockerEnvironment::Docker.resolve(known), Ok(known));
            assert_eq!(DockerEnvironment::Replaced("modal").resolve(known), Ok(elsewhere));
            assert_eq!(DockerEnvironment::Refused.resolve(known).is_err(), known == "docker");
        }
    }

    #[test]
    fn who_has_no_docker_is_told_what_is_hosted() {
        let text = NoDocker.to_string();
        let (_, listed) = text.split_once("use one of ").unwrap();
        let listed: Vec<&str> = listed.split(", ").collect();
        assert_eq!((listed.first(), listed.last()), (Some(&"daytona"), Some(&"aca-sandbox")), "{text}");
        for of_the_machine in ["docker", "podman", "kata", "sbx", "singularity", "apple-container", "smol"] {
            assert!(!listed.contains(&of_the_machine), "{text}");
        }
    }
}
