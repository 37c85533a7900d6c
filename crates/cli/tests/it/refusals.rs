use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};
use wiremock::{MockServer, ResponseTemplate};

use crate::answers::{accepting_server, error_answer, json_answer, on, take_uploads, tasks};
use crate::binary::{oddish, oddish_at};

async fn run_hello(server: &MockServer) -> String {
    let folder = tasks(&["hello"]);
    let outcome =
        oddish_at(server, &["run", folder.path().join("hello").to_str().unwrap(), "-a", "nop", "-b", "-q"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    for route in ["/tasks/upload/init", "/tasks/sweep"] {
        let requests = server.received_requests().await.unwrap();
        let times = requests.iter().filter(|request| request.url.path() == route).count();
        assert!(times <= 1, "{route} was sent {times} times, and each could have been accepted");
    }
    outcome.stderr
}

async fn with_upload(answer: ResponseTemplate) -> String {
    let server = MockServer::start().await;
    on(&server, "POST", "/tasks/upload/init", answer).await;
    run_hello(&server).await
}

async fn with_sweep(answer: ResponseTemplate) -> String {
    let server = MockServer::start().await;
    take_uploads(&server).await;
    on(&server, "POST", "/tasks/sweep", answer).await;
    run_hello(&server).await
}

#[tokio::test]
async fn a_refused_upload_is_one_line() {
    let stderr = with_upload(error_answer(413, &json!("Task upload too large. Max size is 50MB."))).await;
    assert_data_eq!(
        stderr,
        str![[r#"
error: hello: cannot upload: Task upload too large. Max size is 50MB.

"#]]
    );
}

#[tokio::test]
async fn faulty_fields_are_one_line() {
    let detail = json!([
        { "type": "missing", "loc": ["body", "user"], "msg": "Field required", "input": {} },
        { "type": "value_error", "loc": ["body", "configs", 0, "agent"], "msg": "Value error, no such agent" }
    ]);
    let stderr = with_sweep(error_answer(422, &detail)).await;
    assert_data_eq!(
        stderr,
        str![[r#"
error: hello: cannot submit: body.user: Field required; body.configs.0.agent: Value error, no such agent

"#]]
    );
}

#[tokio::test]
async fn a_server_without_uploads_in_two_steps_is_too_old() {
    for status in [404, 405] {
        let stderr = with_upload(error_answer(status, &json!("Not Found"))).await;
        assert_data_eq!(
            stderr,
            str![[r#"
error: hello: cannot upload: http://server has no `POST /tasks/upload/init`: it is too old for this `oddish`, or this is not its address
hint: update the server, or check ODDISH_API_URL

"#]]
        );
    }
}

#[tokio::test]
async fn a_missing_key_is_explained() {
    let stderr = with_upload(error_answer(401, &json!("Authentication required"))).await;
    assert_data_eq!(
        stderr,
        str![[r#"
error: hello: cannot upload: Authentication required
hint: set ODDISH_API_KEY to a key of this server

"#]]
    );
}

#[tokio::test]
async fn a_proxys_page_is_shown_as_one_short_line() {
    let page = format!("<html>\n<head><title>502 Bad\u{1b}[31m Gateway</title></head>{}</html>", "x".repeat(5000));
    let stderr = with_upload(ResponseTemplate::new(502).set_body_string(page)).await;
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains("http://server answered 502 Bad Gateway: <html> <head><title>502 Bad Gateway</title>"),
        "{stderr}"
    );
    assert!(stderr.len() < 350, "{stderr}");
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_points_at_the_url() {
    let stderr = with_upload(ResponseTemplate::new(200).set_body_string("<html>Welcome</html>")).await;
    assert!(stderr.contains("http://server answered with something that is not Oddish's"), "{stderr}");
    assert!(stderr.contains("<html>Welcome</html>") && stderr.contains("hint: check ODDISH_API_URL"), "{stderr}");
}

#[tokio::test]
async fn a_redirect_says_where_to_and_is_not_followed() {
    let server = MockServer::start().await;
    let elsewhere = format!("{}/elsewhere", server.uri());
    on(&server, "GET", "/tasks/x", ResponseTemplate::new(301).insert_header("location", elsewhere)).await;
    let outcome = oddish_at(&server, &["status", "x"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert!(outcome.stderr.contains("redirects to http://server/elsewhere: use that address"), "{outcome:#?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[test]
fn a_server_that_is_not_there_is_named_with_what_to_do() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let folder = tasks(&["a", "b", "c", "d", "e", "f"]);
    let path = folder.path().to_str().unwrap();
    for arguments in [
        vec!["run", path, "-a", "nop", "--api", &url],
        vec!["status", "--api", &url],
        vec!["status", "x", "--api", &url],
    ] {
        let outcome = oddish(&arguments);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
        let expected = format!("cannot reach the server at {url}: Connection refused");
        assert!(outcome.stderr.contains(&expected), "{outcome:#?}");
        assert!(
            outcome.stderr.contains("oddish-server api") && outcome.stderr.contains("ODDISH_API_URL"),
            "{outcome:#?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_agent_or_a_missing_model_is_refused_before_anything_is_sent() {
    let server = accepting_server().await;
    let folder = tasks(&["hello"]);
    let path = folder.path().to_str().unwrap();
    for (arguments, expected) in
        [(vec!["run", path, "-a", "codx"], "did you mean `codex`?"), (vec!["run", path], "Model is required")]
    {
        let outcome = oddish_at(&server, &arguments).await;
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        assert!(outcome.stderr.starts_with("error: ") && outcome.stderr.contains(expected), "{outcome:#?}");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn only_a_task_that_does_not_exist_is_not_found() {
    let server = MockServer::start().await;
    on(&server, "GET", "/tasks/nope", error_answer(404, &json!("Task nope not found"))).await;
    on(&server, "GET", "/tasks", json_answer(&Value::Array(vec![]))).await;
    let outcome = oddish_at(&server, &["status", "nope"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
error: there is no task nope
hint: an experiment is shown by `oddish status --experiment nope`

"#]]
    );
    let outcome = oddish_at(&server, &["status", "--experiment", "nope"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert!(outcome.stderr.contains("no tasks found for experiment nope"), "{outcome:#?}");
}
