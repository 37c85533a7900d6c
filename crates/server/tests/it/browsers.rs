//! What a browser may ask on behalf of a page.

use http::{HeaderMap, Method};

use crate::stack::Stack;

async fn ask(stack: &Stack, method: Method, origin: &str) -> HeaderMap {
    let client = reqwest::Client::new();
    let request = client
        .request(method, format!("{}/tasks", stack.url()))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    request.send().await.unwrap().headers().clone()
}

#[tokio::test]
async fn only_the_pages_that_are_set_may_ask() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_CORS_ORIGINS", "https://dashboard.example.com");
    stack.start_api(&["--no-workers"]).await;
    let known = ask(&stack, Method::OPTIONS, "https://dashboard.example.com").await;
    assert_eq!(known["access-control-allow-origin"], "https://dashboard.example.com");
    assert!(known["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    assert!(known.get("access-control-allow-credentials").is_none());
    let read = ask(&stack, Method::GET, "https://dashboard.example.com").await;
    assert!(read["access-control-expose-headers"].to_str().unwrap().contains("x-next-cursor"));
    for method in [Method::OPTIONS, Method::GET] {
        let strange = ask(&stack, method, "https://evil.example.com").await;
        assert!(strange.get("access-control-allow-origin").is_none(), "{strange:?}");
    }
}

#[tokio::test]
async fn where_keys_are_needed_no_page_may_ask_unless_it_is_set() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_AUTH", "api-key");
    stack.start_api(&["--no-workers"]).await;
    let headers = ask(&stack, Method::OPTIONS, "http://localhost:3000").await;
    assert!(headers.get("access-control-allow-origin").is_none(), "{headers:?}");
}
