//! Runners as tasks of ECS.

mod failure;
mod pace;
mod settings;
mod size;
mod stop;
mod sweep;

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::DisplayErrorContext;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, ContainerOverride, KeyValuePair,
    NetworkConfiguration, Tag, TaskOverride,
};
use oddish_db::jobs::LiveAttempt;
use oddish_db::queue::Claim;
use oddish_db::runner_tasks::{self, History, RunnerTask};
use oddish_domain::attempt_settings;
use oddish_domain::status::JobKind;
use time::OffsetDateTime;

use crate::{CloseError, Closer, LaunchError, Launcher};

pub use settings::{Capacity, DockerMachines, EcsSettings};
pub use size::Size;
pub use stop::{TaskStateChange, note_stop};

/// Tags of a task: whose it is, the token and the trial of its attempt, and when it is to be stopped at the latest, in seconds since 1970.
const OWNER: &str = "oddish:owner";
const ATTEMPT: &str = "oddish:attempt";
const TRIAL: &str = "oddish:trial";
const DEADLINE: &str = "oddish:deadline";

/// How long one call may take, with the SDK's own repetitions.
const CALL_WITHIN: Duration = Duration::from_secs(15);

/// After so many interruptions by Spot a trial goes on on demand.
const SPOT_INTERRUPTIONS: i64 = 2;

/// So many starts in a row from which no runner begins are enough: a broken image would be started forever otherwise.
const STARTS_IN_VAIN: i64 = 5;

/// Starts each runner as a task. Nothing of a task is kept in memory: the function that uses this is not always there, and others use it at
/// the same time.
///
/// Its role needs `ecs:RunTask`, `ecs:StopTask`, `ecs:DescribeTasks`, `ecs:ListTasks`, `ecs:TagResource` and `iam:PassRole` for the roles of
/// the task definition.
pub struct EcsLauncher {
    closer: Closer,
    client: Client,
    settings: EcsSettings,
    pace: pace::Pace,
    swept: Mutex<Option<Instant>>,
}

impl fmt::Debug for EcsLauncher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcsLauncher").field("cluster", &self.settings.cluster).finish_non_exhaustive()
    }
}

impl EcsLauncher {
    /// A launcher with a client of its own. Nothing is sent yet.
    pub async fn connect(closer: Closer, settings: EcsSettings) -> Self {
        let timeouts = TimeoutConfig::builder().operation_timeout(CALL_WITHIN).build();
        let shared = aws_config::defaults(BehaviorVersion::v2026_01_12()).timeout_config(timeouts).load().await;
        let mut config = aws_sdk_ecs::config::Builder::from(&shared);
        config.set_endpoint_url(settings.endpoint_url.clone());
        Self::with_client(closer, settings, Client::from_conf(config.build()))
    }

    /// A launcher that uses this client.
    #[must_use]
    pub fn with_client(closer: Closer, settings: EcsSettings, client: Client) -> Self {
        let pace = pace::Pace::new(settings.launches_per_second, settings.pause_after_refusal);
        Self { closer, client, settings, pace, swept: Mutex::default() }
    }

    /// What a trial's next task runs on.
    fn capacity(&self, history: &History) -> (Capacity, &str) {
        let settings = &self.settings;
        match &settings.docker {
            Some(machines) if history.environment == "docker" => {
                (Capacity::Provider(machines.provider.clone()), machines.task_definition.as_str())
            }
            _ if settings.capacity == Capacity::Spot && history.spot_interruptions >= SPOT_INTERRUPTIONS => {
                (Capacity::OnDemand, settings.task_definition.as_str())
            }
            _ => (settings.capacity.clone(), settings.task_definition.as_str()),
        }
    }

    /// For a while after a refusal nothing is asked for.
    fn heed_refusal(&self) -> Result<(), LaunchError> {
        if self.pace.is_paused() {
            return Err(LaunchError::Busy { reason: "ECS refused a task a moment ago".to_owned() });
        }
        Ok(())
    }

    async fn run_task(
        &self,
        claim: &Claim,
        capacity: &Capacity,
        definition: &str,
        size: Size,
    ) -> Result<String, LaunchError> {
        let Self { settings, client, .. } = self;
        let now = OffsetDateTime::now_utc();
        let token = claim.attempt.token.to_string();
        let variables = attempt_settings::variables(&claim.attempt.subject, claim.attempt.number, &token);
        let variables = variables.map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
        let container = ContainerOverride::builder().name(&settings.container).set_environment(Some(variables.into()));
        let overrides = TaskOverride::builder()
            .container_overrides(container.build())
            .cpu(size.cpu.to_string())
            .memory(size.memory_mb.to_string());
        // Machines of one's own have no public addresses to give.
        let public = settings.assign_public_ip && !matches!(capacity, Capacity::Provider(_));
        let network = AwsVpcConfiguration::builder()
            .set_subnets(Some(settings.subnets.clone()))
            .set_security_groups(Some(settings.security_groups.clone()))
            .assign_public_ip(if public { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled })
            .build()
            .map_err(|error| LaunchError::Never { reason: DisplayErrorContext(error).to_string() })?;
        let provider = CapacityProviderStrategyItem::builder()
            .capacity_provider(capacity.provider())
            .weight(1)
            .build()
            .map_err(|error| LaunchError::Never { reason: DisplayErrorContext(error).to_string() })?;
        let deadline = (now + settings.deadline).unix_timestamp().to_string();
        let tags =
            [(OWNER, &settings.owner), (ATTEMPT, &token), (TRIAL, &claim.attempt.subject), (DEADLINE, &deadline)];
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let answer = client
            .run_task()
            .cluster(&settings.cluster)
            .task_definition(definition)
            .count(1)
            // The same task however often it is asked for.
            .client_token(&token)
            .started_by(&settings.owner)
            .capacity_provider_strategy(provider)
            .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
            .overrides(overrides.build())
            .set_tags(Some(tags.into()))
            .send()
            .await
            .map_err(|error| failure::of_call(&error))?;
        let arn = answer.tasks().first().and_then(|task| task.task_arn());
        arn.map(str::to_owned).ok_or_else(|| failure::of_answer(answer.failures()))
    }

