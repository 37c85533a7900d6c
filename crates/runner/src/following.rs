//! Following Harbor from the beginning of a trial to its outcome.

use std::time::Duration;

use oddish_db::attempts::Outcome;
use oddish_domain::environment::DEFAULT_ENVIRONMENT;
use oddish_domain::status::HarborStage;
use oddish_domain::task_toml::{TASK_TOML, TaskTimeouts};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::clean_up::remove_containers;
use crate::harbor_process::{DriverError, DriverLine, HarborProcess, Phase};
use crate::harbor_result::{failed, read_outcome, unreadable_output, with_trajectories};
use crate::live_log::LiveLog;
use crate::preparation::prepare;
use crate::running::{Ended, Left, RunError, Running, Stop, system};
use crate::stop_signal::StopSignal;
use crate::time_limit::time_limit;
use crate::watch::{Overdue, Watch};

/// How long Harbor may take to stop a trial and remove its containers. The launcher waits longer than that.
const STOP_WITHIN: Duration = Duration::from_secs(25);
/// How long a Harbor may take that gives no sign of life.
const SILENT_STOP_WITHIN: Duration = Duration::from_secs(2);
/// How long a Python that has nothing more to do may take to end.
pub(crate) const EXIT_WITHIN: Duration = Duration::from_secs(5);
/// How long the end of the live log of a trial that was stopped may take to be stored.
const LOG_WITHIN: Duration = Duration::from_secs(5);

/// What ended the waiting for Harbor.
enum Awaited {
    Done,
    Failed(DriverError),
    Gone,
    Overdue(Overdue),
    Stopped(Stop),
}

/// What was learned from following Harbor.
struct Followed {
    awaited: Awaited,
    /// Whether the agent was started.
    agent_began: bool,
}

