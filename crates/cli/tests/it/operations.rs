//! Every operation of the API has a command, or a reason why it has none: `tests/operations.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::binary::oddish;

#[derive(Deserialize)]
struct Table {
    /// Operation id, and the command that uses it.
    commands: BTreeMap<String, String>,
    /// Operation id, and why no command uses it.
    none: BTreeMap<String, String>,
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn operations() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&read("../../docs/openapi.json")).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let methods = paths.flat_map(|path| path.as_object().unwrap().values());
    let ids = methods.filter_map(|operation| operation.get("operationId")?.as_str());
    ids.map(String::from).collect()
}

#[test]
fn every_operation_has_a_command_or_a_reason() {
    let table: Table = toml::from_str(&read("tests/operations.toml")).unwrap();
    let both: Vec<&String> = table.commands.keys().filter(|id| table.none.contains_key(*id)).collect();
    assert!(both.is_empty(), "they have a command and a reason to have none: {both:?}");
    let listed: BTreeSet<String> = table.commands.keys().chain(table.none.keys()).cloned().collect();
    let operations = operations();
    assert!(operations.len() > 60, "{operations:?}");
    let unlisted: Vec<&String> = operations.difference(&listed).collect();
    assert!(unlisted.is_empty(), "give them a command, or a reason, in tests/operations.toml: {unlisted:?}");
    let gone: Vec<&String> = listed.difference(&operations).collect();
    assert!(gone.is_empty(), "tests/operations.toml lists them, and the API has them no more: {gone:?}");
    let unexplained: Vec<&String> = table.none.iter().filter(|(_, why)| why.len() < 10).map(|(id, _)| id).collect();
    assert!(unexplained.is_empty(), "say why: {unexplained:?}");
}

#[test]
fn every_command_of_an_operation_exists() {
    let table: Table = toml::from_str(&read("tests/operations.toml")).unwrap();
    let commands: BTreeSet<&String> = table.commands.values().collect();
    let absent = commands.into_iter().filter(|command| {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let outcome = oddish(&words);
        outcome.code != 0 || !outcome.stdout.contains(&format!("Usage: oddish {command}"))
    });
    let absent: Vec<&String> = absent.collect();
    assert!(absent.is_empty(), "there is no such command: {absent:?}");
}
