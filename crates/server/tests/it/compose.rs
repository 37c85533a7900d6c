//! docker-compose.yml, as Compose reads it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The services, with these variables and nobody's .env.
fn services(variables: &[(&str, &str)]) -> Value {
    let mut command = Command::new("docker");
    command.args(["compose", "--env-file", "/dev/null", "config", "--format", "json", "--no-path-resolution"]);
    let output = command.env_clear().envs(variables.iter().copied()).env("PATH", std::env::var_os("PATH").unwrap());
    let output = output.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut config: Value = serde_json::from_slice(&output.stdout).unwrap();
    config["services"].take()
}

#[test]
fn compose_starts_things_in_their_order() {
    let services = services(&[]);
    let names: Vec<&String> = services.as_object().unwrap().keys().collect();
    assert_eq!(names, ["api", "db", "db-init", "worker"]);
    for service in ["api", "worker"] {
        let waits_for = &services[service]["depends_on"];
        assert_eq!(waits_for["db"]["condition"], "service_healthy");
        assert_eq!(waits_for["db-init"]["condition"], "service_completed_successfully");
    }
    assert_eq!(services["db-init"]["command"], json!(["db", "init"]));
    for service in ["api", "worker", "db-init"] {
        assert_eq!(services[service]["image"], "oddish-server");
        assert_eq!(services[service]["build"]["target"], "server");
    }
}

#[test]
fn compose_opens_nothing_to_the_network() {
    let services = services(&[("ODDISH_API_PORT", "9000"), ("POSTGRES_PORT", "5433")]);
    let published: Vec<Value> = ["api", "db"].map(|service| services[service]["ports"][0].clone()).into();
    let shown: Vec<Value> =
        published.iter().map(|port| json!([port["host_ip"], port["published"], port["target"]])).collect();
    assert_eq!(shown, [json!(["127.0.0.1", "9000", 8000]), json!(["127.0.0.1", "5433", 5432])]);
    assert_eq!(services["api"]["environment"]["ODDISH_PUBLIC_URL"], "http://localhost:9000");
    assert_eq!(services["api"]["environment"]["ODDISH_API_PORT"], "8000");
    assert_eq!(services["api"]["environment"]["ODDISH_ALLOWED_HOSTS"], "api", "as other containers call it");
}

#[test]
fn compose_gives_the_worker_what_the_daemon_mounts() {
    let services = services(&[("ODDISH_HARBOR_JOBS_DIR", "/srv/jobs")]);
    let worker = &services["worker"];
    let mounts: Vec<(&str, &str)> = worker["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| (mount["source"].as_str().unwrap(), mount["target"].as_str().unwrap()))
        .collect();
    assert!(mounts.contains(&("/srv/jobs", "/srv/jobs")), "{mounts:?}");
    assert!(mounts.contains(&("/var/run/docker.sock", "/var/run/docker.sock")), "{mounts:?}");
    assert_eq!(worker["environment"]["ODDISH_HARBOR_JOBS_DIR"], "/srv/jobs");
    // Only the worker has the socket, and both find the same files and the same secret.
    let api = services["api"]["volumes"].to_string();
    assert!(!api.contains("docker.sock"), "{api}");
    for shared in ["artifacts", "home"] {
        assert!(
            mounts.iter().any(|(source, _)| *source == shared) && api.contains(&format!("\"source\":\"{shared}\""))
        );
    }
}

#[test]
fn compose_sets_what_there_is_to_set() {
    let known = std::fs::read_to_string(root().join("env.example")).unwrap();
    let services = services(&[]);
    let set = ["api", "worker", "db-init"].map(|service| services[service]["environment"].as_object().unwrap().clone());
    for name in set.iter().flat_map(|variables| variables.keys()) {
        assert!(known.contains(&format!("\n#{name}=")), "{name} is no setting");
    }
}
