//! The options of environments as submissions are checked by them, against the Harbor that is installed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Command;

use oddish_domain::environment::{KNOWN_ENVIRONMENTS, check_options};
use serde_json::{Map, Value, json};

const SCRIPT: &str = include_str!("../../../xtask/src/environment_options.py");
const OPTIONS: &str = include_str!("../../../domain/src/environment/options.json");

fn harbor(arguments: &[&std::ffi::OsStr]) -> String {
    let python = std::env::var_os("ODDISH_HARBOR_PYTHON")
        .expect("ODDISH_HARBOR_PYTHON is not set: run the tests with `cargo xtask test`, which sets Harbor up");
    let output = Command::new(python).args(["-I", "-c", SCRIPT]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn they_are_those_of_the_installed_harbor() {
    assert!(
        harbor(&[]) == OPTIONS,
        "run `cargo xtask environment-options` and commit crates/domain/src/environment/options.json"
    );
}

/// Values of every kind, for every option of every environment.
fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(2),
        json!(0.0),
        json!(1.0),
        json!(1.5),
        json!(""),
        json!(" "),
        json!("a"),
        json!("yes"),
        json!("OFF"),
        json!("1"),
        json!(" 2 "),
        json!("1.0"),
        json!("1.5"),
        json!("1_000"),
        json!("-3"),
        json!("nan"),
        json!("cloud"),
        json!("us-east"),
        json!([]),
        json!(["a"]),
        json!([1]),
        json!([{"a": 1}]),
        json!([null]),
        json!({}),
        json!({"a": "b"}),
        json!({"a": 1}),
        json!({"a": {"b": []}}),
    ]
}

/// Whatever Harbor takes is taken. What Harbor refuses is refused too, unless by a rule that its schema does not tell: those are few, and
/// named here.
#[test]
fn they_are_checked_as_harbor_checks_them() {
    let environments: Map<String, Value> = serde_json::from_str(OPTIONS).unwrap();
    let mut asked: Vec<(String, Map<String, Value>)> = Vec::new();
    for (environment, forms) in &environments {
        for form in forms.as_array().unwrap() {
            let required = form["required"].as_array().unwrap();
            let least: Map<String, Value> =
                required.iter().map(|option| (option.as_str().unwrap().to_owned(), json!("cloud"))).collect();
            asked.push((environment.clone(), Map::new()));
            asked.push((environment.clone(), least.clone()));
            for option in form["options"].as_object().unwrap().keys().map(String::as_str).chain(["no_such_option"]) {
                for value in values() {
                    let mut given = least.clone();
                    given.insert(option.to_owned(), value);
                    asked.push((environment.clone(), given));
                }
            }
        }
    }
    let mut lines = tempfile::NamedTempFile::new().unwrap();
    for question in &asked {
        writeln!(lines, "{}", serde_json::to_string(question).unwrap()).unwrap();
    }
    let theirs = harbor(&[lines.path().as_os_str()]);
    assert_eq!(theirs.lines().count(), asked.len());
    let (mut stricter, mut laxer) = (BTreeSet::new(), BTreeSet::new());
    for ((environment, given), taken) in asked.iter().zip(theirs.lines()) {
        let option = given.iter().find(|(_, value)| **value != json!("cloud")).map(|(option, _)| option.as_str());
        let named = format!("{environment} {}", option.unwrap_or_default());
        match (check_options(environment, given), taken) {
            (Ok(()), "true") | (Err(_), "false") => {}
            (Err(_), _) => _ = stricter.insert(named),
            (Ok(()), _) => _ = laxer.insert(named),
        }
    }
    // Lists of anything: to Python a text is one, of its letters, which nobody means.
    let expected = ["cwsandbox ", "cwsandbox secrets"].map(str::to_owned);
    assert_eq!((stricter, laxer), (expected.into(), BEYOND_SCHEMAS.iter().map(|&named| named.to_owned()).collect()));
    assert_eq!(environments.len(), KNOWN_ENVIRONMENTS.len());
}

/// Environments and options whose values Harbor checks beyond their schema.
const BEYOND_SCHEMAS: &[&str] = &[
    "ack ",
    "ack node_selector",
    "ack pod_annotations",
    "ack pod_labels",
    "ack pod_overrides",
    "ack sandbox_annotations",
    "ack sandbox_env_vars",
    "ack sandbox_labels",
    "cua-cloud port_services",
    "cwsandbox mounts_json",
    "daytona auto_stop_interval_mins",
    "daytona dockerd_wait_sec",
    "daytona ttl_minutes",
    "e2b max_api_reads_per_sec",
    "e2b max_concurrent_builds",
    "e2b prebuilt_template_id",
    "e2b renew_interval_sec",
    "e2b sandbox_timeout_sec",
    "mosaic enable_ssh",
    "mosaic persist",
    "mosaic replicas",
    "mosaic ttl_seconds",
    "runta connection_pool_maxsize",
    "sbx ",
    "sbx credential_refresh_margin",
    "sbx endpoint",
    "sbx management_request_interval_sec",
    "sbx policy_endpoint",
    "sbx poll_interval",
    "sbx reconnect_attempts",
    "tensorlake cas",
];
