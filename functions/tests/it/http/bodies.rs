//! How bodies are written: JSON that says so, as it is, or not at all.

use std::io::Write as _;

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use oddish_db::Db;
use oddish_functions::http::document::openapi;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) async fn ask(
    api: &Api,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (StatusCode, HeaderMap, String) {
    let request = headers
        .iter()
        .fold(Request::builder().method(method).uri(path), |request, (name, value)| request.header(*name, *value));
    let response = api.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
    (parts.status, parts.headers, String::from_utf8_lossy(&bytes).into_owned())
}

/// Method and path of every operation that reads JSON, with an id that nobody has.
fn that_read_json() -> Vec<(String, String)> {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["requestBody"]["content"]["application/json"].is_object() {
                assert!(operation["responses"]["415"].is_object(), "{method} {path} does not say 415");
                let parts = path.split('/').map(|part| if part.starts_with('{') { "none-00000000" } else { part });
                found.push((method.to_uppercase(), parts.collect::<Vec<_>>().join("/")));
            }
        }
    }
    assert!(found.len() > 8, "{found:?}");
    found
}

#[with_database]
async fn only_what_says_that_it_is_json_is_read_as_json(db: Db) {
    let api = Api::new(db);
    let body = json!({"task_ids": ["t"]}).to_string().into_bytes();
    for (method, path) in that_read_json() {
        for kind in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some(""),
        ] {
            let headers: Vec<(&str, &str)> = kind.map(|kind| ("content-type", kind)).into_iter().collect();
            let (status, _, text) = ask(&api, &method, &path, &headers, body.clone()).await;
            assert_eq!(status.as_u16(), 415, "{method} {path} {kind:?}: {text}");
            assert!(text.contains("application/json"), "{text}");
        }
        for kind in
            ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/problem+json"]
        {
            let (status, _, text) = ask(&api, &method, &path, &[("content-type", kind)], body.clone()).await;
            assert!([404, 409, 422].contains(&status.as_u16()), "{method} {path} {kind}: {status} {text}");
        }
        let (status, _, text) = ask(&api, &method, &path, &[], Vec::new()).await;
        assert_eq!(status.as_u16(), 422, "{method} {path} without a body lacks one: {text}");
    }
}

#[with_database]
async fn a_compressed_body_is_refused_and_told_why(db: Db) {
    let api = Api::new(db);
    let json = br#"{"task_ids": ["t"]}"#;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(json).unwrap();
    let packed = packer.finish().unwrap();
    for (method, path) in that_read_json() {
        let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
        let (status, headers, text) = ask(&api, &method, &path, &headers, packed.clone()).await;
        assert_eq!(status.as_u16(), 415, "{method} {path}: {text}");
        assert!(text.contains("Content-Encoding") && headers["accept-encoding"] == "identity", "{text} {headers:?}");
    }
    let headers = [("content-type", "application/json"), ("content-encoding", "identity")];
    assert_eq!(
        ask(&api, "POST", "/tasks/cancel", &headers, json.to_vec()).await.0.as_u16(),
        404,
        "nobody has such a task"
    );
}

#[with_database]
async fn an_upload_must_be_a_form(db: Db) {
    let api = Api::new(db);
    for (headers, named) in [
        (&[][..], "multipart/form-data"),
        (&[("content-type", "application/gzip")], "multipart/form-data"),
        (&[("content-type", "multipart/form-data; boundary=x"), ("content-encoding", "gzip")], "Content-Encoding"),
    ] {
        let (status, _, text) = ask(&api, "POST", "/tasks/upload", headers, b"x".to_vec()).await;
        assert!(status.as_u16() == 415 && text.contains(named), "{status} {text}");
    }
    let (status, _, text) =
        ask(&api, "POST", "/tasks/upload", &[("content-type", "multipart/form-data")], b"x".to_vec()).await;
    assert_eq!(status.as_u16(), 400, "a form without a boundary is a broken form: {text}");
}

#[with_database]
async fn what_takes_no_body_asks_for_none(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(2).await;
    for (path, headers, body) in [
        (format!("/trials/{task_id}-0/cancel"), &[][..], &b""[..]),
        (format!("/trials/{task_id}-1/cancel"), &[("content-type", "text/plain")], b"anything"),
    ] {
        let (status, _, text) = ask(&api, "POST", &path, headers, body.to_vec()).await;
        assert_eq!(status.as_u16(), 200, "{text}");
    }
}

#[test]
fn the_document_has_every_word_for_a_truth_value() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut found = 0;
    for operation in document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let is_truth = |schema: &Value| schema["type"] == "boolean";
            assert!(parameter["in"] != "query" || !is_truth(&parameter["schema"]), "{parameter}");
            if !parameter["schema"]["anyOf"].as_array().is_some_and(|kinds| kinds.iter().any(is_truth)) {
                continue;
            }
            found += 1;
            let schema = jsonschema::draft202012::new(&parameter["schema"]).unwrap();
            for word in ["True", "1", "yes", "ON", "t", "Y", "false", "0", "No", "off", "F", "n"] {
                assert!(schema.is_valid(&json!(word)), "{word}");
            }
            for word in ["", "2", "truee", "none", " true"] {
                assert!(!schema.is_valid(&json!(word)), "{word}");
            }
        }
    }
    assert!(found > 5, "{found}");
}
