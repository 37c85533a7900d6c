//! Whether the tests showed each type of answer whole (`functions/tests/it/shapes.rs`), after a run of all of them.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::workspace;

const DOCUMENT: &str = "docs/openapi.json";

/// The folder in which tests note the types that they showed.
fn folder() -> PathBuf {
    workspace::root().join("target/tmp/shown-answers")
}

/// Removes the notes of earlier runs.
pub(crate) fn forget() -> Result<()> {
    match std::fs::remove_dir_all(folder()) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).context("can't remove the notes of shown answers")
        }
        _ => Ok(()),
    }
}

/// Fails if a type of the document's good answers was not shown.
pub(crate) fn check() -> Result<()> {
    let path = workspace::root().join(DOCUMENT);
    let document = std::fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let missing =
        missing(&serde_json::from_str(&document).context("it is no JSON")?, |name| folder().join(name).is_file());
    ensure!(
        missing.is_empty(),
        "no test shows these types of answers whole: {}. Show each once with `shapes::of` and a snapshot (functions/tests/it/shapes.rs)",
        missing.into_iter().collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

/// The types of the JSON bodies of good answers that are not shown.
fn missing(document: &Value, is_shown: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let operations = document["paths"].as_object().into_iter().flat_map(serde_json::Map::values);
    let operations = operations.filter_map(Value::as_object).flat_map(serde_json::Map::values);
    let types = operations.filter_map(|operation| {
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        schema["$ref"].as_str().or_else(|| schema["items"]["$ref"].as_str())
    });
    let names = types.filter_map(|schema| schema.rsplit('/').next());
    names.filter(|name| !is_shown(name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_no_test_shows_is_found() {
        let body = |schema: Value| serde_json::json!({"responses": {"200": {"content": {"application/json": {"schema": schema}}}}});
        let document = serde_json::json!({"paths": {
            "/a": {"get": body(serde_json::json!({"$ref": "#/components/schemas/A"}))},
            "/b": {"get": body(serde_json::json!({"type": "array", "items": {"$ref": "#/components/schemas/B"}}))},
        }});
        assert_eq!(missing(&document, |name| name == "A"), BTreeSet::from(["B".to_owned()]));
    }
}
