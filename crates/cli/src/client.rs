//! The typed client of the server's API: the only place that speaks HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use oddish_api_types::{ErrorBody, SweepRequest, TaskResponse, TaskStatusResponse, UploadResponse};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, RequestBuilder, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::plain_text;
use crate::printer::Failure;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SUBMIT_TIMEOUT: Duration = Duration::from_mins(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const PAGE: usize = 100;
const MAX_ERROR_BODY: usize = 64 * 1024;

/// Why a request got no useful answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No connection: nothing was sent.
    #[error("cannot reach the server at {server}: {reason}")]
    Unreachable { server: String, reason: String },
    /// The connection broke or ran out of time after something may have been sent.
    #[error("no answer from {server}: {reason}")]
    Interrupted { server: String, reason: String },
    /// The server answered with an error.
    #[error("{detail}")]
    Refused { status: StatusCode, detail: String },
    /// The server, or something before it, answered with what no Oddish server answers.
    #[error("{server} answered with something that is not Oddish's: {reason}")]
    Foreign { server: String, reason: String },
}

impl ClientError {
    /// Whether the same request may well succeed a little later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Interrupted { .. } => true,
            Self::Refused { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Foreign { .. } => false,
        }
    }

    /// Whether the server says that there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }

    /// What the user may do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => {
                Some("start it with `oddish-server api`, or set ODDISH_API_URL to a server that runs")
            }
            Self::Refused { status: StatusCode::UNAUTHORIZED, .. } => {
                Some("set ODDISH_API_KEY to a key of this server")
            }
            Self::Refused { status: StatusCode::FORBIDDEN, .. } => Some("the key in ODDISH_API_KEY may not do this"),
            Self::Foreign { .. } => Some("check ODDISH_API_URL"),
            Self::Interrupted { .. } | Self::Refused { .. } => None,
        }
    }

    /// This error as the end of a command that was doing `what`.
    pub(crate) fn while_doing(&self, what: &str) -> Failure {
        let failure = Failure::new(format!("{what}: {self}"));
        match self.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// A server that requests can be sent to.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: String,
    api: std::sync::Arc<Api>,
}

