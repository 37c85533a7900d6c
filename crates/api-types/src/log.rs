//! What a trial printed: `GET /trials/{trial_id}/logs` and `/logs/structured`.

use serde::{Deserialize, Serialize};

/// Which log of a trial a text is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// What one attempt printed, as it grew.
    Live,
    /// The log files that the trial left, one after the other.
    Files,
}

/// A trial's log, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "trial_id": "hello-1a2b3c4d-0", "logs": "agent: 12 files changed\n", "s3_key": null, "source": "live", "attempt": 1,
    "newest_attempt": 1, "offset": 4096, "next_offset": 4120, "size": 4120, "complete": false, "truncated": false
})))]
pub struct TrialLogsResponse {
    /// The trial.
    pub trial_id: String,
    /// The text. Bytes that are not UTF-8 are replaced.
    pub logs: String,
    /// Prefix under which the trial's files are stored, once there are any.
    pub s3_key: Option<String>,
    /// Which log this is from. Offsets count in that log only.
    pub source: LogSource,
    /// The attempt whose log it is; null while none has begun. To follow a log through a retry of the trial, send it along.
    pub attempt: Option<i32>,
    /// The newest attempt that has begun. Another than `attempt`: the trial was tried again, and the new attempt has a log of its own.
    pub newest_attempt: Option<i32>,
    /// Where in the log the text begins, in bytes.
    pub offset: u64,
    /// Where to read on: send it as `offset`.
    pub next_offset: u64,
    /// Bytes of the log so far.
    pub size: u64,
    /// Whether this is the log's end and nothing more will come.
    pub complete: bool,
    /// Whether something of what was asked for is left out, because it is too much for one answer.
    pub truncated: bool,
}

/// A trial's log files by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "trial_id": "hello-1a2b3c4d-0",
    "agent": {"oracle": "Hello, world!\n", "setup": null, "commands": [{"name": "command-0", "content": "ok\n"}]},
    "verifier": {"stdout": "1 passed\n", "stderr": null}, "other": [{"name": "trial.log", "content": "Starting\n"}],
    "exception": null, "truncated": false
})))]
pub struct StructuredLogsResponse {
    /// The trial.
    pub trial_id: String,
    /// What the agent printed.
    pub agent: AgentLogs,
    /// What the verifier printed.
    pub verifier: VerifierLogs,
    /// Every other log file, by path.
    pub other: Vec<NamedLog>,
    /// What went wrong.
    pub exception: Option<String>,
    /// Whether a text was cut, which its last line then says, or files were left out.
    pub truncated: bool,
}

/// What the agent printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "oracle": null, "setup": "installed\n", "commands": [{"name": "command-0", "content": "ok\n"}]
})))]
pub struct AgentLogs {
    /// Of the agent that plays the task's own solution.
    pub oracle: Option<String>,
    /// Of its installation.
    pub setup: Option<String>,
    /// Of its commands, in the order of their numbers.
    pub commands: Vec<NamedLog>,
}

/// What the verifier printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"stdout": "1 passed\n", "stderr": null})))]
pub struct VerifierLogs {
    /// To its standard output.
    pub stdout: Option<String>,
    /// To its standard error.
    pub stderr: Option<String>,
}

/// One log and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"name": "command-0", "content": "ok\n"})))]
pub struct NamedLog {
    /// `command-{n}`, or the file's path.
    pub name: String,
    /// The text. Bytes that are not UTF-8 are replaced.
    pub content: String,
}
