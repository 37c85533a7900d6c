//! The options of environments as submissions are checked by them, against the Harbor that is installed.

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
    assert!(harbor(&[]) == OPTIONS, "run `cargo xtask environment-options` and commit crates/domain/src/environment/options.json");
}

/// Values of every kind, for every option of every environment.
fn values() -> Vec<Value> {
    vec![
        json!(null), json!(true), json!(0), json!(1), json!(-1), json!(2), json!(0.0), json!(1.0), json!(1.5), json!(""), json!(" "),
        json!("a"), json!("yes"), json!("OFF"), json!("1"), json!(" 2 "), json!("1.0"), json!("1.5"), json!("1_000"), json!("-3"),
        json!("nan"), json!("cloud"), json!("us-east"), json!([]), json!(["a"]), json!([1]), json!([{"a": 1}]), json!([null]), json!({}),
        json!({"a": "b"}), json!({"a": 1}), json!({"a": {"b": []}}),
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
    let mut stricter = Vec::new();
    let mut laxer = std::collections::BTreeSet::new();
    for ((environment, given), taken) in asked.iter().zip(theirs.lines()) {
        match (check_options(environment, given), taken) {
            (Ok(()), "true") | (Err(_), "false") => {}
            (Err(fault), _) => stricter.push(format!("{environment} {given:?}: {fault}")),
            (Ok(()), _) => {
                let option = given.iter().find(|(_, value)| **value != json!("cloud")).map(|(option, _)| option.clone());
                laxer.insert(format!("{environment} {}", option.unwrap_or_default()));
            }
        }
    }
    assert_eq!(stricter, Vec::<String>::new(), "Harbor takes these");
    assert_eq!(laxer.into_iter().collect::<Vec<_>>(), BEYOND_SCHEMAS, "Harbor refuses these by rules of its own");
    assert_eq!(environments.len(), KNOWN_ENVIRONMENTS.len());
}

/// Environments and options whose values Harbor checks beyond their schema.
const BEYOND_SCHEMAS: &[&str] = &[];
