//! Who may call what: every route, asked by everybody.

use axum::body::Body;
use http::{Request, header};
use oddish_db::Db;
use oddish_db::api_keys::{self, NewApiKey};
use oddish_db::idempotency::Work;
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_functions::endpoints::{ENDPOINTS, Endpoint};
use oddish_test_api::{Answer, Api};
use oddish_test_support::with_database;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

const FORMAT: &str = "Invalid authorization header format. Expected: Bearer <token>";
const INVALID: &str = "Invalid or expired API key";

/// Asks a route with these headers, as well as can be without knowing anything.
async fn ask(api: &Api, route: &Endpoint, headers: &[(&str, &str)]) -> (Option<String>, Answer) {
    let path: Vec<&str> = route
        .path
        .split('/')
        .map(|part| match part {
            "{index}" | "{version}" => "1",
            part if part.starts_with('{') => "nothing",
            part => part,
        })
        .collect();
    let mut request =
        Request::builder().method(&route.method).uri(path.join("/")).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if route.method == "GET" { Body::empty() } else { Body::from("{}") };
    let (headers, answer) = api.ask_whole(request.body(body).unwrap()).await;
    let challenge = headers.get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
    (challenge, answer)
}

async fn made(db: &Db, scope: Scope, expires_at: Option<OffsetDateTime>) -> (String, String) {
    let key = GeneratedKey::draw();
    let new = NewApiKey { name: "of a test", owner: "alice", scope, expires_at };
    let long_ago = OffsetDateTime::now_utc() - Duration::DAY;
    let mut work = Work::begin(db).await.unwrap();
    let id = api_keys::create(&mut work, &key, &new, long_ago).await.unwrap().id;
    work.finish(&Value::Null).await.unwrap();
    (id, format!("Bearer {}", key.text))
}

/// Asserts that a route that needs a key refuses the caller with these words, and that any other does not ask.
async fn assert_unauthorized(api: &Api, route: &Endpoint, headers: &[(&str, &str)], text: &str) {
    let (challenge, answer) = ask(api, route, headers).await;
    if route.scope.is_none() {
        assert_ne!(answer.status.as_u16(), 401, "{route:?} {headers:?}: {answer:?}");
        return;
    }
    assert_eq!(answer.error(401), text, "{route:?} {headers:?}");
    assert_eq!(challenge.as_deref(), Some("Bearer"), "{route:?}");
}

#[with_database]
async fn who_has_no_good_key_gets_nowhere(db: Db) {
    let api = Api::with_keys(db);
    let (_, expired) = made(&api.db, Scope::Full, Some(OffsetDateTime::now_utc() - Duration::SECOND)).await;
    let (id, revoked) = made(&api.db, Scope::Full, None).await;
    api_keys::revoke(&api.db, &id, OffsetDateTime::now_utc()).await.unwrap();
    let unknown = format!("Bearer {}", GeneratedKey::draw().text);
    let callers = [
        ("garbage", FORMAT),
        ("", FORMAT),
        ("Bearer ", FORMAT),
        ("Basic b2s6b2s=", FORMAT),
        ("bearer ok_0", INVALID),
        ("BEARER  ok_0", INVALID),
        ("Bearer", FORMAT),
        ("Bearerok_0", FORMAT),
        ("Bearer a.b.c", "Unsupported token format"),
        ("Bearer sk-0123456789abcdef", "Unsupported token format"),
        ("Bearer ok_", INVALID),
        ("Bearer ok_ü\u{1f9a6}", INVALID),
        (&*unknown, INVALID),
        (&*expired, INVALID),
        (&*revoked, INVALID),
    ];
    for route in ENDPOINTS.iter() {
        assert_unauthorized(&api, route, &[], "Authentication required").await;
        for (value, text) in callers {
            // A header holds bytes; what is no ASCII in them is no format.
            let text = if value.is_ascii() { text } else { FORMAT };
            assert_unauthorized(&api, route, &[("authorization", value)], text).await;
        }
    }
}

#[with_database]
async fn a_key_opens_what_its_scope_includes_and_nothing_else(db: Db) {
    let api = Api::with_keys(db);
    let mut keys = Vec::new();
    for scope in Scope::ALL {
        keys.push((scope, made(&api.db, scope, None).await.1));
    }
    let mut refused = 0;
    for route in ENDPOINTS.iter() {
        for (scope, key) in &keys {
            for header in ["authorization", "x-clerk-authorization", "x-authorization"] {
                let (_, answer) = ask(&api, route, &[(header, key)]).await;
                match route.scope {
                    Some(needed) if *scope < needed => {
                        let text = format!("Insufficient scope. Required: {needed}, got: {scope}");
                        assert_eq!(answer.error(403), text, "{route:?}");
                        refused += 1;
                    }
                    _ => assert!(![401, 403].contains(&answer.status.as_u16()), "{route:?} {scope}: {answer:?}"),
                }
            }
        }
    }
    assert!(refused > 0, "no route needs more than `read`");
}

#[with_database]
async fn the_first_header_that_is_there_counts(db: Db) {
    let api = Api::with_keys(db);
    let (_, good) = made(&api.db, Scope::Read, None).await;
    let route = ENDPOINTS.iter().find(|route| route.name == "list_tasks").unwrap();
    let bad = "Bearer a.b.c";
    for headers in [
        [("authorization", bad), ("x-clerk-authorization", &good), ("x-authorization", &good)],
        [("x-clerk-authorization", bad), ("x-authorization", &good), ("x-other", &good)],
    ] {
        assert_eq!(ask(&api, route, &headers).await.1.error(401), "Unsupported token format");
    }
    let headers = [("authorization", &*good), ("x-clerk-authorization", bad), ("x-authorization", bad)];
    assert_eq!(ask(&api, route, &headers).await.1.status.as_u16(), 200);
}

#[with_database]
async fn where_no_keys_are_asked_for_none_are_looked_at(db: Db) {
    let api = Api::new(db);
    for route in ENDPOINTS.iter() {
        for headers in [&[][..], &[("authorization", "Bearer a.b.c")]] {
            let (_, answer) = ask(&api, route, headers).await;
            assert!(![401, 403].contains(&answer.status.as_u16()), "{route:?}: {answer:?}");
        }
    }
}
