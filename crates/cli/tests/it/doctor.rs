//! `oddish doctor`.

use std::path::Path;

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};
use wiremock::matchers::{header, header_exists, method, path};
use wiremock::{Mock, MockServer};

use crate::answers::{TIME, error_answer, json_answer, on};
use crate::binary::{Outcome, bounded, command};

const KEY: &str = "ok_00112233445566778899aabbccddeeff";
const DOCKER: &str = "echo 29.1.0";

/// A folder with a program `docker` that does this.
fn docker(script: &str) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn doctor(server: &MockServer, path: &Path, variables: &[(&str, &str)], flags: &[&str]) -> Outcome {
    let mut command = command(&[&["doctor"], flags].concat());
    command.env("ODDISH_API_URL", server.uri()).env("PATH", path).envs(variables.iter().copied());
    let outcome = Outcome::of(&["doctor"], bounded(tokio::process::Command::from(command).output()).await.unwrap());
    Outcome { stdout: outcome.stdout.replace(&server.uri(), "http://server"), ..outcome }
}

fn version(program: &str) -> Value {
    json!({ "program": program, "commit": "4f0c9a52d1f6a9d0c1d7f5b0f3f5d6f4f8f2b7c1", "harbor": "0.26.0", "schema": { "applied": 12, "newest": 12 } })
}

/// A server that works; with `key`, one that asks for it.
async fn server(key: Option<&str>) -> MockServer {
    let server = MockServer::start().await;
    let health = json!({ "status": "healthy", "database": "connected", "timestamp": TIME });
    on(&server, "GET", "/health", json_answer(&health)).await;
    match key {
        None => on(&server, "GET", "/version", json_answer(&version(env!("CARGO_PKG_VERSION")))).await,
        Some(key) => {
            Mock::given(method("GET"))
                .and(path("/version"))
                .and(header("authorization", format!("Bearer {key}")))
                .respond_with(json_answer(&version(env!("CARGO_PKG_VERSION"))))
                .mount(&server)
                .await;
            on(&server, "GET", "/version", error_answer(401, &json!("Authentication required"))).await;
        }
    }
    server
}

fn states(outcome: &Outcome) -> Vec<(String, String)> {
    let found = outcome.json();
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    found["checks"].as_array().unwrap().iter().map(|check| (text(check, "check"), text(check, "state"))).collect()
}

fn state(outcome: &Outcome, check: &str) -> String {
    states(outcome).into_iter().find(|(name, _)| name == check).unwrap().1
}

#[tokio::test]
async fn a_server_that_has_all_is_well() {
    let server = server(None).await;
    let here = docker(DOCKER);
    let outcome = doctor(&server, here.path(), &[("OPENAI_API_KEY", "sk-hush")], &[]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert!(!outcome.stdout.contains("hush"), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
server         ok         http://server answers
key            ok         this server requires none
version        ok         server 0.1.0 (4f0c9a52), this program 0.1.0
Harbor         ok         server 0.26.0, this program 0.26.0
schema         ok         migration 12 of 12
Docker         ok         version 29.1.0
provider keys  ok         set here: OPENAI_API_KEY; not set: ANTHROPIC_API_KEY, GEMINI_API_KEY

"#]]
    );
}

#[tokio::test]
async fn what_is_missing_is_told_with_what_mends_it() {
    let server = server(Some(KEY)).await;
    let nowhere = tempfile::tempdir().unwrap();
    let outcome = doctor(&server, nowhere.path(), &[], &[]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
server         ok         http://server answers
key            missing    this server requires one, and none is set
                          export ODDISH_API_KEY=ok_...; `oddish-server keys create --scope tasks` creates one
Docker         missing    it is not installed
                          install it: https://docs.docker.com/engine/install/
provider keys  warning    none of ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY is set here: all agents but nop and oracle need one
                          export ANTHROPIC_API_KEY=... before oddish-server starts, or in its .env

"#]]
    );
    for (script, mend) in [
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "systemctl start docker"),
        ("echo 'permission denied while trying to connect' >&2; exit 1", "usermod -aG docker"),
    ] {
        let here = docker(script);
        let outcome = doctor(&server, here.path(), &[("ODDISH_API_KEY", KEY)], &["--json"]).await;
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        assert_eq!(state(&outcome, "Docker"), "missing");
        assert!(outcome.stdout.contains(mend), "{outcome:#?}");
    }
}

#[tokio::test]
async fn a_key_is_told_with_its_scope() {
    let here = docker(DOCKER);
    let own = json!({ "id": "3f9a1c07", "name": "laptop", "owner": "alice", "key_prefix": "ok_00112233", "scope": "full", "is_active": true,
        "expires_at": "2027-03-01T12:00:00Z", "revoked_at": null, "last_used_at": null, "created_at": TIME });
    let refused = |scope: &str| error_answer(403, &json!(format!("Insufficient scope. Required: full, got: {scope}")));
    for (answer, expected, told) in [
        (json_answer(&json!([own])), "ok", "scope full; laptop of alice, expires on 2027-03-01"),
        (refused("tasks"), "ok", "scope tasks"),
        (refused("read"), "warning", "scope read: it cannot submit"),
    ] {
        let server = server(Some(KEY)).await;
        Mock::given(method("GET"))
            .and(path("/api-keys"))
            .and(header_exists("authorization"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let outcome = doctor(&server, here.path(), &[("ODDISH_API_KEY", KEY)], &["--json"]).await;
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        assert_eq!(state(&outcome, "key"), expected, "{outcome:#?}");
        assert!(outcome.stdout.contains(told) && !outcome.stdout.contains(KEY), "{outcome:#?}");
    }
    let server = server(Some("ok_another")).await;
    let outcome = doctor(&server, here.path(), &[("ODDISH_API_KEY", KEY)], &["--json"]).await;
    assert_eq!((outcome.code, &*state(&outcome, "key")), (1, "missing"), "{outcome:#?}");
}

#[tokio::test]
async fn docker_is_not_looked_for_where_the_server_is_elsewhere() {
    let server = server(None).await;
    let nowhere = tempfile::tempdir().unwrap();
    let uri = server.uri();
    let elsewhere = [("http_proxy", uri.as_str())];
    let outcome = doctor(&server, nowhere.path(), &elsewhere, &["--json", "--api", "http://elsewhere.test"]).await;
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!((&*state(&outcome, "Docker"), &*state(&outcome, "provider keys")), ("not_needed", "not_needed"));
}

#[tokio::test]
async fn a_server_that_is_not_named_or_not_there_is_missing() {
    let outcome = Outcome::of(&["doctor"], command(&["doctor", "--json"]).output().unwrap());
    assert_eq!((outcome.code, states(&outcome)), (1, vec![("server".to_owned(), "missing".to_owned())]));
    assert!(outcome.stdout.contains("oddish-server api"), "{outcome:#?}");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let outcome = Outcome::of(
        &["doctor"],
        command(&["doctor", "--json", "--api", &format!("http://127.0.0.1:{port}")]).output().unwrap(),
    );
    assert_eq!((outcome.code, &*state(&outcome, "server")), (1, "missing"), "{outcome:#?}");
    assert!(outcome.stdout.contains("oddish-server api"), "{outcome:#?}");

    let server = MockServer::start().await;
    let degraded = json!({ "status": "degraded", "database": "disconnected", "timestamp": TIME });
    on(&server, "GET", "/health", json_answer(&degraded)).await;
    let here = docker(DOCKER);
    let outcome = doctor(&server, here.path(), &[], &["--json"]).await;
    assert_eq!((outcome.code, &*state(&outcome, "server")), (1, "missing"), "{outcome:#?}");
}
