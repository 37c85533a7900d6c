//! What a trial may ask for of the machine, by what the real `docker compose` makes of its files.

use std::fs;

use oddish_db::AttemptRef;
use oddish_db::attempts::Assignment;
use oddish_domain::agent_env::AgentEnv;
use oddish_domain::harbor_settings::HarborSettings;
use oddish_domain::status::JobKind;
use oddish_runner::host_access::{Asked, HostAccessError, check};
use rstest::rstest;
use serde_json::json;

/// What is said of a trial of a task with these files.
async fn asked(files: &[(&str, &str)], environment: &str, kwargs: serde_json::Value) -> Result<(), HostAccessError> {
    let folder = tempfile::tempdir().unwrap();
    // The task is found through a link, as where the folder for jobs is one.
    let (real, task) = (folder.path().join("real"), folder.path().join("task"));
    std::os::unix::fs::symlink(&real, &task).unwrap();
    let mut paths = Vec::new();
    for (path, text) in files {
        fs::create_dir_all(real.join(path).parent().unwrap()).unwrap();
        fs::write(real.join(path), text).unwrap();
        paths.push((*path).to_owned());
    }
    let assignment = Assignment {
        attempt: AttemptRef { kind: JobKind::Trial, subject: "t-0".to_owned(), number: 1, token: uuid::Uuid::nil() },
        queue_key: "default".to_owned(),
        task_id: "t".to_owned(),
        task_name: "t".to_owned(),
        task_version: 1,
        archive_key: String::new(),
        archive_sha256: String::new(),
        agent: "cline-cli".to_owned(),
        model: None,
        environment: environment.to_owned(),
        agent_timeout_sec: None,
        harbor: json!({}),
    };
    let settings: HarborSettings = serde_json::from_value(json!({"agent_kwargs": kwargs})).unwrap();
    let asked = Asked {
        assignment: &assignment,
        settings: &settings,
        agent_env: &AgentEnv::default(),
        task: &task,
        paths: &paths,
        trial_name: "t-0-a1",
    };
    let mut variables: Vec<_> = std::env::vars_os().collect();
    variables.push(("OF_THE_RUNNER".into(), "/etc".into()));
    check(asked, &variables).await
}

const TOML: &str =
    "[environment.env]\nDATA = './data'\nROOT = '/'\nPASSED = '${OF_THE_RUNNER}'\nELSE = '${NOT_SET:-./x}'\n";

#[rstest]
#[case(
    "services: {main: {volumes: ['${DATA}:/data', '${ELSE}:/x', 'named:/n', '${HOST_AGENT_LOGS_PATH}:${ENV_AGENT_LOGS_PATH}']}}\nvolumes: {named: {}}"
)]
#[case(
    "services: {main: {build: {context: '${CONTEXT_DIR}'}}, db: {image: postgres, networks: [n]}}\nnetworks: {n: {}}"
)]
#[case("services: {main: {extends: {file: more/base.yaml, service: base}, env_file: [a.env]}}")]
#[case("include: [more/base.yaml]")]
#[case(
    "services: {main: {image: '${MAIN_IMAGE_NAME}', deploy: {resources: {limits: {cpus: '${CPUS}', memory: '${MEMORY}'}}}}}"
)]
#[tokio::test]
async fn what_stays_in_the_sandbox_runs(#[case] compose: &str) {
    let files = [
        ("task.toml", TOML),
        ("environment/docker-compose.yaml", compose),
        ("environment/a.env", "A=b\n"),
        ("environment/more/base.yaml", "services: {base: {image: debian, volumes: ['./data:/data']}}"),
    ];
    asked(&files, "docker", json!({})).await.unwrap();
}

#[rstest]
#[case(
    "services:\n  main:\n    volumes: ['${ROOT}:/host']",
    "environment/docker-compose.yaml, line 3: services.main.volumes mounts \"/\""
)]
#[case("services: {main: {volumes: ['${NOWHERE:-/etc}:/host']}}", "services.main.volumes mounts \"/etc\"")]
#[case("services: {main: {volumes: ['${HOST_AGENT_LOGS_PATH}/x:/host']}}", "depends on a variable of the machine")]
#[case("services: {main: {volumes: ['${FROM_FILE}:/host']}}", "services.main.volumes mounts \"/root\"")]
#[case("services: {main: {privileged: '${YES}', image: x}}", "services.main.privileged gives")]
#[case("services: {main: {network_mode: '${HOST}'}}", "services.main.network_mode is \"host\"")]
#[case("services: {main: {cap_add: ['${CAPABILITY:-SYS_ADMIN}']}}", "asks for \"SYS_ADMIN\"")]
#[case("services: {main: {build: {context: '${ROOT}'}}}", "services.main.build.context names")]
#[case("services: {main: {image: x}}\nnetworks: {n: {name: '${HOST}', external: '${YES}'}}", "networks.n.")]
#[tokio::test]
async fn what_variables_hide_is_found(#[case] compose: &str, #[case] told: &str) {
    let compose = compose.replace("{image: x}}\nnetworks", "{image: x, networks: [n]}}\nnetworks");
    let files = [
        ("task.toml", TOML),
        ("environment/docker-compose.yaml", compose.as_str()),
        ("environment/.env", "FROM_FILE=/root\nYES=true\nHOST=host\n"),
    ];
    let error = asked(&files, "docker", json!({})).await.unwrap_err();
    assert!(matches!(error, HostAccessError::Refused(_)) && error.to_string().contains(told), "{error}");
    asked(&files, "daytona", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_variable_of_the_machine_cannot_hide_what_is_mounted() {
    let files =
        [("task.toml", TOML), ("environment/docker-compose.yaml", "services: {main: {volumes: ['${PASSED}:/host']}}")];
    let error = asked(&files, "docker", json!({})).await.unwrap_err();
    assert!(error.to_string().contains("services.main.volumes mounts \"/etc\""), "{error}");
}

#[tokio::test]
async fn what_compose_cannot_use_is_told() {
    let files = [("task.toml", ""), ("environment/docker-compose.yaml", "services: {main: {depends_on: [nobody]}}")];
    let error = asked(&files, "docker", json!({})).await.unwrap_err();
    assert!(matches!(error, HostAccessError::Compose { .. }) && error.to_string().contains("nobody"), "{error}");
}

#[tokio::test]
async fn files_of_the_runner_are_refused_wherever_trials_run() {
    for environment in ["docker", "daytona"] {
        let error = asked(&[("task.toml", "")], environment, json!({"tarball_path": "/etc/shadow"})).await.unwrap_err();
        assert!(error.to_string().contains("`agent_kwargs.tarball_path` names a file"), "{error}");
    }
}
