//! How answers are sent: compressed, not at all if the client has them, and never larger than can be handed over.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use http::{HeaderMap, Request, StatusCode};
use oddish_db::Db;
use oddish_functions::lambda;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use std::io::Read as _;
use tower::ServiceExt as _;

async fn ask(router: &Router, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, axum::body::to_bytes(body, 64 << 20).await.unwrap().to_vec())
}

#[with_database]
async fn what_a_client_has_already_is_not_sent_again(db: Db) {
    let api = Api::new(db);
    let task = api.submitted(1).await;
    let experiment = api.experiment_of(&task).await;
    for path in
        [format!("/tasks/{task}"), "/tasks".to_owned(), format!("/experiments/{experiment}"), "/trials".to_owned()]
    {
        let (status, headers, body) = ask(&api.router, &path, &[]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!body.is_empty());
        assert_eq!(headers["cache-control"], "private, no-cache");
        let tag = headers["etag"].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("\"other\", {tag}"), tag.trim_start_matches("W/").to_owned(), "*".to_owned()]
        {
            let (status, headers, body) = ask(&api.router, &path, &[("if-none-match", &known)]).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{path} {known}");
            assert_eq!(headers["etag"], tag.as_str());
            assert!(headers.contains_key("x-request-id") && !headers.contains_key("content-type"));
        }
    }
    let path = format!("/tasks/{task}");
    let tag = ask(&api.router, &path, &[]).await.1["etag"].clone();
    api.succeeded().await;
    let (status, headers, _) = ask(&api.router, &path, &[("if-none-match", tag.to_str().unwrap())]).await;
    assert_eq!(status, StatusCode::OK, "it has changed");
    assert_ne!(headers["etag"], tag);
    let (status, headers, _) = ask(&api.router, "/tasks/none", &[("if-none-match", "*")]).await;
    assert_eq!((status, headers.get("etag")), (StatusCode::NOT_FOUND, None), "an error has no tag");
}

#[with_database]
async fn results_and_comparisons_have_the_version_of_their_trials_for_a_tag(db: Db) {
    let api = Api::new(db);
    let task = api.submitted(2).await;
    let experiment = api.experiment_of(&task).await;
    let paths =
        [format!("/experiments/{experiment}/results"), format!("/experiments/{experiment}/compare?with={experiment}")];
    let tag_of = async |path: &str| {
        let (status, headers, body) = ask(&api.router, path, &[]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        let version = body["data_version"].as_str().or(body["left"]["data_version"].as_str()).unwrap();
        let tag = headers["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with(&format!("W/\"{version}-")), "{tag}");
        tag
    };
    for path in &paths {
        let first = tag_of(path).await;
        assert_eq!(tag_of(path).await, first);
        let (status, headers, body) = ask(&api.router, path, &[("if-none-match", &first)]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
        assert_eq!(
            (headers["etag"].to_str().unwrap(), headers["cache-control"].to_str().unwrap()),
            (first.as_str(), "private, no-cache")
        );
        let other = format!("{path}{}pass_threshold=0.5", if path.contains('?') { '&' } else { '?' });
        assert_ne!(tag_of(&other).await, first, "another question");
        sqlx::query("update oddish.trials set error_class = 'agent' where trial_index = 0")
            .execute(&api.db)
            .await
            .unwrap();
        let second = tag_of(path).await;
        assert_ne!(second, first, "a trial changed");
        let renamed =
            api.patch(&format!("/experiments/{experiment}"), &json!({"name": format!("new {}", path.len())})).await;
        assert_eq!(renamed.status, StatusCode::OK);
        assert_ne!(tag_of(path).await, second, "the name is in the answer");
    }
    let before = api.get(&format!("/experiments/{experiment}")).await.json()["data_version"].clone();
    sqlx::query("delete from oddish.trials where trial_index = 1").execute(&api.db).await.unwrap();
    assert_ne!(api.get(&format!("/experiments/{experiment}")).await.json()["data_version"], before, "a trial is gone");
}

#[with_database]
async fn answers_are_compressed_for_whom_takes_it(db: Db) {
    let api = Api::new(db);
    api.submitted(50).await;
    let (_, headers, plain) = ask(&api.router, "/tasks", &[]).await;
    assert!(!headers.contains_key("content-encoding"));
    let (_, headers, packed) = ask(&api.router, "/tasks", &[("accept-encoding", "gzip, deflate")]).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(packed.len() * 5 < plain.len(), "{} of {}", packed.len(), plain.len());
    let mut unpacked = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
    let trials = |bytes: &[u8]| {
        let tasks: Value = serde_json::from_slice(bytes).unwrap();
        tasks[0]["trials"].as_array().unwrap().len()
    };
    assert_eq!((trials(&unpacked), trials(&plain)), (50, 50));
}

/// Bytes that look alike, of which gzip leaves little, and others of which it leaves all.
async fn alike() -> Json<Vec<String>> {
    Json(vec!["a trial among others".to_owned(); 400_000])
}

async fn quotes() -> Json<String> {
    Json("\"".repeat(2_000_000))
}

async fn random() -> Response {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let digits: String = (0..3_500_000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b'!' + u8::try_from(state >> 32 & 0x3f).unwrap())
        })
        .collect();
    Json(json!({ "digits": digits.repeat(2) })).into_response()
}

#[tokio::test]
async fn a_function_never_answers_more_than_it_can_hand_over() {
    let router = Router::new().route("/alike", get(alike)).route("/quotes", get(quotes)).route("/random", get(random));
    let function = lambda::whole(router);
    let gzip = [("accept-encoding", "gzip")];
    let refusal = async |path: &str, headers: &[(&str, &str)]| -> String {
        let (status, _, body) = ask(&function, path, headers).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        serde_json::from_slice::<Value>(&body).unwrap()["detail"].as_str().unwrap().to_owned()
    };
    let text = refusal("/alike", &[]).await;
    assert!(text.contains("gzip") && text.contains("`cursor`"), "{text}");
    assert_eq!(ask(&function, "/alike", &gzip).await.0, StatusCode::OK);
    // 4 MB of it, that become 8 where quotes are escaped once more.
    refusal("/quotes", &[]).await;
    // 7 MB of it, of which gzip leaves 5, that become 7 in base64.
    let text = refusal("/random", &gzip).await;
    assert!(!text.contains("Accept-Encoding") && text.contains("`cursor`"), "{text}");
}
