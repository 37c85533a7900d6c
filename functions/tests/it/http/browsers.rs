//! How answers tell browsers to take them.

use oddish_db::Db;
use oddish_functions::endpoints::ENDPOINTS;
use oddish_test_api::Api;
use oddish_test_support::with_database;

use super::bodies::ask;

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
