//! What the document says besides its routes: examples that hold, and what every operation of a kind answers.

use jsonschema::Validator;
use oddish_functions::endpoints::ENDPOINTS;
use oddish_functions::http::document::openapi;
use serde_json::{Value, json};

fn document() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

/// A validator for one schema of the document, with the components that it refers to.
pub(crate) fn validator(document: &Value, schema: &Value) -> Validator {
    let whole = json!({"allOf": [schema], "components": document["components"]});
    jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap()
}

fn examples(schema: &Value) -> Vec<&Value> {
    let list = schema["examples"].as_array().into_iter().flatten();
    list.chain(schema.get("example")).collect()
}

/// Every example of this part of the document that its schema refuses, with where it stands.
fn refused(document: &Value, part: &Value, place: &str, found: &mut Vec<String>) {
    match part {
        Value::Object(fields) => {
            // The example of an answer or a body stands beside its schema, the one of a schema within it.
            let schema = fields.get("schema").unwrap_or(part);
            for example in examples(part) {
                if let Err(error) = validator(document, schema).validate(example) {
                    found.push(format!("{place}: {error}"));
                }
            }
            for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with("example")) {
                refused(document, value, &format!("{place}/{name}"), found);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                refused(document, value, &format!("{place}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_operation_has_a_summary_of_one_sentence() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let operations =
        paths.values().flat_map(|methods| methods.as_object().unwrap().values()).filter(|part| part.is_object());
    let summary = |operation: &Value| operation["summary"].as_str().unwrap_or_default().to_owned();
    let odd = |summary: &str| {
        let verb = summary.split(' ').next().unwrap_or_default();
        summary.len() > 110
            || summary.contains('\n')
            || !summary.ends_with('.')
            || summary.contains(". ")
            || !verb.ends_with('s')
    };
    let odd: Vec<_> = operations.map(summary).filter(|summary| odd(summary)).collect();
    assert!(
        odd.is_empty(),
        "a summary is one line and begins with a verb, such as `Lists trials.`; details follow an empty line: {odd:#?}"
    );
}

#[test]
fn every_schema_has_an_example() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert!(schemas.len() > 40);
    let bare: Vec<_> = schemas.iter().filter(|(_, schema)| examples(schema).is_empty()).map(|(name, _)| name).collect();
    assert!(bare.is_empty(), "give these an example, with #[schema(examples(json!(..)))]: {bare:?}");
}

#[test]
fn every_example_is_what_its_schema_says() {
    let document = document();
    let mut found = Vec::new();
    refused(&document, &document, "", &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// An example that only leaves out what is optional would not show what an answer looks like.
#[test]
fn examples_of_answers_show_every_field() {
    let document = document();
    let mut found = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(properties) = schema["properties"].as_object() else { continue };
        for example in examples(schema).into_iter().filter(|_| name.ends_with("Response")) {
            let missing: Vec<_> = properties.keys().filter(|field| example.get(field).is_none()).collect();
            if !missing.is_empty() {
                found.push(format!("{name}: {missing:?}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn operations_say_what_surrounds_them() {
    let document = document();
    for route in ENDPOINTS.iter() {
        let path = route.path.replace('*', "");
        let operation = &document["paths"][&path][route.method.as_str().to_lowercase()];
        let answers = |status: &str| operation["responses"].get(status).is_some();
        let asks = route.scope.is_some();
        assert_eq!((answers("401"), answers("403")), (asks, asks), "{path}");
        let scope = route.scope.map(|scope| json!([{"api_key": [scope.as_str()]}]));
        assert_eq!(operation.get("security"), scope.as_ref(), "{path}");
        if operation.get("requestBody").is_some() {
            assert!(["400", "413", "422"].into_iter().all(answers), "{path}");
        }
        if operation["parameters"].as_array().is_some_and(|parameters| !parameters.is_empty()) {
            assert!(["400", "422"].into_iter().all(answers), "{path}");
        }
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let described = answer["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(described || answer.get("$ref").is_some(), "{path} {status}");
        }
    }
}

/// What can be said of a parameter is said: text without any bound would promise that everything is taken.
#[test]
fn ids_in_paths_have_a_form() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                if parameter["in"] == "path" && name.ends_with("_id") {
                    assert!(parameter["schema"]["pattern"].is_string(), "{path} {name}");
                }
            }
        }
    }
}

#[test]
fn labels_are_bounded() {
    let schemas = &document()["components"]["schemas"];
    let some = [
        ("SweepRequest", "user"),
        ("InitUploadRequest", "name"),
        ("CreateApiKeyRequest", "owner"),
        ("ImportedTrial", "agent"),
    ];
    for (schema, field) in some {
        let label = &schemas[schema]["properties"][field];
        assert!(label["pattern"].is_string() && label["maxLength"] == 255, "{schema} {field}");
    }
}