    /// Asks for the end of a task: its runner gets SIGTERM, and is killed two minutes later.
    async fn stop_task(&self, task_arn: &str, why: &str) {
        let asked = self.client.stop_task().cluster(&self.settings.cluster).task(task_arn).reason(why).send().await;
        match asked {
            Ok(_) => tracing::info!(task_arn, why, "asked ECS to stop a task"),
            // What it does not know any more has stopped; the sweep finds that out.
            Err(error) => tracing::warn!(task_arn, why, error = %DisplayErrorContext(error), "cannot stop a task"),
        }
        if let Err(error) = runner_tasks::stop_asked(&self.closer.db, task_arn, OffsetDateTime::now_utc()).await {
            tracing::warn!(task_arn, error = &error as &dyn std::error::Error, "cannot note that a task was stopped");
        }
    }
}

#[async_trait]
impl Launcher for EcsLauncher {
    /// What can be started in two seconds: a claim waits for its launch and blocks its slot.
    fn room(&self) -> u32 {
        if self.pace.is_paused() { 0 } else { self.settings.launches_per_second.saturating_mul(2) }
    }

    async fn launch(&self, claim: &Claim) -> Result<(), LaunchError> {
        if claim.attempt.kind != JobKind::Trial {
            let reason =
                format!("this version runs trials only, and this is work of the kind `{}`", claim.attempt.kind);
            return Err(LaunchError::Never { reason });
        }
        self.heed_refusal()?;
        let history = match runner_tasks::history(&self.closer.db, &claim.attempt.subject).await {
            Ok(Some(history)) => history,
            Ok(None) => return Err(LaunchError::Busy { reason: "the trial was deleted".to_owned() }),
            Err(error) => return Err(LaunchError::Busy { reason: DisplayErrorContext(error).to_string() }),
        };
        if history.never_began >= STARTS_IN_VAIN {
            let last = history.last_error.unwrap_or_default();
            let reason =
                format!("it was started {} times, and no runner began. The last time: {last}", history.never_began);
            return Err(LaunchError::Never { reason });
        }
        let (capacity, definition) = self.capacity(&history);
        let size = self.settings.size.after(history.ran_out_of_mb.map(i32::unsigned_abs));
        let size = if matches!(capacity, Capacity::Provider(_)) { size } else { size.on_fargate() };
        self.pace.turn().await;
        // It may have refused another meanwhile.
        self.heed_refusal()?;
        let task_arn = match self.run_task(claim, &capacity, definition, size).await {
            Ok(task_arn) => task_arn,
            Err(error) => {
                if matches!(error, LaunchError::Busy { .. }) {
                    self.pace.refused();
                }
                return Err(error);
            }
        };
        self.pace.granted();
        let task = RunnerTask {
            attempt: &claim.attempt,
            task_arn: &task_arn,
            capacity: capacity.word(),
            memory_mb: size.memory_mb.cast_signed(),
        };
        // It runs, whatever comes of this; the sweep finds it by its tags.
        if let Err(error) = runner_tasks::started(&self.closer.db, &task, OffsetDateTime::now_utc()).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                trial_id = claim.attempt.subject,
                attempt = claim.attempt.number,
                task_arn,
                error,
                "cannot note that a task was started"
            );
        }
        Ok(())
    }

    async fn reconcile(&self) -> Result<bool, CloseError> {
        self.stop_unwanted().await?;
        if crate::pass::is_time(&self.swept, sweep::EVERY) {
            self.sweep().await?;
        }
        Ok(false)
    }

    async fn clear(&self, dead: &LiveAttempt) {
        match runner_tasks::live_arn(&self.closer.db, dead.attempt.token).await {
            Ok(Some(task_arn)) => self.stop_task(&task_arn, "its runner shows no sign of life").await,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(
                    trial_id = dead.attempt.subject,
                    error = &error as &dyn std::error::Error,
                    "cannot look for a task"
                );
            }
        }
    }

    /// Tasks go on without this process.
    async fn stop(&self) {}
}
