//! The route table, the document, the binaries: they say the same.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use oddish_functions::router::openapi;
use oddish_functions::routes::{EVENT_FUNCTIONS, ROUTES, TAKES_SLASHES};

#[test]
fn the_document_has_every_route_and_no_other() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let mut methods = item.as_object().unwrap().clone();
        let path = match methods.remove(TAKES_SLASHES) {
            Some(name) => {
                path.replace(&format!("{{{}}}", name.as_str().unwrap()), &format!("{{*{}}}", name.as_str().unwrap()))
            }
            None => path.clone(),
        };
        for (method, operation) in &methods {
            found.insert((path.clone(), method.to_uppercase(), operation["operationId"].as_str().unwrap().to_owned()));
        }
    }
    let table: BTreeSet<_> = ROUTES
        .iter()
        .map(|route| (route.path.to_owned(), route.method.to_owned(), route.function.to_owned()))
        .collect();
    assert_eq!(found, table);
}

#[test]
fn every_function_has_a_binary_and_every_binary_is_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
    let binaries: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let functions: BTreeSet<String> =
        ROUTES.iter().map(|route| route.function).chain(EVENT_FUNCTIONS.iter().copied()).map(str::to_owned).collect();
    assert_eq!(binaries, functions);
}

#[test]
fn the_document_in_docs_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let expected = format!("{}\n", serde_json::to_string_pretty(&openapi()).unwrap());
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/openapi.json is out of date: run `UPDATE_EXPECTED=1 cargo xtask test -E 'test(the_document_in_docs)'`"
    );
}

#[test]
fn the_table_in_docs_is_current() {
    const BEGIN: &str = "cargo xtask test -E 'test(the_table_in_docs)' -->\n";
    const END: &str = "<!-- end -->";
    let document = serde_json::to_value(openapi()).unwrap();
    let mut table = "| endpoint | scope | what it does |\n|---|---|---|\n".to_owned();
    for route in ROUTES {
        let path = route.path.replace('*', "");
        let summary = document["paths"][&path][route.method.to_lowercase()]["summary"].as_str().unwrap();
        let scope = route.scope.map_or("public", |scope| scope.as_str());
        writeln!(table, "| `{} {path}` | {scope} | {} |", route.method, summary.trim_end_matches('.')).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let found = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = found.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert!(
        found == expected || std::env::var_os("UPDATE_EXPECTED").is_some(),
        "the table in docs/api.md is out of date: run `UPDATE_EXPECTED=1 cargo xtask test -E 'test(the_table_in_docs)'`"
    );
}

/// The calls that the operator's manual names are calls that there are.
#[test]
fn every_call_in_the_manual_is_a_route() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut calls = 0;
    for code in text.split('`').skip(1).step_by(2) {
        let Some((method, path)) = code.split_once(' ') else { continue };
        if !["GET", "POST", "PATCH", "DELETE"].contains(&method) {
            continue;
        }
        calls += 1;
        let named =
            |route: &oddish_functions::routes::Route| route.method == method && route.path.replace("{*", "{") == path;
        assert!(ROUTES.iter().any(named), "docs/operations.md names {method} {path}");
    }
    assert!(calls > 10, "the document names {calls} calls");
}
