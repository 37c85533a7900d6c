//! What a token opens, and nothing without one.

use axum::body::Body;
use http::Request;
use oddish_db::Db;
use oddish_functions::endpoints::ENDPOINTS;
use oddish_test_support::with_database;
use serde_json::json;

use super::Scene;

use crate::shapes;

#[with_database]
async fn only_the_token_opens_anything(db: Db) {
    let scene = Scene::new(db).await;
    let api = &scene.api;
    assert_eq!(api.get("/public/experiments").await.json(), json!([]), "whatever is shared");
    let listed = scene.get("/public/experiments").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("PublicExperimentResponse", &scene.get("/public/experiments").await), @r#"
    [
      {
        "created_at": "[time]",
        "id": "[id]",
        "name": "the shared one",
        "public_token": "[token]",
        "task_count": 2
      }
    ]
    "#);
    insta::assert_json_snapshot!(shapes::of("PublicExperimentName", &api.get(&format!("/public/experiments/{}", scene.token)).await), @r#"
    {
      "name": "the shared one",
      "public_token": "[token]"
    }
    "#);
    assert_eq!((&listed[0]["id"], &listed[0]["task_count"]), (&json!(scene.shared), &json!(2)));
    let header = async |value: &str| {
        let request = Request::get(format!("/public/tasks/{}", scene.own)).header("x-share-token", value);
        api.ask_whole(request.body(Body::empty()).unwrap()).await.1
    };
    assert_eq!(header(&scene.token).await.json()["id"], json!(scene.own));
    header("x").await.error(404);

    // Every route, without a token, with one that is none, and with that of an experiment that is no longer shared.
    let second = api.post(&format!("/experiments/{}/publish", scene.private), "").await.json();
    let ended = second["public_token"].as_str().unwrap().to_owned();
    api.post(&format!("/experiments/{}/unpublish", scene.private), "").await.json();
    let trial = format!("{}-0", scene.own);
    let mut routes = 0;
    for route in ENDPOINTS.iter().filter(|route| route.path.starts_with("/public/")) {
        routes += 1;
        for token in ["", "nothing", "a%00b", &"a".repeat(43), &ended] {
            let path = route.path.replace("{task_id}", &scene.own).replace("{trial_id}", &trial);
            let path = path.replace("{*path}", "instruction.md");
            let path = path.replace("{token}", if token.is_empty() { "-" } else { token });
            let query = if token.is_empty() { String::new() } else { format!("?token={token}") };
            let answer = api.get(&format!("{path}{query}")).await;
            if route.name == "list_public_experiments" {
                assert_eq!(answer.json(), json!([]), "{token}");
                continue;
            }
            let text = match route.path.as_str() {
                path if path.contains("{trial_id}") => format!("Trial {trial} not found"),
                path if path.contains("{task_id}") => format!("Task {} not found", scene.own),
                _ => "Experiment not found".to_owned(),
            };
            assert_eq!(answer.error(404), text, "{route:?} {token}");
        }
    }
    assert_eq!(routes, 13);
}
/// A guest with a wrong query learns no more of what is not shared than one with a right query.
#[with_database]
async fn what_is_not_shared_is_not_found_before_the_query_is_checked(db: Db) {
    let scene = Scene::new(db).await;
    let hidden = [
        format!("trials/{}-0/logs?limit=0", scene.hidden),
        format!("trials/{}-0/files?limit=0", scene.hidden),
        format!("tasks/{}/files?limit=0", scene.hidden),
        format!("trials/{}-0/files/..%2Fx", scene.hidden),
        format!("tasks/{}/files/..%2Fx", scene.hidden),
    ];
    for path in &hidden {
        assert!(scene.get(&format!("/public/{path}")).await.error(404).ends_with(" not found"), "{path}");
        let shared = path.replace(&scene.hidden, &scene.own);
        for path in [format!("/public/{shared}"), format!("/{path}")] {
            let status = if path.contains("limit=0") { 422 } else { 400 };
            scene.get(&path).await.error(status);
        }
    }
}
