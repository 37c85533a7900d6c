//! What a browser may ask on behalf of a page.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

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

/// The whole answer to these bytes, on a connection of its own: nothing of what is sent is made proper by a client.
fn raw(stack: &Stack, request: &str) -> String {
    let mut connection = TcpStream::connect(stack.url().strip_prefix("http://").unwrap()).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A server that has answered may close a connection that it was still sent something on.
    let _closed = connection.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of a request with these headers, one a line.
fn status(stack: &Stack, line: &str, headers: &str) -> u16 {
    let headers: String = headers.lines().flat_map(|header| [header.trim(), "\r\n"]).collect();
    let answer = raw(stack, &format!("{line} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n"));
    let status =
        answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or_else(|| panic!("{line}: {answer:?}"));
    if status == "403" {
        assert!(answer.contains("ODDISH_ALLOWED_HOSTS") || answer.contains("ODDISH_CORS_ORIGINS"), "{answer}");
        let answer = answer.to_lowercase();
        for header in [
            "x-request-id: ",
            "x-frame-options: deny",
            "x-content-type-options: nosniff",
            "content-type: application/json",
        ] {
            assert!(answer.contains(header), "{header} in {answer}");
        }
    }
    status.parse().unwrap()
}

const FORM: &str = "content-type: multipart/form-data; boundary=x\ncontent-length: 0";

/// What a page can do through the browser of whoever visits it.
#[tokio::test]
async fn a_server_without_keys_answers_neither_strange_names_nor_strange_pages() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_ALLOWED_HOSTS", "build-server");
    stack.set("ODDISH_PUBLIC_URL", "http://oddish.example:9000");
    stack.start_api(&["--no-workers"]).await;
    let port = stack.url().rsplit(':').next().unwrap().to_owned();

    // By its names, with any port.
    for host in
        ["localhost", "127.0.0.1:1", "[::1]:8000", "build-server:8000", "oddish.example", &format!("localhost:{port}")]
    {
        assert_eq!(status(&stack, "GET /tasks", &format!("host: {host}")), 200, "{host}");
    }
    // As a page does that has rebound its own name to this machine: everything is of its own origin, for the browser.
    let rebound = format!("host: evil.example:{port}\norigin: http://evil.example:{port}\nsec-fetch-site: same-origin");
    for line in [
        "GET /tasks",
        "GET /health",
        "GET /docs",
        "GET /nowhere",
        "POST /tasks/cancel",
        "POST /tasks/upload",
        "GET /artifacts/a?x",
        "OPTIONS /tasks",
    ] {
        assert_eq!(status(&stack, line, &rebound), 403, "{line}");
        assert_eq!(status(&stack, line, &format!("host: evil.example:{port}")), 403, "{line}");
    }
    assert_eq!(status(&stack, "GET http://evil.example/tasks", "host: localhost"), 403);
    assert_eq!(status(&stack, "GET /tasks", "host: localhost\nhost: evil.example"), 403);
    let without_host = raw(&stack, "GET /tasks HTTP/1.0\r\n\r\n");
    assert!(without_host.starts_with("HTTP/1.0 403"), "{without_host}");

    // As a page does without rebinding: browsers send these without asking first.
    for origin in ["http://evil.example", "null", "http://localhost:1234", "https://localhost.evil.example"] {
        for (line, more) in [
            ("POST /tasks/upload", FORM),
            ("POST /tasks/sweep", "content-type: text/plain\ncontent-length: 0"),
            ("POST /trials/t-0/cancel", "content-length: 0"),
            ("PUT /artifacts/a?x", "content-length: 0"),
            ("GET /tasks", ""),
            ("OPTIONS /tasks/sweep", "access-control-request-method: POST"),
        ] {
            assert_eq!(
                status(&stack, line, &format!("host: localhost:{port}\norigin: {origin}\n{more}")),
                403,
                "{line} {origin}"
            );
        }
    }
    let cross_site = format!("host: localhost:{port}\nsec-fetch-site: cross-site\n{FORM}");
    assert_eq!(status(&stack, "POST /tasks/upload", &cross_site), 403);

    // Its own documentation, what is developed on port 3000, and whatever is no browser.
    for origin in [
        format!("http://localhost:{port}"),
        "http://localhost:3000".to_owned(),
        "http://oddish.example:9000".to_owned(),
    ] {
        let headers = format!("host: localhost:{port}\norigin: {origin}\nsec-fetch-site: same-site\ncontent-length: 0");
        assert_eq!(status(&stack, "POST /trials/t-0/cancel", &headers), 404, "{origin}");
    }
    assert_eq!(status(&stack, "POST /trials/t-0/cancel", "host: localhost\ncontent-length: 0"), 404);
}

/// A browser adds no key to what a page asks, and no page has one.
#[tokio::test]
async fn where_keys_are_needed_names_and_pages_do_not_matter() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_AUTH", "api-key");
    stack.start_api(&["--no-workers"]).await;
    let strange = "host: evil.example\norigin: http://evil.example";
    assert_eq!(status(&stack, "GET /health", strange), 200);
    assert_eq!(status(&stack, "GET /tasks", strange), 401);
}

/// Whoever sends a large file to the wrong name learns why, and not only that the connection broke.
#[tokio::test]
async fn a_refusal_is_read_by_who_is_still_sending() {
    let mut stack = Stack::new().await;
    stack.start_api(&["--no-workers"]).await;
    let client = reqwest::Client::new();
    for (path, host, expected) in [("/tasks/upload", "evil.example", 403), ("/tasks/upload/", "localhost", 307)] {
        let request = client.post(format!("{}{path}", stack.url())).header("host", host).body(vec![0; 20 << 20]);
        let client_sees = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = client_sees.execute(request.build().unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_wrong_host_in_the_settings_is_told_at_the_start() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_ALLOWED_HOSTS", "http://build-server:8000");
    let refused = stack.server(&["api", "--port", "0", "--no-workers"]);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success()
            && error.contains("ODDISH_ALLOWED_HOSTS")
            && error.contains("without scheme and port"),
        "{error}"
    );
}
