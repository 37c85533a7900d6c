//! `GET /tasks`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::http::listing::{ids, next, submit, with_headers};

#[with_database]
async fn lists_are_bounded_and_filtered(db: Db) {
    let api = Api::new(db);
    let first = api.submitted(1).await;
    let second = api.submitted(1).await;
    let ids = async |query: &str| -> Vec<String> {
        let tasks = api.get(&format!("/tasks?{query}")).await.json();
        tasks.as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("").await, [second.as_str(), first.as_str()], "newest first");
    assert_eq!(ids("limit=1&offset=1").await, [first.as_str()]);
    assert_eq!(ids("user=alice&status=pending").await.len(), 2);
    assert!(ids("user=bob").await.is_empty());
    assert!(ids("status=completed").await.is_empty());
    assert!(api.get("/tasks?include_trials=false").await.json()[0]["trials"].is_null());
    assert_eq!(api.get("/tasks").await.json()[0]["trials"].as_array().unwrap().len(), 1);
    for bad in ["limit=0", "limit=100000", "limit=x", "offset=-1", "status=sleeping", "include_trials=perhaps"] {
        let field = bad.split('=').next().unwrap();
        let text = api.get(&format!("/tasks?{bad}")).await.error(422);
        assert!(text.contains(&format!(r#"["query","{field}"]"#)), "{bad}: {text}");
    }
}

#[with_database]
async fn tasks_come_page_by_page_by_headers(db: Db) {
    let api = Api::new(db);
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        newest_first.insert(0, submit(&api, "alice", "e", json!([{"agent": "oracle"}])).await);
    }
    let (headers, first) = with_headers(&api, "/tasks?limit=2&total=true&user=alice").await;
    assert_eq!((ids(&first), &headers["x-total-count"]), (newest_first[..2].to_vec(), &"5".parse().unwrap()));
    // A task that is submitted between two pages moves nothing.
    submit(&api, "alice", "e", json!([{"agent": "oracle"}])).await;
    assert!(next(&headers).contains("user=alice"), "{headers:?}");
    let (headers, second) = with_headers(&api, &next(&headers)).await;
    assert_eq!(ids(&second), newest_first[2..4]);
    let cursor = headers["x-next-cursor"].to_str().unwrap();
    for path in [next(&headers), format!("/tasks?limit=2&cursor={cursor}")] {
        let (headers, third) = with_headers(&api, &path).await;
        assert_eq!(ids(&third), newest_first[4..]);
        assert!(!headers.contains_key("x-next-cursor") && !headers.contains_key("link"));
    }
    let (headers, _) = with_headers(&api, "/tasks?limit=6").await;
    assert!(!headers.contains_key("x-next-cursor"), "a full page may be the last");
    let (headers, skipped_to) = with_headers(&api, "/tasks?limit=2&offset=2").await;
    assert_eq!(ids(&skipped_to), newest_first[1..3]);
    assert_eq!(ids(&with_headers(&api, &next(&headers)).await.1), newest_first[3..], "what was skipped once stays so");

    let oldest_first = ids(&api.get("/tasks?sort=created_at&limit=3").await.json());
    assert_eq!(oldest_first, newest_first.iter().rev().take(3).cloned().collect::<Vec<_>>());
}
