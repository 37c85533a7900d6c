//! The typed client of the server's API: the only place that speaks HTTP.

mod api;
mod api_keys;
mod changes;
mod connection;
mod error;
mod experiments;
mod logs;
mod lookup;
mod object_store;
mod queues;
mod repeats;
mod service;
mod statistics;
mod watching;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use oddish_api_types::{
    CompleteUploadRequest, ErrorBody, ExperimentResponse, InitUploadRequest, InitUploadResponse,
    ListExperimentsResponse, SweepRequest, TaskResponse, TaskStatusResponse, UploadResponse,
};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, Request, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use self::connection::{innermost, opening};
use self::repeats::Repeat;
use crate::failure::Failure;
use crate::plain_text;

pub(crate) use self::api::{Api, KeyUse};
pub(crate) use self::error::ClientError;
pub(crate) use self::logs::LogPart;
pub(crate) use self::lookup::Field;
pub(crate) use self::object_store::{ObjectStore, SignedRequest};
pub(crate) use self::watching::{ChangedTrials, FROM_THE_START, WaitingTrial, WatchedTask, WatchedTrial};

const SUBMIT_TIMEOUT: Duration = Duration::from_mins(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const PAGE: usize = 100;
/// Most rows of a page that a server gives.
const LARGEST_PAGE: usize = 1000;

/// A server that requests can be sent to.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: String,
    api: std::sync::Arc<Api>,
    /// Whether what failed in passing is sent again.
    repeats: bool,
}

