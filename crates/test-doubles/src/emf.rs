//! What the specification of the embedded metric format demands of a document.

use jsonschema::Validator;
use serde_json::{Value, json};

/// The units of `CloudWatch` (AWS, `MetricDatum`).
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// 2026-01-01 and 2100-01-01 in milliseconds: seconds or microseconds lie outside.
const TIMES: [u64; 2] = [1_767_225_600_000, 4_102_444_800_000];

fn schema() -> Value {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$", "not": { "pattern": "^:" } });
    let metric = json!({
        "type": "object", "required": ["Name"], "additionalProperties": false,
        "properties": { "Name": name, "Unit": { "enum": UNITS }, "StorageResolution": { "enum": [1, 60] } },
    });
    let directive = json!({
        "type": "object", "required": ["Namespace", "Dimensions", "Metrics"], "additionalProperties": false,
        "properties": {
            "Namespace": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[A-Za-z0-9._/#:-]+$" },
            "Dimensions": {
                "type": "array", "minItems": 1,
                "items": { "type": "array", "maxItems": 30, "uniqueItems": true, "items": name },
            },
            "Metrics": { "type": "array", "minItems": 1, "maxItems": 100, "items": metric },
        },
    });
    json!({
        "type": "object", "required": ["_aws"],
        "properties": { "_aws": {
            "type": "object", "required": ["Timestamp", "CloudWatchMetrics"], "additionalProperties": false,
            "properties": {
                "Timestamp": { "type": "integer", "minimum": TIMES[0], "maximum": TIMES[1] },
                "CloudWatchMetrics": { "type": "array", "minItems": 1, "items": directive },
            },
        } },
    })
}

/// What is wrong with a document; nothing if it is one that `CloudWatch` takes the metrics from.
pub fn faults(document: &Value) -> Vec<String> {
    let validator = Validator::new(&schema()).unwrap();
    let mut faults: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if document.to_string().len() > 256 << 10 {
        faults.push("it is larger than 256 KiB".to_owned());
    }
    // What is referred to must stand on the root, which no schema says.
    for directive in document["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
        for dimension in directive["Dimensions"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|set| set.as_array().into_iter().flatten())
        {
            let value = &document[dimension.as_str().unwrap_or_default()];
            let fits = value.as_str().is_some_and(|value| {
                (1..=1024).contains(&value.len())
                    && value.bytes().all(|b| (0x20..0x7f).contains(&b))
                    && !value.trim().is_empty()
            });
            if !fits {
                faults.push(format!("the dimension {dimension} is {value}"));
            }
        }
        for metric in directive["Metrics"].as_array().into_iter().flatten() {
            let value = &document[metric["Name"].as_str().unwrap_or_default()];
            let fits = match value {
                Value::Array(values) => (1..=100).contains(&values.len()) && values.iter().all(Value::is_number),
                value => value.is_number(),
            };
            if !fits {
                faults.push(format!("the metric {} is {value}", metric["Name"]));
            }
        }
    }
    faults
}
