//! Logs of a trial: `GET /trials/{trial_id}/logs` and `/logs/structured`.

use serde::{Deserialize, Serialize};

/// Which of a trial's logs a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// The log of one attempt, as it grows.
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
    /// The attempt whose log it is; null while none has begun. Send it with the next request to notice a new attempt.
    pub attempt: Option<i32>,
    /// The newest attempt that has begun. If it differs from `attempt`, the trial was tried again, and the new attempt has a log of its own.
    pub newest_attempt: Option<i32>,
    /// Offset of the text in the log, in bytes.
    pub offset: u64,
    /// `offset` of the next request.
    pub next_offset: u64,
    /// Bytes of the log so far.
    pub size: u64,
    /// Whether the text reaches the end of a log that grows no more.
    pub complete: bool,
    /// Whether a part of the requested text is left out, because it is too much for one answer.
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
    /// Logs of the agent.
    pub agent: AgentLogs,
    /// Logs of the verifier.
    pub verifier: VerifierLogs,
    /// Every other log file, by path.
    pub other: Vec<NamedLog>,
    /// The trial's error.
    pub exception: Option<String>,
    /// Whether a text was cut, which its last line then says, or files were left out.
    pub truncated: bool,
}

/// Logs of the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "oracle": null, "setup": "installed\n", "commands": [{"name": "command-0", "content": "ok\n"}]
})))]
pub struct AgentLogs {
    /// Of `oracle`, which replays the task's own solution.
    pub oracle: Option<String>,
    /// Of its installation.
    pub setup: Option<String>,
    /// Of its commands, in the order of their numbers.
    pub commands: Vec<NamedLog>,
}

/// Logs of the verifier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"stdout": "1 passed\n", "stderr": null})))]
pub struct VerifierLogs {
    /// Its standard output.
    pub stdout: Option<String>,
    /// Its standard error.
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

/// Which part of a trial's log is wanted. Without any of these, all of it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct LogQuery {
    /// Only the last lines, so many.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 10_000))]
    pub tail: Option<u32>,
    /// From this byte on: `next_offset` of the answer before.
    #[cfg_attr(feature = "openapi", param(minimum = 0))]
    pub offset: Option<u64>,
    /// Bytes at the most; a character is never cut.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 2_097_152))]
    pub limit: Option<u64>,
    /// Seconds to wait until there is something after `offset`, or the log has ended.
    #[cfg_attr(feature = "openapi", param(minimum = 0, maximum = 20))]
    pub wait: Option<u64>,
    /// The live log of this attempt, whatever became of the trial since. Without it, the live log of the newest attempt while the trial runs,
    /// and the log files that it left after that.
    #[cfg_attr(feature = "openapi", param(minimum = 1))]
    pub attempt: Option<i32>,
}
