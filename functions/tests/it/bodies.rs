//! How bodies are written: JSON that says so, as it is, or not at all; and how answers tell browsers to take them.

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use oddish_db::Db;
use oddish_functions::endpoints::ENDPOINTS;
use oddish_functions::router::openapi;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use std::io::Write as _;
use tower::ServiceExt as _;

use crate::api::Api;

async fn ask(
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

#[with_database]
async fn every_answer_tells_browsers_how_to_take_it(db: Db) {
    let api = Api::with_keys(db.clone());
    let open = Api::new(db);
    let mut answers = vec![
        ask(&open, "GET", "/tasks/", &[], Vec::new()).await,
        ask(&open, "GET", "/nowhere", &[], Vec::new()).await,
        ask(&open, "PUT", "/tasks", &[], Vec::new()).await,
        ask(&open, "POST", "/tasks/cancel", &[("content-type", "text/plain")], b"{}".to_vec()).await,
        ask(&open, "POST", "/tasks/cancel", &[("content-type", "application/json")], vec![b' '; 3 << 20]).await,
        ask(&open, "GET", "/docs/index.html", &[], Vec::new()).await,
        ask(&open, "GET", "/openapi.json", &[("accept-encoding", "gzip")], Vec::new()).await,
    ];
    for route in ENDPOINTS.iter() {
        let path = route.path.replace("{*", "{").replace(['{', '}'], "");
        for api in [&api, &open] {
            answers.push(ask(api, route.method.as_str(), &path, &[], Vec::new()).await);
        }
    }
    let statuses: std::collections::BTreeSet<u16> = answers.iter().map(|(status, ..)| status.as_u16()).collect();
    for status in [200, 303, 307, 401, 404, 405, 413, 415, 422] {
        assert!(statuses.contains(&status), "{statuses:?}");
    }
    for (status, headers, text) in &answers {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(headers.get(name).map(|value| value.to_str().unwrap()), Some(value), "{status} {text}");
        }
        let policy = headers["content-security-policy"].to_str().unwrap();
        let is_page = headers.get("content-type").is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
        assert!(
            policy.contains("frame-ancestors 'none'")
                && (is_page || policy.starts_with("default-src 'none'") || text.contains("swagger")),
            "{policy}"
        );
    }
}

#[with_database]
async fn the_documentation_is_found_from_wherever_it_is(db: Db) {
    let api = Api::new(db);
    let (status, headers, _) = ask(&api, "GET", "/docs", &[], Vec::new()).await;
    assert_eq!((status.as_u16(), headers["location"].to_str().unwrap()), (303, "docs/index.html"));
    let (_, headers, page) = ask(&api, "GET", "/docs/index.html", &[], Vec::new()).await;
    let policy = headers["content-security-policy"].to_str().unwrap();
    let inline =
        page.split("<script").skip(1).filter(|script| !script.split('>').next().unwrap().contains("src=")).count();
    assert!(
        policy.contains("default-src 'self'") && inline == 0,
        "the page has no script that its policy would stop: {page}"
    );
    let (_, _, start) = ask(&api, "GET", "/docs/swagger-initializer.js", &[], Vec::new()).await;
    assert!(start.contains("\"../openapi.json\""), "{start}");
}

/// As `FastAPI` answers: the client sends the same request again, without the slash.
#[with_database]
async fn a_slash_too_many_leads_to_the_route(db: Db) {
    let api = Api::new(db);
    let large = vec![b'x'; 5 << 20];
    for (method, path, body, location) in [
        ("GET", "/tasks/?limit=5&user=a%20b", Vec::new(), "../tasks?limit=5&user=a%20b"),
        ("POST", "/tasks/sweep/", b"{}".to_vec(), "../sweep"),
        ("POST", "/tasks/upload/", large, "../upload"),
        ("DELETE", "/trials/a-0/", Vec::new(), "../a-0"),
        ("GET", "/health//", Vec::new(), "../../health"),
    ] {
        let (status, headers, _) = ask(&api, method, path, &[], body).await;
        assert_eq!((status.as_u16(), headers["location"].to_str().unwrap()), (307, location), "{method} {path}");
    }
    for path in ["/nowhere/", "/", "/tasks/a/b/c/"] {
        assert_eq!(ask(&api, "GET", path, &[], Vec::new()).await.0.as_u16(), 404, "{path}");
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
