//! The documentation and the document behind it.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;

use crate::http::bodies::ask;

#[with_database]
async fn the_documentation_is_served_without_another_site(db: Db) {
    let api = Api::new(db);
    assert_eq!(api.get("/docs").await.status.as_u16(), 303);
    let page = api.get("/docs/index.html").await;
    assert!(page.status.is_success() && page.body.contains("swagger-ui"), "{page:?}");
    assert!(!page.body.contains("//cdn") && !page.body.contains("unpkg"), "{page:?}");
    assert!(api.get("/docs/swagger-initializer.js").await.body.contains("/openapi.json"));
    assert_eq!(api.get("/docs/nothing.js").await.status.as_u16(), 404);
    assert_eq!(api.get("/openapi.json").await.json()["info"]["title"], "Oddish - Eval Scheduler API");
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
