//! The schemas of what commands print with `--json`: docs/json, with the types of answers from docs/openapi.json.

use std::path::PathBuf;

use serde_json::{Value, json};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json"))
}

/// The schema of a command line: of its first two words if these have one.
fn named(arguments: &[String]) -> Option<PathBuf> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    let first = words.first()?;
    let of_two = words.get(1).map(|second| format!("{first}-{second}"));
    let names = [of_two, Some((*first).to_owned()), Some(format!("{first}-list"))];
    names.into_iter().flatten().map(|name| folder().join(format!("{name}.schema.json"))).find(|path| path.is_file())
}

/// Fails if a command printed what its schema does not describe.
pub(crate) fn check(arguments: &[String], printed: &Value) {
    let path = named(arguments).unwrap_or_else(|| panic!("docs/json has no schema for {arguments:?}"));
    let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    // As one document: the references lead to the file beside it.
    let schema: Value = serde_json::from_str(&read(&path).replace("../openapi.json#", "#")).unwrap();
    let openapi: Value = serde_json::from_str(&read(&folder().join("../openapi.json"))).unwrap();
    let whole = json!({"allOf": [schema], "components": openapi["components"]});
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    if let Err(error) = validator.validate(printed) {
        panic!("{arguments:?} prints what {} does not describe: {} of {error}", path.display(), error.instance_path());
    }
}