impl Client {
    /// Prepares connections; none is made yet.
    pub(crate) fn new(api: Api) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(key) = api.key() {
            let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
                .map_err(|_| Failure::usage("ODDISH_API_KEY has characters that a key cannot have"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = connection::builder(api.base())
            .default_headers(headers)
            .build()
            .map_err(|error| Failure::new(format!("cannot prepare connections: {}", innermost(&error))))?;
        Ok(Self { http, server: api.to_string(), api: std::sync::Arc::new(api), repeats: true })
    }

    /// This client for a caller that asks again by itself, and tells meanwhile what is wrong.
    pub(crate) fn without_repeats(&self) -> Self {
        Self { repeats: false, ..self.clone() }
    }

    /// The server's address, for a person.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Where trials run unless a submission says so; none leaves it to the server.
    pub(crate) fn usual_environment(&self) -> Option<&'static str> {
        self.api.usual_environment()
    }

    /// The address of a task, for a person.
    pub(crate) fn task_url(&self, task_id: &str) -> Url {
        self.api.page(&["tasks", task_id]).unwrap_or_else(|| self.api.url(&["tasks", task_id]))
    }

    /// The address of an experiment, for a person: without a page for it, a list of its tasks.
    pub(crate) fn experiment_url(&self, experiment_id: &str) -> Url {
        self.api.page(&["experiments", experiment_id]).unwrap_or_else(|| {
            let mut url = self.api.url(&["tasks"]);
            url.query_pairs_mut().append_pair("experiment_id", experiment_id);
            url
        })
    }

    /// `POST /tasks/upload/init`.
    pub(crate) async fn init_upload(&self, upload: &InitUploadRequest) -> Result<InitUploadResponse, ClientError> {
        let request = self.http.post(self.api.url(&["tasks", "upload", "init"])).json(upload);
        self.send(request.timeout(SUBMIT_TIMEOUT)).await.map_err(|error| match error {
            ClientError::Refused { status: StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, .. } => {
                ClientError::TooOld { server: self.server.clone() }
            }
            error => error,
        })
    }

    /// `POST /tasks/upload/complete`.
    pub(crate) async fn complete_upload(&self, upload: &CompleteUploadRequest) -> Result<UploadResponse, ClientError> {
        let request = self.http.post(self.api.url(&["tasks", "upload", "complete"])).json(upload);
        self.send(request.timeout(SUBMIT_TIMEOUT)).await
    }

    /// `POST /tasks/sweep`.
    pub(crate) async fn submit_sweep(&self, sweep: &SweepRequest) -> Result<TaskResponse, ClientError> {
        self.send(self.http.post(self.api.url(&["tasks", "sweep"])).json(sweep).timeout(SUBMIT_TIMEOUT)).await
    }

    /// `GET /tasks/{task_id}`, with the trials of all versions: a run is watched to its end, whatever was uploaded since.
    pub(crate) async fn task(&self, task_id: &str) -> Result<TaskStatusResponse, ClientError> {
        let request = self.http.get(self.api.url(&["tasks", task_id])).query(&[("version", "all")]);
        self.send(request.timeout(READ_TIMEOUT)).await
    }

    /// The newest experiments with what became of all their trials, at most `limit`, and how many there are.
    pub(crate) async fn recent_experiments(
        &self,
        limit: usize,
    ) -> Result<(Vec<ExperimentResponse>, Option<usize>), ClientError> {
        let (mut found, mut total, mut cursor) = (Vec::new(), None, None);
        while found.len() < limit {
            let mut query = vec![("limit", (limit - found.len()).min(LARGEST_PAGE).to_string())];
            match cursor {
                Some(cursor) => query.push(("cursor", cursor)),
                None => query.push(("total", "true".to_owned())),
            }
            let request = self.http.get(self.api.url(&["experiments"])).query(&query);
            let page: ListExperimentsResponse = self.send(request.timeout(READ_TIMEOUT)).await?;
            found.extend(page.items);
            total = total.or(page.total);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok((found, total.and_then(|total| total.try_into().ok())))
    }

    /// Every task of an experiment with all trials that it ran, newest first, page by page until one is not full.
    pub(crate) async fn experiment_tasks(&self, experiment_id: &str) -> Result<Vec<TaskStatusResponse>, ClientError> {
        let mut tasks: Vec<TaskStatusResponse> = Vec::new();
        let mut known = BTreeSet::new();
        let mut offset = 0;
        loop {
            let query = [
                ("experiment_id", experiment_id.to_owned()),
                ("limit", PAGE.to_string()),
                ("offset", offset.to_string()),
                ("include_trials", "true".to_owned()),
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

    /// Sends a request and reads its answer. Again, after a pause, if it failed in passing and only looks; what changes something only if
    /// it did not arrive.
    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        self.send_as(request, None).await
    }

    /// [`Self::send()`] for a request that changes something, and the second time nothing more.
    async fn send_repeatable<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        self.send_as(request, Some(Repeat::Harmless)).await
    }

    async fn send_as<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        repeat: Option<Repeat>,
    ) -> Result<T, ClientError> {
        let request = request.build().map_err(|error| self.transport_error(&error))?;
        let by_method = if request.method() == Method::GET { Repeat::Harmless } else { Repeat::Unsent };
        let repeat = if self.repeats { repeat.unwrap_or(by_method) } else { Repeat::Never };
        let begun = Instant::now();
        let mut tries = 0;
        loop {
            // No body here is a stream, which alone could not be sent twice.
            let Some(copy) = request.try_clone() else { return self.send_once(request).await };
            tries += 1;
            let error = match self.send_once(copy).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match repeat.pause(&error, tries, begun.elapsed()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error.after(tries)),
            }
        }
    }

    async fn send_once<T: DeserializeOwned>(&self, request: Request) -> Result<T, ClientError> {
        let response = match self.http.execute(request).await {
            Ok(response) => response,
            Err(error) => return Err(self.explained(&error).await),
        };
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
        let (request_id, retry_after) = (connection::request_id(&response), connection::retry_after(&response));
        let body = connection::error_body(response).await;
        let detail = match (serde_json::from_slice::<ErrorBody>(&body), location) {
            (Ok(error), _) => plain_text::short_line(&error.to_string(), 1000),
            (Err(_), Some(location)) => format!("{} redirects to {location}: use that address", self.server),
            (Err(_), None) => format!("{} answered {status}: {}", self.server, opening(&body)),
        };
        Err(ClientError::Refused { status, detail: format!("{detail}{request_id}"), retry_after })
    }

    /// Why a request got no answer; a wrong scheme is found out, since what the other side makes of it says nothing to a person.
    async fn explained(&self, error: &reqwest::Error) -> ClientError {
        let other = |speaks| ClientError::OtherScheme { server: self.server.clone(), speaks };
        if connection::is_no_tls(error) || (error.is_connect() && connection::speaks_http(self.api.base(), error).await)
        {
            return other("http");
        }
        let is_answered_oddly = !error.is_connect() && !error.is_timeout() && self.api.base().scheme() == "http";
        if is_answered_oddly && connection::speaks_tls(self.api.base()).await {
            return other("https");
        }
        self.transport_error(error)
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
