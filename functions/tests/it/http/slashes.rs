//! Paths with a slash too many.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;

use super::bodies::ask;

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
