use oddish_artifacts::hash::sha256_file;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};
use wiremock::{MockServer, ResponseTemplate};

use crate::answers::{
    Script, accepting_server, announced, error_answer, json_answer, on, sweeps, take_sweeps, take_uploads, tasks,
    uploaded,
};
use crate::binary::{Outcome, command, oddish_at};

async fn run_hello(server: &MockServer, flags: &[&str]) -> Outcome {
    let folder = tasks(&["hello"]);
    let path = folder.path().join("hello");
    let arguments: Vec<&str> =
        ["run", path.to_str().unwrap(), "-a", "nop", "-b"].into_iter().chain(flags.iter().copied()).collect();
    oddish_at(server, &arguments).await
}

/// What a server was asked, in order.
async fn asked(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| format!("{} {}", request.method, request.url.path())).collect()
}

const ALL: [&str; 4] =
    ["POST /tasks/upload/init", "PUT /store/key", "POST /tasks/upload/complete", "POST /tasks/sweep"];

#[tokio::test]
async fn a_task_is_announced_put_and_completed_and_the_store_never_sees_the_key() {
    let server = accepting_server().await;
    let folder = tasks(&["swe-1.0 ü\"x"]);
    let mut command = command(&["run", folder.path().to_str().unwrap(), "-a", "nop", "-b"]);
    command.env("ODDISH_API_URL", server.uri()).env("ODDISH_API_KEY", "ok_secret");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown = format!("{output:?}");
    assert!(!shown.contains("ok_secret") && !shown.contains("hush"), "{shown}");

    assert_eq!(asked(&server).await, ALL);
    let requests = server.received_requests().await.unwrap();
    let [init, put, complete, sweep] = &requests[..] else { panic!("{requests:?}") };
    for request in [init, complete, sweep] {
        assert_eq!(request.headers["authorization"], "Bearer ok_secret");
    }
    assert!(!put.headers.contains_key("authorization"), "{put:?}");
    assert_eq!(put.headers["content-type"], "application/gzip");
    assert_eq!(put.headers["x-amz-signed"], "yes");
    assert_eq!(put.headers["content-length"], put.body.len().to_string());
    assert!(!put.headers.contains_key("transfer-encoding"), "{put:?}");
    assert_eq!(put.url.query(), Some("X-Signature=hush"));
    assert!(put.body.starts_with(b"\x1f\x8b\x08"), "a gzip stream");

    let announced: Value = init.body_json().unwrap();
    // SHA-256 over each name and its content, in order.
    let hash = "673b7a9656f1929ca4f11cd663e45cb85717508aab5b818d2034297477690908";
    let sent = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&sent, &put.body).unwrap();
    let sha256 = sha256_file(sent.path()).await.unwrap();
    assert_eq!(
        announced,
        json!({ "name": "swe-1.0 ü\"x", "content_hash": hash, "archive_sha256": sha256, "size": put.body.len() })
    );
    let completed: Value = complete.body_json().unwrap();
    let name = "swe-1.0 ü\"x";
    assert_eq!(
        completed,
        json!({ "task_id": format!("{name}-00000001"), "name": name, "version": 1, "content_hash": "00" })
    );
    // Whoever else uploads and submits meanwhile changes neither what runs nor that it does.
    let sweep = &sweeps(&server).await[0];
    assert_eq!((&sweep["version"], &sweep["append_to_task"]), (&json!(1), &json!(true)));
}

#[tokio::test]
async fn unchanged_content_is_not_uploaded_and_appends() {
    let server = MockServer::start().await;
    let changes = json!({
        "existing_task": true, "content_unchanged": true, "version": 3, "upload_url": null, "upload_method": null,
        "upload_headers": {}, "requires_completion": false
    });
    on(&server, "POST", "/tasks/upload/init", json_answer(&announced("", "hello", changes))).await;
    take_sweeps(&server).await;
    let outcome = run_hello(&server, &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
Submitting 1 task to http://server
hello: unchanged, reusing version 3

"#]]
    );
    assert_eq!(asked(&server).await, [ALL[0], ALL[3]]);
    let sweep = &sweeps(&server).await[0];
    assert_eq!((&sweep["version"], &sweep["append_to_task"]), (&json!(3), &json!(true)));
}

