//! What is made from the list of endpoints.

use std::fmt::Write as _;
use std::path::Path;

use oddish_domain::api_key::Scope;
use oddish_functions::endpoints::{ENDPOINTS, Endpoint};
use oddish_functions::http::document::openapi;
use oddish_test_support::derived;
use serde_json::json;

/// Whoever generates template.yaml, or deploys without SAM, reads the list there.
#[test]
fn the_list_of_endpoints_is_current() {
    let rows: Vec<_> = ENDPOINTS
        .iter()
        .map(|endpoint| {
            json!({
                "name": endpoint.name,
                "method": endpoint.method.as_str(),
                "path": endpoint.path,
                "scope": endpoint.scope.map(Scope::as_str),
                "capabilities": endpoint.capabilities.names().collect::<Vec<_>>(),
            })
        })
        .collect();
    let expected = format!("[\n{}\n]\n", rows.iter().map(|row| format!("  {row}")).collect::<Vec<_>>().join(",\n"));
    derived::check("functions/endpoints.json", &expected);
}

/// A function is called like the operation that it serves.
#[test]
fn names_are_operation_ids() {
    let document = serde_json::to_value(openapi()).unwrap();
    for endpoint in ENDPOINTS.iter() {
        let path = endpoint.path.replace('*', "");
        let operation = &document["paths"][&path][endpoint.method.as_str().to_lowercase()];
        assert_eq!(operation["operationId"], json!(endpoint.name), "{path}");
    }
}

#[test]
fn the_document_in_docs_is_current() {
    let expected = format!("{}\n", serde_json::to_string_pretty(&openapi()).unwrap());
    derived::check("docs/openapi.json", &expected);
}

#[test]
fn the_table_in_docs_is_current() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut table = "| endpoint | scope | what it does |\n|---|---|---|\n".to_owned();
    for route in ENDPOINTS.iter() {
        let path = route.path.replace('*', "");
        let summary = document["paths"][&path][route.method.as_str().to_lowercase()]["summary"].as_str().unwrap();
        let scope = route.scope.map_or("public", |scope| scope.as_str());
        writeln!(
            table,
            "| `{} {path}` | {scope} | {} |",
            route.method,
            summary.trim_end_matches('.').replace('\n', " ")
        )
        .unwrap();
    }
    derived::check_part("docs/api.md", "<!-- the table of endpoints", "<!-- end -->", &table);
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
        let named = |route: &Endpoint| route.method == method && route.path.replace("{*", "{") == path;
        assert!(ENDPOINTS.iter().any(named), "docs/operations.md names {method} {path}");
    }
    assert!(calls > 10, "the document names {calls} calls");
}