impl Client {
    /// Prepares connections; none is made yet.
    pub(crate) fn new(api: Api) -> Result<Self, Failure> {
        // Fails only when a provider is installed already, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        if let Some(key) = api.key() {
            let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
                .map_err(|_| Failure::usage("ODDISH_API_KEY has characters that a key cannot have"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("oddish/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirected POST would arrive as a GET without its body; the user is told where to point instead.
            .redirect(redirect::Policy::none());
        if api.is_loopback() {
            builder = builder.no_proxy();
        }
        if !api.is_https() {
            // Reading the system's certificates takes time, and fails on a machine that has none.
            builder = builder.tls_certs_only([]);
        }
        let http = builder
            .build()
            .map_err(|error| Failure::new(format!("cannot prepare connections: {}", innermost(&error))))?;
        Ok(Self { http, server: api.to_string(), api: std::sync::Arc::new(api) })
    }

    /// The server's address, for a person.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// The address of a task.
    pub(crate) fn task_url(&self, task_id: &str) -> Url {
        self.api.url(&["tasks", task_id])
    }

    /// The address of a list of an experiment's tasks.
    pub(crate) fn experiment_url(&self, experiment_id: &str) -> Url {
        let mut url = self.api.url(&["tasks"]);
        url.query_pairs_mut().append_pair("experiment_id", experiment_id);
        url
    }

    /// `POST /tasks/upload`. `archive` is sent as it is, `length` bytes long.
    pub(crate) async fn upload(
        &self,
        file_name: String,
        archive: Body,
        length: u64,
    ) -> Result<UploadResponse, ClientError> {
        let part = Part::stream_with_length(archive, length).file_name(file_name);
        let part = part.mime_str("application/gzip").map_err(|error| self.transport_error(&error))?;
        let request = self.http.post(self.api.url(&["tasks", "upload"])).multipart(Form::new().part("file", part));
        self.send(request.timeout(SUBMIT_TIMEOUT)).await
    }

    /// `POST /tasks/sweep`.
    pub(crate) async fn submit_sweep(&self, sweep: &SweepRequest) -> Result<TaskResponse, ClientError> {
        self.send(self.http.post(self.api.url(&["tasks", "sweep"])).json(sweep).timeout(SUBMIT_TIMEOUT)).await
    }

    /// `GET /tasks/{task_id}`.
    pub(crate) async fn task(&self, task_id: &str) -> Result<TaskStatusResponse, ClientError> {
        self.send(self.http.get(self.task_url(task_id)).timeout(READ_TIMEOUT)).await
    }

    /// The newest tasks without their trials, at most `limit`.
    pub(crate) async fn recent_tasks(&self, limit: usize) -> Result<Vec<TaskStatusResponse>, ClientError> {
        let request = self.http.get(self.api.url(&["tasks"]));
        self.send(
            request.query(&[("limit", limit.to_string()), ("include_trials", "false".into())]).timeout(READ_TIMEOUT),
        )
        .await
    }

    /// Every task of an experiment, newest first, page by page until one is not full.
    pub(crate) async fn experiment_tasks(
        &self,
        experiment_id: &str,
        include_trials: bool,
    ) -> Result<Vec<TaskStatusResponse>, ClientError> {
        let mut tasks: Vec<TaskStatusResponse> = Vec::new();
        let mut known = BTreeSet::new();
        let mut offset = 0;
        loop {
            let query = [
                ("experiment_id", experiment_id.to_owned()),
                ("limit", PAGE.to_string()),
                ("offset", offset.to_string()),
                ("include_trials", include_trials.to_string()),
            ];
            let request = self.http.get(self.api.url(&["tasks"])).query(&query);
            let page: Vec<TaskStatusResponse> = self.send(request.timeout(READ_TIMEOUT)).await?;
            let length = page.len();
            // A task that is submitted meanwhile moves the pages by one; a server that ignores `offset` repeats the first.
            let before = tasks.len();
            tasks.extend(page.into_iter().filter(|task| known.insert(task.id.clone())));
            if length < PAGE || tasks.len() == before {
                return Ok(tasks);
            }
            offset += length;
        }
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let mut response = request.send().await.map_err(|error| self.transport_error(&error))?;
        let status = response.status();
        if status.is_success() {
            let body = response.bytes().await.map_err(|error| self.transport_error(&error))?;
            let mut reader = serde_json::Deserializer::from_slice(&body);
            return serde_path_to_error::deserialize(&mut reader).map_err(|error| ClientError::Foreign {
                server: self.server.clone(),
                reason: format!(
                    "{}; it begins with {:?}",
                    plain_text::short_line(&error.to_string(), 200),
                    opening(&body)
                ),
            });
        }
        let location = response.headers().get("location").and_then(|value| value.to_str().ok()).map(plain_text::line);
        let mut body = Vec::new();
        // An error's text is worth showing even when the connection breaks in the middle of it.
        while body.len() < MAX_ERROR_BODY {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        let detail = match (serde_json::from_slice::<ErrorBody>(&body), location) {
            (Ok(error), _) => plain_text::short_line(&error.to_string(), 1000),
            (Err(_), Some(location)) => format!("{} redirects to {location}: use that address", self.server),
            (Err(_), None) => format!("{} answered {status}: {}", self.server, opening(&body)),
        };
        Err(ClientError::Refused { status, detail })
    }

    fn transport_error(&self, error: &reqwest::Error) -> ClientError {
        let server = self.server.clone();
        let reason = innermost(error);
        if error.is_connect() {
            ClientError::Unreachable { server, reason }
        } else {
            ClientError::Interrupted { server, reason }
        }
    }
}

/// The first 200 characters of a body, for a person.
fn opening(body: &[u8]) -> String {
    plain_text::short_line(&String::from_utf8_lossy(&body[..body.len().min(2000)]), 200)
}

/// The cause at the bottom: the layers above it only say that a request failed.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    plain_text::short_line(&cause.to_string(), 200)
}
