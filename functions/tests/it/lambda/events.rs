//! Events of an API Gateway HTTP API, as `functions/tests/events` has them, through the conversion that functions use.

use std::path::Path;

use axum::Router;
use axum::routing::get;
use http::HeaderMap;
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use oddish_db::Db;
use oddish_functions::http::layers;
use oddish_functions::lambda;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

/// What API Gateway gets back.
#[derive(Debug)]
struct Reply {
    status: u64,
    body: Value,
}

impl Reply {
    /// The text of an error, after checking its status.
    fn error(&self, status: u64) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        self.body["detail"].as_str().unwrap_or_else(|| panic!("{self:?}"))
    }
}

async fn ask(app: &Router, event: &str) -> Reply {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events").join(event).with_extension("json");
    let event = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let reply = lambda::answer(app.clone(), LambdaEvent::new(event, Context::default())).await.unwrap();
    let reply = serde_json::to_value(reply).unwrap();
    assert_eq!(reply["isBase64Encoded"], false, "JSON goes back as text: {reply}");
    assert!(reply["headers"]["x-request-id"].is_string(), "{reply}");
    let body = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap_or_else(|_| reply["body"].clone());
    Reply { status: reply["statusCode"].as_u64().unwrap(), body }
}

#[with_database]
async fn bodies_arrive_whether_in_base64_or_as_text(db: Db) {
    let api = Api::new(db);
    let reply = ask(&api.router, "upload_with_base64_body").await;
    assert_eq!((reply.status, reply.body["name"].as_str()), (200, Some("from-lambda")), "{reply:?}");
    let text = ask(&api.router, "sweep_with_text_body").await;
    assert!(text.error(404).contains("no-such-task"), "{text:?}");
}

#[with_database]
async fn a_decoded_path_stays_one_path(db: Db) {
    let api = Api::new(db);
    for (event, id) in [("path_with_decoded_characters", "a b?c#d\\e\"f<g>ü%zz"), ("path_with_escapes", "a/b c")] {
        let reply = ask(&api.router, event).await;
        assert!(reply.error(404).contains(id), "{reply:?}");
    }
    let reply = ask(&api.router, "path_with_lone_percent_bytes").await;
    assert!((400..500).contains(&reply.status), "{reply:?}");
}

#[with_database]
async fn a_named_stage_changes_no_route(db: Db) {
    let api = Api::new(db);
    for event in ["named_stage", "named_stage_outside_the_path", "stage_that_begins_a_segment"] {
        let reply = ask(&api.router, event).await;
        assert_eq!((reply.status, reply.body.as_array().map(Vec::len)), (200, Some(0)), "{event}: {reply:?}");
    }
}

#[with_database]
async fn queries_are_read_as_the_client_wrote_them(db: Db) {
    let api = Api::new(db);
    let reply = ask(&api.router, "encoded_query").await;
    assert_eq!((reply.status, reply.body.as_array().map(Vec::len)), (200, Some(0)), "{reply:?}");
    let reply = ask(&api.router, "query_with_bare_characters").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = ask(&api.router, "multi_value_query").await;
    assert_eq!(reply.status, 422, "{reply:?}");
    assert!(reply.body["detail"][0]["msg"].as_str().unwrap().contains("limit"), "both values arrived: {reply:?}");
}

#[tokio::test]
async fn cookies_are_one_header() {
    let echo =
        |headers: HeaderMap| async move { format!("{:?}", headers.get_all("cookie").iter().collect::<Vec<_>>()) };
    let app = layers::around(Router::new().route("/echo", get(echo)));
    assert_eq!(ask(&app, "cookies").await.body, json!(["first=1; second=two words"]));
}

#[with_database]
async fn what_is_missing_or_senseless_is_no_500(db: Db) {
    let api = Api::new(db);
    assert_eq!(ask(&api.router, "missing_fields").await.error(404), "Not Found");
    assert_eq!(ask(&api.router, "missing_fields_but_the_path").await.body["status"], "healthy");
    assert_eq!(ask(&api.router, "host_that_is_none").await.body["status"], "healthy");
    assert_eq!(ask(&api.router, "null_fields").await.status, 200);
    assert_eq!(ask(&api.router, "function_of_another_route").await.error(405), "Method Not Allowed");
}
