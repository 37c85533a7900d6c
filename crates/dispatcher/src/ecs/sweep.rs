//! Comparing what ECS runs with what should run.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_ecs::error::DisplayErrorContext;
use aws_sdk_ecs::types::{DesiredStatus, Task, TaskField};
use oddish_db::runner_tasks::{self, RunnerTask, Stopped};
use oddish_db::{AttemptRef, attempts};
use oddish_domain::status::JobKind;
use time::OffsetDateTime;
use uuid::Uuid;

use super::stop::{ContainerStatus, note_stop, reason};
use super::{ATTEMPT, Capacity, DEADLINE, EcsLauncher, TRIAL};
use crate::CloseError;

/// How often. Stops are told by events at once; this is for what these did not tell.
pub(super) const EVERY: Duration = Duration::from_mins(1);

/// Most tasks that one call describes.
const PAGE: usize = 100;

/// How old a task must be before it is stopped because nobody here knows it: a runner that has recorded leaves by itself.
const STRANGER: Duration = Duration::from_mins(2);

/// Of what a task is called when ECS has forgotten it, which it does an hour after a task's end.
const FORGOTTEN: &str = "Missing";

impl EcsLauncher {
    /// Stops tasks whose trials were cancelled or deleted, or whose attempts are over.
    pub(super) async fn stop_unwanted(&self) -> Result<(), CloseError> {
        let db = &self.closer.db;
        for task in runner_tasks::unwanted(db, OffsetDateTime::now_utc()).await? {
            self.stop_task(&task.task_arn, "its attempt is over").await;
            if task.cancelled_claim {
                attempts::give_back(db, task.token, "The trial was cancelled.", OffsetDateTime::now_utc()).await?;
            }
        }
        Ok(())
    }

    /// Asks ECS about every task that is not known to have stopped, and for those of this deployment that are not known at all. Where ECS
    /// does not answer, the next sweep asks again.
    pub async fn sweep(&self) -> Result<(), CloseError> {
        let db = &self.closer.db;
        runner_tasks::forget(db, OffsetDateTime::now_utc()).await?;
        let known: HashSet<String> = runner_tasks::live(db).await?.into_iter().collect();
        let Some(listed) = self.listed().await else { return Ok(()) };
        let all: Vec<String> = known.union(&listed).cloned().collect();
        for page in all.chunks(PAGE) {
            let described = self
                .client
                .describe_tasks()
                .cluster(&self.settings.cluster)
                .set_tasks(Some(page.to_vec()))
                .include(TaskField::Tags)
                .send()
                .await;
            let described = match described {
                Ok(described) => described,
                Err(error) => {
                    tracing::warn!(error = %DisplayErrorContext(error), "cannot describe tasks; trying again later");
                    return Ok(());
                }
            };
            for missing in described.failures().iter().filter(|failure| failure.reason() == Some("MISSING")) {
                let Some(task_arn) = missing.arn().filter(|arn| known.contains(*arn)) else { continue };
                let gone = "ECS does not know it any more";
                note_stop(&self.closer, Stopped { task_arn, token: None, code: FORGOTTEN, reason: gone }).await?;
            }
            self.compare(described.tasks(), &known).await?;
        }
        Ok(())
    }

    /// The tasks of this deployment that ECS means to run.
    async fn listed(&self) -> Option<HashSet<String>> {
        let Self { client, settings, .. } = self;
        let mut listed = HashSet::new();
        let mut next = None;
        loop {
            let page = client
                .list_tasks()
                .cluster(&settings.cluster)
                .started_by(&settings.owner)
                .desired_status(DesiredStatus::Running)
                .set_next_token(next.take())
                .send()
                .await;
            match page {
                Ok(page) => {
                    listed.extend(page.task_arns().iter().cloned());
                    next = page.next_token().map(str::to_owned);
                    if next.is_none() {
                        return Some(listed);
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %DisplayErrorContext(error), "cannot list tasks; trying again later");
                    return None;
                }
            }
        }
    }

    async fn compare(&self, tasks: &[Task], known: &HashSet<String>) -> Result<(), CloseError> {
        let db = &self.closer.db;
        let tokens: Vec<Uuid> = tasks.iter().filter_map(token).collect();
        let wanted: HashSet<Uuid> = runner_tasks::wanted(db, &tokens).await?.into_iter().collect();
        let now = OffsetDateTime::now_utc();
        for task in tasks {
            let Some(task_arn) = task.task_arn() else { continue };
            let token = token(task);
            if task.last_status() == Some("STOPPED") {
                let ends = task.containers().iter().map(|container| ContainerStatus {
                    name: container.name(),
                    exit_code: container.exit_code(),
                    reason: container.reason(),
                });
                let reason = reason(task.stopped_reason(), ends);
                let code = task.stop_code().map_or("Unknown", |code| code.as_str());
                note_stop(&self.closer, Stopped { task_arn, token, code, reason: &reason }).await?;
            } else if is_over(task, now) {
                self.stop_task(task_arn, "its time is over").await;
            } else if !known.contains(task_arn) {
                match token.filter(|token| wanted.contains(token)) {
                    Some(token) => self.adopt(task, task_arn, token).await?,
                    None if is_old(task, now) => self.stop_task(task_arn, "its attempt is over").await,
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// Notes a task that was started by somebody who did not come to that.
    async fn adopt(&self, task: &Task, task_arn: &str, token: Uuid) -> Result<(), CloseError> {
        let tags = tags(task);
        let subject = tags.get(TRIAL).copied().unwrap_or_default().to_owned();
        let Some(number) = attempts::number(&self.closer.db, token).await? else { return Ok(()) };
        let attempt = AttemptRef { kind: JobKind::Trial, subject, number, token };
        let capacity = match task.capacity_provider_name() {
            Some("FARGATE_SPOT") => Capacity::Spot,
            Some("FARGATE") | None => Capacity::OnDemand,
            Some(name) => Capacity::Provider(name.to_owned()),
        };
        let memory = task.memory().and_then(|memory| memory.parse().ok());
        let memory_mb = memory.unwrap_or(self.settings.size.memory_mb.cast_signed());
        let noted = RunnerTask { attempt: &attempt, task_arn, capacity: capacity.word(), memory_mb };
        tracing::warn!(trial_id = attempt.subject, attempt = number, task_arn, "found a task that nobody had noted");
        Ok(runner_tasks::started(&self.closer.db, &noted, OffsetDateTime::now_utc()).await?)
    }
}

fn tags(task: &Task) -> HashMap<&str, &str> {
    task.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?))).collect()
}

fn token(task: &Task) -> Option<Uuid> {
    tags(task).get(ATTEMPT)?.parse().ok()
}

/// Whether the time that its tags give it is over.
fn is_over(task: &Task, now: OffsetDateTime) -> bool {
    let deadline = tags(task).get(DEADLINE).and_then(|deadline| deadline.parse::<i64>().ok());
    deadline.is_some_and(|deadline| deadline < now.unix_timestamp())
}

fn is_old(task: &Task, now: OffsetDateTime) -> bool {
    task.created_at().is_none_or(|created| created.secs() < (now - STRANGER).unix_timestamp())
}
