//! The published clients: every request that they make is answered with what they read, and what they do in a row works.
//!
//! `tests/clients/requests.jsonl` has the requests of the versions 0.1.2 and 0.1.10, names in braces in place of ids.

mod flows;
mod scene;
mod shape;

use serde::Deserialize;
use serde_json::Value;

use crate::caller::Answer;
use scene::{Scene, fresh_name};
use shape::Shapes;

const REQUESTS: &str = include_str!("../clients/requests.jsonl");

#[derive(Deserialize)]
struct Recorded {
    client: String,
    method: String,
    path: String,
    body: Option<Value>,
    /// Whether it uploads a task in a form.
    form: Option<String>,
    status: u16,
    /// The kind of the answer; for an error, that it is one in JSON.
    reads: Option<String>,
}

/// What is wrong with an answer.
fn faults(shapes: &Shapes, recorded: &Recorded, answer: &Answer) -> Vec<String> {
    if answer.status != recorded.status {
        return vec![format!("status {}, not {}: {}", answer.status, recorded.status, answer.text())];
    }
    if recorded.reads.as_deref() == Some("bytes") {
        return Vec::new();
    }
    let Ok(json) = serde_json::from_slice::<Value>(&answer.body) else {
        return vec![format!("no JSON: {}", answer.text())];
    };
    match &recorded.reads {
        Some(kind) => shapes.faults(kind, &json),
        None if json["detail"].is_string() || json["detail"].is_array() => Vec::new(),
        None => vec![format!("no error in JSON: {json}")],
    }
}

async fn replay(scene: &Scene, shapes: &Shapes, client: &str) {
    let mut found = Vec::new();
    for line in REQUESTS.lines() {
        let template: Recorded = serde_json::from_str(line).unwrap();
        if template.client != client {
            continue;
        }
        let recorded: Recorded = serde_json::from_str(&scene.fill(line).await).unwrap();
        let answer = match recorded.form {
            Some(_) => scene.caller.upload(&fresh_name()).await,
            None => scene.caller.ask(&recorded.method, &recorded.path, recorded.body.as_ref()).await,
        };
        let faults = faults(shapes, &recorded, &answer);
        if !faults.is_empty() {
            found.push(format!("{} {}: {}", template.method, template.path, faults.join("; ")));
        }
    }
    assert!(found.is_empty(), "{} requests of {client}:\n{}", found.len(), found.join("\n"));
}

#[tokio::test]
async fn every_request_of_the_older_client_is_answered_as_it_reads_it() {
    replay(&Scene::new().await, &Shapes::read(), "0.1.2").await;
}

#[tokio::test]
async fn every_request_of_the_newer_client_is_answered_as_it_reads_it() {
    replay(&Scene::new().await, &Shapes::read(), "0.1.10").await;
}
