//! A server under attack: tasks go in as a client sends them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::task::{BOUNDARY, HostileTask};
use super::trial::Trial;
use crate::http::{self, Answer, Request};
use crate::stack::Stack;

/// Longest wait for an answer.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// A running server, and where it keeps its files.
pub(super) struct Target {
    pub(super) stack: Stack,
    pub(super) folder: PathBuf,
}

/// How a task is to be run.
pub(super) struct Submission {
    pub(super) agent: &'static str,
    /// For agents that drive one.
    pub(super) model: Option<&'static str>,
    pub(super) agent_kwargs: Value,
    pub(super) agent_env: Value,
    /// The nested settings for Harbor.
    pub(super) harbor: Value,
    pub(super) trials: u32,
}

impl Submission {
    /// One trial of an agent that needs no model.
    pub(super) fn of(agent: &'static str) -> Self {
        Self { agent, model: None, agent_kwargs: json!({}), agent_env: json!({}), harbor: json!({}), trials: 1 }
    }

    /// One trial of an agent that is installed in the sandbox and drives a model; its key is good for nothing.
    pub(super) fn of_installed(agent: &'static str) -> Self {
        let agent_env = json!({"OPENAI_API_KEY": "a-key-that-opens-nothing"});
        Self { model: Some("openai/gpt-4.1-mini"), agent_env, ..Self::of(agent) }
    }
}

/// The setting that a refusal of access to the host names, for those who want to allow it.
const ALLOWED_BY: &str = "ODDISH_ALLOW_HOST_ACCESS";

/// Whether a text refuses what is called `named`, and not something else.
pub(super) fn refuses(text: &str, named: &str) -> bool {
    text.contains(named) || text.contains(ALLOWED_BY)
}

/// What became of a submission.
pub(super) enum Submitted {
    /// It is queued.
    Accepted(Trial),
    /// The server took the task or the sweep for what it is.
    Refused { status: u16, text: String },
}

impl Target {
    pub(super) fn new(stack: Stack, folder: &Path) -> Self {
        Self { stack, folder: folder.to_path_buf() }
    }

    /// Sends a request with a body of JSON.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let headers = [("Content-Type", "application/json")];
        self.send(&Request { method: "POST", path, headers: &headers, body: body.to_string().as_bytes() })
    }

    /// Sends a request as it stands.
    pub(super) fn send(&self, request: &Request<'_>) -> Result<Answer> {
        http::send(self.stack.port(), request, PATIENCE)
    }

    /// Uploads a task and asks for a trial of it, with one try of what fails.
    pub(super) fn submit(&self, task: &HostileTask, submission: &Submission) -> Result<Submitted> {
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let headers = [("Content-Type", content_type.as_str())];
        let body = task.form()?;
        let uploaded = self.send(&Request { method: "POST", path: "/tasks/upload", headers: &headers, body: &body })?;
        let Some(uploaded) = accepted(&uploaded)? else { return Ok(refused(&uploaded)) };
        let task_id = uploaded["task_id"].as_str().context("the upload's answer has no task_id")?.to_owned();
        let sweep = self.post("/tasks/sweep", &sweep(&task_id, submission))?;
        if accepted(&sweep)?.is_none() {
            return Ok(refused(&sweep));
        }
        Ok(Submitted::Accepted(Trial::new(&self.stack, &self.folder, &task_id, task.mark())))
    }

    /// [`Target::submit`], where nothing in the submission is to be refused.
    pub(super) fn run(&self, task: &HostileTask, submission: &Submission) -> Result<Trial> {
        match self.submit(task, submission)? {
            Submitted::Accepted(trial) => Ok(trial),
            Submitted::Refused { status, text } => bail!("the server refused the submission: {status} {text}"),
        }
    }

    /// How long `/health` takes to answer; an error when it does not within `patience`.
    pub(super) fn health(&self, patience: Duration) -> Result<Duration> {
        let begun = Instant::now();
        let request = Request { method: "GET", path: "/health", headers: &[], body: b"" };
        let answer = http::send(self.stack.port(), &request, patience)?;
        if answer.status != 200 {
            bail!("/health answered {}", answer.status);
        }
        Ok(begun.elapsed())
    }
}

/// The sweep of one configuration.
pub(super) fn sweep(task_id: &str, submission: &Submission) -> Value {
    json!({
        "task_id": task_id,
        "user": "attacker",
        "max_attempts": 1,
        "harbor": submission.harbor,
        "configs": [{
            "agent": submission.agent,
            "model": submission.model,
            "n_trials": submission.trials,
            "agent_kwargs": submission.agent_kwargs,
            "agent_env": submission.agent_env,
        }],
    })
}

/// The JSON of a 200; none when the server refused the request as one that it does not take.
fn accepted(answer: &Answer) -> Result<Option<Value>> {
    match answer.status {
        200 => serde_json::from_slice(&answer.body).context("the server answered something else than JSON").map(Some),
        400..=499 => Ok(None),
        status => bail!("the server answered {status}: {}", answer.text()),
    }
}

fn refused(answer: &Answer) -> Submitted {
    Submitted::Refused { status: answer.status, text: answer.text() }
}
