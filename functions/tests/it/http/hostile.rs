//! What no honest client sends: an answer of the client's fault, and never one of ours.

use axum::body::Body;
use http::Request;
use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;
use tower::ServiceExt as _;

async fn status(api: &Api, request: Request<Body>) -> u16 {
    api.router.clone().oneshot(request).await.unwrap().status().as_u16()
}

fn posted(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("content-type", "application/json").body(body.into()).unwrap()
}

#[with_database]
async fn bodies_that_are_too_deep_or_too_large_are_refused(db: Db) {
    let api = Api::new(db);
    let deep = format!("{{\"task_id\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let inside = format!(
        "{{\"task_id\": \"t\", \"user\": \"u\", \"configs\": [], \"harbor\": {{\"a\": {}1{}}}}}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    for path in ["/tasks/sweep", "/tasks/cancel", "/tasks/upload/init", "/trials/import/init", "/api-keys"] {
        for body in [&deep, &inside] {
            assert_eq!(status(&api, posted(path, body.clone())).await, 422, "{path}");
        }
        assert_eq!(status(&api, posted(path, " ".repeat(3 << 20))).await, 413, "{path}");
    }
    let many = json!({"task_ids": vec!["t"; 100_000]});
    assert_eq!(status(&api, posted("/tasks/cancel", many.to_string())).await, 422);
}

#[with_database]
async fn strange_paths_and_queries_find_nothing(db: Db) {
    let api = Api::new(db);
    let long = "x".repeat(20_000);
    let words =
        ["%00", "%ff%fe", "%F0%9F%A6%A6", "..%2f..%2fetc%2fpasswd", "%25", &long, "'%20or%201=1--", "%E2%80%AE"];
    let places = [
        "/tasks/{}",
        "/tasks/{}/trials",
        "/tasks/{}/files",
        "/tasks/{}/versions",
        "/trials/{}",
        "/trials/{}/logs",
        "/trials/{}/files",
        "/experiments/{}",
        "/public/tasks/{}",
        "/public/experiments/{}",
    ];
    for word in words {
        for place in places {
            let path = place.replace("{}", word);
            let found = status(&api, Request::get(&path).body(Body::empty()).unwrap()).await;
            assert!(matches!(found, 400 | 404 | 422), "{found} {}", &path[..path.len().min(80)]);
        }
        for list in [
            "/tasks?user=",
            "/tasks?agent=",
            "/trials?model=",
            "/trials?task_id=",
            "/experiments?query=",
            "/tasks/browse?query=",
        ] {
            let found = status(&api, Request::get(format!("{list}{word}")).body(Body::empty()).unwrap()).await;
            assert!(matches!(found, 200 | 400 | 422), "{found} {list}{}", &word[..word.len().min(80)]);
        }
    }
}

#[with_database]
async fn names_of_any_language_work_everywhere(db: Db) {
    let api = Api::new(db);
    let name = "größte Übung 🦦 \u{202e}/%# ".chars().cycle().take(250).collect::<String>();
    let name = name.trim().replace('/', "-");
    let hash = "a".repeat(64);
    let announced =
        api.post("/tasks/upload/init", &json!({"name": name, "content_hash": hash}).to_string()).await.json();
    assert_eq!(announced["name"].as_str(), Some(&*name), "a name is kept whole");
    let task = api.uploaded().await;
    let sweep =
        json!({"task_id": task, "name": name, "user": name, "experiment_id": name, "configs": [{"agent": "oracle"}]});
    let created = api.post("/tasks/sweep", &sweep.to_string()).await;
    assert_eq!((created.status.as_u16(), created.json()["name"].as_str()), (200, Some(&*name)));
    let experiment = created.json()["experiment_id"].as_str().unwrap().to_owned();
    let shown = api.get(&format!("/tasks/{task}")).await.json();
    assert_eq!(
        [&shown["user"], &shown["experiment_name"], &shown["trials"][0]["name"]]
            .map(|text| text.as_str().unwrap().to_owned()),
        [name.clone(), name.clone(), format!("{name}-0")]
    );
    let renamed = api.patch(&format!("/experiments/{experiment}"), &json!({"name": format!("{name}!")})).await.json();
    assert_eq!(renamed["name"], format!("{name}!"));
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("query", &name).finish();
    assert_eq!(api.get(&format!("/tasks/browse?{query}")).await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(api.get(&format!("/experiments?{query}")).await.json()["items"].as_array().unwrap().len(), 1);
}
