//! A custom resource's side of what it and `CloudFormation` tell each other.

use std::error::Error;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde::{Deserialize, Serialize};

/// What the resource is called for as long as it lives; another name would have `CloudFormation` delete the one before.
const PHYSICAL_ID: &str = "oddish-schema";
/// `CloudFormation` takes an answer of 4096 bytes; the other fields need some of them.
const REASON_BYTES: usize = 2000;
const TRIES: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(3);

/// An invocation: of `CloudFormation`, or by hand.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    request_type: Option<String>,
    #[serde(rename = "ResponseURL")]
    response_url: Option<String>,
    stack_id: Option<String>,
    request_id: Option<String>,
    logical_resource_id: Option<String>,
    physical_resource_id: Option<String>,
}

/// What `CloudFormation` asks for.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "these are the names that CloudFormation has for them")]
pub struct Request {
    response_url: String,
    deletes: bool,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: String,
}

/// `CloudFormation` could not be told how it went.
#[derive(Debug, thiserror::Error)]
#[error("CloudFormation could not be told how it went: {0}")]
pub struct AnswerLost(String);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
}

impl Event {
    /// What a stack asks for; `None` if no stack waits for an answer.
    pub fn request(self) -> Option<Request> {
        let (response_url, kind) = (self.response_url?, self.request_type?);
        Some(Request {
            response_url,
            deletes: kind == "Delete",
            stack_id: self.stack_id.unwrap_or_default(),
            request_id: self.request_id.unwrap_or_default(),
            logical_resource_id: self.logical_resource_id.unwrap_or_default(),
            physical_resource_id: self.physical_resource_id.unwrap_or_else(|| PHYSICAL_ID.to_owned()),
        })
    }
}

impl Request {
    /// Whether the stack goes, or the resource from it.
    pub fn deletes(&self) -> bool {
        self.deletes
    }

    /// Tells how it went, several times if need be.
    pub async fn tell(&self, outcome: Result<(), &(dyn Error + '_)>) -> Result<(), AnswerLost> {
        let answer = Answer {
            status: if outcome.is_ok() { "SUCCESS" } else { "FAILED" },
            reason: outcome.err().map(reason),
            physical_resource_id: &self.physical_resource_id,
            stack_id: &self.stack_id,
            request_id: &self.request_id,
            logical_resource_id: &self.logical_resource_id,
        };
        let body = serde_json::to_vec(&answer).map_err(|error| AnswerLost(error.to_string()))?;
        let client = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build();
        let mut tries = 1;
        loop {
            match tokio::time::timeout(PATIENCE, put(&client, &self.response_url, &body)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(problem)) if tries == TRIES => return Err(AnswerLost(problem)),
                Err(_) if tries == TRIES => return Err(AnswerLost(format!("no answer within {PATIENCE:?}"))),
                Ok(Err(_)) | Err(_) => tokio::time::sleep(Duration::from_millis(100 << tries)).await,
            }
            tries += 1;
        }
    }
}

/// The URL is signed for a request without a content type.
async fn put(client: &Connector, url: &str, body: &[u8]) -> Result<(), String> {
    let request = http::Request::put(url).body(body.to_vec().into()).map_err(|error| error.to_string())?;
    let request = HttpRequest::try_from(request).map_err(|error| error.to_string())?;
    let response = client.call(request).await.map_err(|error| chain(&error))?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(format!("status {}", status.as_u16())) }
}

/// An error with its causes, as a person reads it in the stack's events.
fn reason(error: &(dyn Error + '_)) -> String {
    let mut text = chain(error);
    text.truncate(text.floor_char_boundary(REASON_BYTES));
    text
}

fn chain(error: &(dyn Error + '_)) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    text
}
