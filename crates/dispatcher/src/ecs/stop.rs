//! A task that has stopped, and the attempt that ran in it.

use oddish_db::jobs::Fenced;
use oddish_db::runner_tasks::{self, Stopped};
use oddish_db::{AttemptRef, attempts};
use oddish_domain::attempt_settings::ATTEMPT_TOKEN;
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{CloseError, Closer, Lost};

/// Notes that a task has stopped, and closes its attempt if its runner has not: one that had begun is lost, one that had not is given back.
/// Returns whether a slot came free by that. Does nothing the second time.
pub async fn note_stop(closer: &Closer, stop: Stopped<'_>) -> Result<bool, CloseError> {
    let now = OffsetDateTime::now_utc();
    let Some(open) = runner_tasks::stopped(&closer.db, stop, now).await? else { return Ok(false) };
    let how = format!("its container stopped, {}: {}", stop.code, stop.reason);
    let AttemptRef { subject: trial_id, number: attempt, token, .. } = &open.attempt;
    if open.begun {
        closer.lost(Lost { attempt: &open.attempt, how: &how }).await?;
        return Ok(true);
    }
    let given = attempts::give_back(&closer.db, *token, &format!("No runner began: {how}."), now).await?;
    if given == Fenced::Accepted {
        tracing::warn!(trial_id, attempt, how, "the runner never began; it is queued again");
    }
    Ok(given == Fenced::Accepted)
}

/// What of an event "ECS Task State Change" is of use here (AWS, "Amazon ECS task state change events").
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStateChange {
    task_arn: String,
    last_status: String,
    #[serde(default)]
    started_by: Option<String>,
    #[serde(default)]
    stop_code: Option<String>,
    #[serde(default)]
    stopped_reason: Option<String>,
    #[serde(default)]
    containers: Vec<ContainerEnd>,
    #[serde(default)]
    overrides: Overrides,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerEnd {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    exit_code: Option<i32>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Overrides {
    container_overrides: Vec<ContainerOverride>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerOverride {
    #[serde(default)]
    environment: Vec<Setting>,
}

#[derive(Debug, Deserialize)]
struct Setting {
    name: String,
    value: String,
}

impl TaskStateChange {
    /// Whether it tells of the end of a task that this deployment started.
    #[must_use]
    pub fn is_end_of(&self, owner: &str) -> bool {
        self.last_status == "STOPPED" && self.started_by.as_deref() == Some(owner)
    }

    /// Closes what it tells the end of. Returns whether a slot came free.
    pub async fn note(&self, closer: &Closer) -> Result<bool, CloseError> {
        let ends = self.containers.iter().map(|end| ContainerStatus {
            name: end.name.as_deref(),
            exit_code: end.exit_code,
            reason: end.reason.as_deref(),
        });
        let reason = reason(self.stopped_reason.as_deref(), ends);
        let stop = Stopped {
            task_arn: &self.task_arn,
            token: self.token(),
            code: self.stop_code.as_deref().unwrap_or("Unknown"),
            reason: &reason,
        };
        note_stop(closer, stop).await
    }

    fn token(&self) -> Option<Uuid> {
        let settings = self.overrides.container_overrides.iter().flat_map(|container| &container.environment);
        settings.filter(|setting| setting.name == ATTEMPT_TOKEN.name()).find_map(|setting| setting.value.parse().ok())
    }
}

/// How one container of a task ended.
pub(super) struct ContainerStatus<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) exit_code: Option<i32>,
    pub(super) reason: Option<&'a str>,
}

/// One line for people, from what ECS says of the task and of its containers.
pub(super) fn reason<'a>(of_task: Option<&str>, containers: impl Iterator<Item = ContainerStatus<'a>>) -> String {
    let mut parts = vec![of_task.unwrap_or("no reason is given").to_owned()];
    for ContainerStatus { name, exit_code, reason } in containers {
        let name = name.unwrap_or("a container");
        parts.extend(match (exit_code, reason) {
            (None, None) => None,
            (Some(code), None) => Some(format!("{name} ended with exit code {code}")),
            (None, Some(reason)) => Some(format!("{name}: {reason}")),
            (Some(code), Some(reason)) => Some(format!("{name} ended with exit code {code}: {reason}")),
        });
    }
    parts.join("; ")
}