impl Running<'_> {
    pub(crate) async fn trial(&self, harbor: &mut HarborProcess, stop: &mut StopSignal) -> Result<Ended, RunError> {
        let prepared = tokio::select! {
            biased;
            () = stop.received() => return Ok(Ended::Stopped(Stop::Signal)),
            reason = self.contact.stop_reason() => return Ok(Ended::Stopped(Stop::Contact(reason))),
            prepared = prepare(self.assignment, &self.runner.settings, &self.runner.store, self.scratch, &self.runner.variables)
                => prepared,
        };
        let redactor = match prepared {
            Ok(secrets) => secrets.redactor,
            Err(error) => return Ok(Ended::without_files(error.as_outcome().ok_or(error)?)),
        };
        let output = harbor.output().map_err(system("read what Harbor prints"))?;
        let log = LiveLog::start(self.runner.store.clone(), self.log_place(), &self.scratch.trial(), output, &redactor);
        let mut watch = Watch::begin(self.time_limit(), self.runner.settings.silence);
        // It may have died while it imported Harbor; following it tells why.
        let _broken_pipe =
            harbor.begin(&self.scratch.trial_config(), self.runner.settings.default_agent_timeout_sec).await;
        let Followed { awaited, agent_began } = self.follow(harbor, &log, stop, &mut watch).await;
        let trial = self.scratch.trial();
        let removed = matches!(awaited, Awaited::Gone | Awaited::Overdue(_));
        let mut outcome = match awaited {
            Awaited::Done => {
                let read = tokio::task::spawn_blocking(move || read_outcome(&trial));
                read.await.unwrap_or_else(|error| failed("HarborResultUnreadable", &error.to_string()))
            }
            Awaited::Failed(error) => {
                let message = if error.message.is_empty() { &error.kind } else { &error.message };
                match unreadable_output(&error.kind, agent_began, watch.phase() == Phase::Verification) {
                    Some(name) => failed(name, &format!("{}: {message}", error.kind)),
                    None => failed(&error.kind, message),
                }
            }
            Awaited::Gone => match self.harbor_gone(harbor, stop).await? {
                Some(outcome) => outcome,
                None => return Ok(Ended::Stopped(Stop::Signal)),
            },
            Awaited::Overdue(overdue) => {
                let outcome = overdue.outcome(watch.phase());
                log.line(outcome.error_message.clone().unwrap_or_default());
                self.stop_harbor(harbor, &mut watch).await;
                // A result.json may lie there by now, but not one that Harbor vouches for.
                let read = tokio::task::spawn_blocking(move || with_trajectories(outcome, &trial));
                read.await.unwrap_or_else(|error| failed("HarborResultUnreadable", &error.to_string()))
            }
            Awaited::Stopped(stop) => {
                self.stop_harbor(harbor, &mut watch).await;
                if timeout(LOG_WITHIN, log.finish()).await.is_err() {
                    warn!("the end of the live log could not be stored in time");
                }
                return Ok(Ended::Stopped(stop));
            }
        };
        if outcome.error_type.is_some() && !removed {
            self.remove_containers().await;
        }
        outcome.agent_began |= agent_began;
        redactor.outcome(&mut outcome);
        Ok(Ended::Outcome { outcome: Box::new(outcome), left: Some(Left { log, redactor }) })
    }

    /// The time that the trial has in all, by the configuration and the task that Harbor reads.
    fn time_limit(&self) -> Duration {
        let settings = &self.runner.settings;
        let read = |path| std::fs::read(path).unwrap_or_default();
        let config = serde_json::from_slice(&read(self.scratch.trial_config())).unwrap_or_default();
        let task = TaskTimeouts::read(&read(self.scratch.task(&self.assignment.task_name).join(TASK_TOML)));
        time_limit(&config, &task, settings.default_agent_timeout_sec, settings.grace)
    }

    async fn follow(
        &self,
        harbor: &mut HarborProcess,
        log: &LiveLog,
        stop: &mut StopSignal,
        watch: &mut Watch,
    ) -> Followed {
        let mut agent_began = false;
        let awaited = loop {
            let line = tokio::select! {
                biased;
                () = stop.received() => Err(Awaited::Stopped(Stop::Signal)),
                reason = self.contact.stop_reason() => Err(Awaited::Stopped(Stop::Contact(reason))),
                // Before Harbor's lines, which may never end.
                overdue = watch.overdue() => Err(Awaited::Overdue(overdue)),
                line = harbor.next() => Ok(line),
            };
            let line = match line {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => break Awaited::Gone,
                Ok(Err(error)) => {
                    warn!(%error, "cannot read from the Harbor driver");
                    break Awaited::Gone;
                }
                Err(awaited) => {
                    if let Awaited::Stopped(stop) = awaited {
                        log.line(stop.text());
                    }
                    break awaited;
                }
            };
            watch.heard(&line);
            match line {
                DriverLine::Alive { .. } => {}
                DriverLine::Ready { ready } => info!(seconds = ready, "Harbor is imported"),
                DriverLine::Event { event } => {
                    log.line(format!("[{}] {event}", now_text()));
                    if let Some(stage) = stage_of(&event) {
                        agent_began |= stage == HarborStage::AgentRunning;
                        self.contact.stage(stage);
                    }
                }
                DriverLine::Log { log: _, text } => log.line(text),
                DriverLine::Done { .. } => break Awaited::Done,
                DriverLine::Failed { error } => {
                    log.line(error.traceback.as_str());
                    break Awaited::Failed(error);
                }
            }
        };
        Followed { awaited, agent_began }
    }

    /// Stops the trial, and removes its containers where Harbor did not. A Harbor that gives no sign of life is not waited for.
    async fn stop_harbor(&self, harbor: &mut HarborProcess, watch: &mut Watch) {
        harbor.terminate();
        let heeds = async {
            loop {
                tokio::select! {
                    biased;
                    () = watch.unresponsive() => return false,
                    line = harbor.next() => match line {
                        Ok(Some(line)) => watch.heard(&line),
                        _ => return true,
                    },
                }
            }
        };
        let heeds = timeout(STOP_WITHIN, heeds).await.unwrap_or(false);
        harbor.end(if heeds { EXIT_WITHIN } else { SILENT_STOP_WITHIN }).await;
        self.remove_containers().await;
    }

    /// Removes what the trial left in Docker, if it ran there. Harbor's own clean-up cannot be trusted where it was interrupted or failed.
    async fn remove_containers(&self) {
        if self.assignment.environment == DEFAULT_ENVIRONMENT {
            remove_containers(self.scratch.trial_name(), &self.runner.variables).await;
        }
    }

    /// What to make of a Harbor that ended without a word. `None` when it and we were told to stop together.
    async fn harbor_gone(
        &self,
        harbor: &mut HarborProcess,
        stop: &mut StopSignal,
    ) -> Result<Option<Outcome>, RunError> {
        use std::os::unix::process::ExitStatusExt;

        let Ok(Ok(status)) = timeout(EXIT_WITHIN, harbor.wait()).await else {
            return Ok(Some(failed("HarborCrashed", "Harbor closed its output without a result, and did not end.")));
        };
        self.remove_containers().await;
        let told = [nix::libc::SIGTERM, nix::libc::SIGINT];
        if status.code() == Some(130) || status.signal().is_some_and(|number| told.contains(&number)) {
            return match timeout(Duration::from_secs(1), stop.received()).await {
                Ok(()) => Ok(None),
                Err(_) => Err(RunError::HarborStopped { status: status.to_string() }),
            };
        }
        let tail = harbor.output_tail();
        Ok(Some(failed("HarborCrashed", &format!("Harbor ended without a result ({status}). It last said: {tail}"))))
    }
}

fn now_text() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

fn stage_of(event: &str) -> Option<HarborStage> {
    match event {
        "start" => Some(HarborStage::TrialStarted),
        "environment-start" => Some(HarborStage::EnvironmentSetup),
        "agent-start" => Some(HarborStage::AgentRunning),
        "verification-start" => Some(HarborStage::Verification),
        _ => None,
    }
}