#[tokio::test]
async fn changed_content_of_a_known_task_is_uploaded_and_appends() {
    let server = MockServer::start().await;
    let known = announced("", "hello", json!({ "existing_task": true, "version": 2, "upload_url": "/store/key" }));
    on(&server, "POST", "/tasks/upload/init", json_answer(&known)).await;
    take_uploads(&server).await;
    take_sweeps(&server).await;
    let outcome = run_hello(&server, &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(asked(&server).await, ALL);
    let sweep = &sweeps(&server).await[0];
    assert_eq!((&sweep["version"], &sweep["append_to_task"]), (&json!(2), &json!(true)));
}

#[tokio::test]
async fn an_archive_is_put_again_from_its_start_after_a_passing_fault() {
    let server = MockServer::start().await;
    on(&server, "PUT", "/store/key", Script::new([503, 204].map(ResponseTemplate::new))).await;
    take_uploads(&server).await;
    take_sweeps(&server).await;
    let outcome = run_hello(&server, &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(asked(&server).await, [ALL[0], ALL[1], ALL[1], ALL[2], ALL[3]]);
    let requests = server.received_requests().await.unwrap();
    assert!(requests[1].body == requests[2].body && !requests[1].body.is_empty(), "{requests:?}");
}

#[tokio::test]
async fn a_refused_archive_is_told_in_one_line_and_not_put_again() {
    let server = MockServer::start().await;
    let xml = "<?xml version=\"1.0\"?>\n<Error>\n<Code>AccessDenied</Code>\n<Message>Request has\u{1b}[31m expired</Message>\n</Error>";
    on(&server, "PUT", "/store/key", ResponseTemplate::new(403).set_body_string(xml)).await;
    take_uploads(&server).await;
    let outcome = run_hello(&server, &["-q"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
error: hello: cannot upload: the store at http://server answered 403 Forbidden: AccessDenied: Request has expired

"#]]
    );
    assert_eq!(asked(&server).await, [ALL[0], ALL[1]]);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_named_without_what_was_signed() {
    let server = MockServer::start().await;
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = format!("http://127.0.0.1:{port}");
    on(&server, "POST", "/tasks/upload/init", json_answer(&announced(&store, "hello", json!({})))).await;
    let outcome = run_hello(&server, &["-q"]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    let stderr = outcome.stderr.replace(&store, "http://store");
    assert!(stderr.starts_with("error: hello: cannot upload: cannot reach the store at http://store: "), "{stderr}");
    assert!(stderr.contains("hint: the server names this address for uploads") && !stderr.contains("hush"), "{stderr}");
}

#[tokio::test]
async fn a_bad_task_is_told_in_one_line_and_not_completed_again() {
    let server = MockServer::start().await;
    let fault = error_answer(400, &json!("Invalid tarball:\nlinks not allowed"));
    on(&server, "POST", "/tasks/upload/complete", fault).await;
    take_uploads(&server).await;
    let outcome = run_hello(&server, &["-q"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
error: hello: cannot upload: Invalid tarball: links not allowed

"#]]
    );
    assert_eq!(asked(&server).await, ALL[..3]);
}

#[tokio::test]
async fn a_lost_completion_is_asked_for_again_while_it_is_at_work() {
    let server = MockServer::start().await;
    let answers = [
        ResponseTemplate::new(504),
        error_answer(409, &json!("This upload is being completed by another request.")),
        json_answer(&uploaded("hello")),
    ];
    on(&server, "POST", "/tasks/upload/complete", Script::new(answers)).await;
    take_uploads(&server).await;
    take_sweeps(&server).await;
    let outcome = run_hello(&server, &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(asked(&server).await, [ALL[0], ALL[1], ALL[2], ALL[2], ALL[2], ALL[3]]);

    let server = MockServer::start().await;
    on(&server, "POST", "/tasks/upload/complete", error_answer(409, &json!("Announce the upload again."))).await;
    take_uploads(&server).await;
    assert_eq!(run_hello(&server, &[]).await.code, 1);
    assert_eq!(asked(&server).await, ALL[..3]);
}

#[tokio::test]
async fn an_upload_url_that_is_no_web_address_is_refused() {
    let server = MockServer::start().await;
    for url in [json!("file:///etc/passwd"), json!(null)] {
        server.reset().await;
        let answer = announced("", "hello", json!({ "upload_url": url }));
        on(&server, "POST", "/tasks/upload/init", json_answer(&answer)).await;
        let outcome = run_hello(&server, &["-q"]).await;
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        assert!(
            outcome.stderr.contains("something that is not Oddish's") && outcome.stderr.contains("upload URL"),
            "{outcome:#?}"
        );
    }
}

#[tokio::test]
async fn a_full_disk_is_told_with_the_request_and_not_asked_for_each_task() {
    let server = MockServer::start().await;
    let full = error_answer(507, &json!("The server's disk is full: nothing was stored."));
    on(&server, "PUT", "/store/key", full.insert_header("x-request-id", "4b3a2c1d")).await;
    take_uploads(&server).await;
    let names: Vec<String> = (10..40).map(|number| format!("task-{number}")).collect();
    let folder = tasks(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let outcome = oddish_at(&server, &["run", folder.path().to_str().unwrap(), "-a", "nop", "-b"]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.contains("disk is full: nothing was stored. (request id 4b3a2c1d)"), "{outcome:#?}");
    let put = asked(&server).await.iter().filter(|request| *request == ALL[1]).count();
    assert!((1..=8).contains(&put), "{put} of 30 tasks were sent: {outcome:#?}");
    // What was not tried is one line, not one for each.
    let told =
        format!("error: {} tasks were not tried after these\nerror: 30 of 30 tasks were not submitted\n", 30 - put);
    assert!(outcome.stderr.contains(&told), "{outcome:#?}");
    assert_eq!(outcome.stderr.lines().count(), 1 + put + 2, "{outcome:#?}");
}

#[tokio::test]
async fn a_failure_of_the_server_names_its_request() {
    let server = MockServer::start().await;
    let failure = error_answer(507, &json!("Something went wrong on the server."));
    on(&server, "POST", "/tasks/upload/complete", failure.insert_header("x-request-id", "4b3a2c1d")).await;
    take_uploads(&server).await;
    let outcome = run_hello(&server, &["-q"]).await;
    assert!(outcome.stderr.contains("Something went wrong on the server. (request id 4b3a2c1d)"), "{outcome:#?}");
    assert_eq!(asked(&server).await, ALL[..3]);
}
