//! Runners as child processes of the server.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use oddish_db::attempts::Standing;
use oddish_db::jobs::{LiveAttempt, ProcessIdentity};
use oddish_db::queue::Claim;
use oddish_db::{AttemptRef, attempts, wake};
use oddish_domain::attempt_settings;
use oddish_domain::status::JobKind;
use oddish_telemetry::fields;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::leftovers::Leftovers;
use crate::runner_command::RunnerCommand;
use crate::{CloseError, Closer, LaunchError, Launcher, Lost};

/// How long a runner that was told to stop may take to stop Harbor and give its trial back.
const STOP_GRACE: Duration = Duration::from_secs(45);

/// How long cleaning up after a dead runner may take.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(90);

/// Starts each runner in a process group of its own, so that it outlives this process if that is killed, and so that all that a dead
/// runner left can be killed with it.
///
/// A runner of this process is noticed when it exits; one of an earlier process on this host is looked for in every pass.
pub struct ProcessLauncher {
    shared: Arc<Shared>,
}

struct Shared {
    closer: Closer,
    command: RunnerCommand,
    host: String,
    /// The runners that this process started, by token.
    children: Mutex<HashMap<Uuid, Pid>>,
    one_is_gone: Notify,
    leftovers: Leftovers,
}

impl ProcessLauncher {
    /// A launcher for runners on this host.
    #[must_use]
    pub fn new(closer: Closer, command: RunnerCommand) -> Self {
        let shared = Shared {
            closer,
            command,
            host: System::host_name().unwrap_or_else(|_| "localhost".to_owned()),
            children: Mutex::default(),
            one_is_gone: Notify::new(),
            leftovers: Leftovers::default(),
        };
        Self { shared: Arc::new(shared) }
    }
}

#[async_trait]
impl Launcher for ProcessLauncher {
    fn room(&self) -> u32 {
        let running = u32::try_from(self.shared.children().len()).unwrap_or(u32::MAX);
        self.shared.command.max_runners.saturating_sub(running)
    }

    async fn launch(&self, claim: &Claim) -> Result<(), LaunchError> {
        if claim.attempt.kind != JobKind::Trial {
            let reason =
                format!("this version runs trials only, and this is work of the kind `{}`", claim.attempt.kind);
            return Err(LaunchError::Never { reason });
        }
        let child = self
            .shared
            .runner(&claim.attempt)
            .process_group(0)
            .spawn()
            .map_err(|error| self.shared.spawn_failed(&error))?;
        let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw) else {
            return Err(LaunchError::Busy { reason: "the runner ended as soon as it began".to_owned() });
        };
        self.shared.children().insert(claim.attempt.token, pid);
        let span =
            fields::attempt(claim.attempt.kind, &claim.attempt.subject, claim.attempt.number, Some(&claim.queue_key));
        tokio::spawn(watch(Arc::clone(&self.shared), claim.clone(), child, pid).instrument(span));
        Ok(())
    }

    async fn reconcile(&self) -> Result<bool, CloseError> {
        let shared = &self.shared;
        shared.leftovers.look(&shared.command);
        let open = attempts::open_on_host(&shared.closer.db, &shared.host).await?;
        let strangers: Vec<LiveAttempt> = {
            let children = shared.children();
            open.into_iter().filter(|open| !children.contains_key(&open.attempt.token)).collect()
        };
        let mut alive = false;
        for LiveAttempt { attempt, process } in &strangers {
            let left = match look(process) {
                Seen::Running => {
                    alive = true;
                    continue;
                }
                Seen::Gone => Some(Pid::from_raw(process.pid)),
                Seen::Replaced => None,
            };
            let how = "its process is gone";
            if attempt.kind == JobKind::Trial {
                shared.close_lost(attempt, left, how).await?;
            } else {
                // It was made by a process that does more than that, and left nothing.
                shared.closer.lost(Lost { attempt, how }).await?;
            }
        }
        Ok(alive)
    }

    async fn clear(&self, dead: &LiveAttempt) {
        let LiveAttempt { attempt, process } = dead;
        if attempt.kind != JobKind::Trial || process.host != self.shared.host {
            return;
        }
        // It may hang and still be there; or its number may be a stranger's by now.
        if !matches!(look(process), Seen::Replaced) {
            let _ = killpg(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        self.shared.clean_up(attempt).await;
    }

    async fn stop(&self) {
        let shared = &self.shared;
        let asked: Vec<Pid> = shared.children().values().copied().collect();
        if asked.is_empty() {
            return;
        }
        tracing::info!(runners = asked.len(), "stopping runners; their trials are queued again");
        for pid in asked {
            // A runner that is gone already is what is wanted.
            let _ = kill(pid, Signal::SIGTERM);
        }
        let all_gone = async {
            loop {
                let gone = shared.one_is_gone.notified();
                if shared.children().is_empty() {
                    return;
                }
                gone.await;
            }
        };
        if tokio::time::timeout(STOP_GRACE, all_gone).await.is_err() {
            let left: Vec<Pid> = shared.children().values().copied().collect();
            tracing::warn!(runners = left.len(), "killing runners that did not stop");
            for pid in left {
                let _ = killpg(pid, Signal::SIGKILL);
            }
        }
    }
}

impl Shared {
    fn children(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Pid>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn runner(&self, attempt: &AttemptRef) -> Command {
        let mut command = Command::new(&self.command.program);
        command
            .env_clear()
            .envs(&self.command.environment)
            .envs(attempt_settings::variables(&attempt.subject, attempt.number, attempt.token))
            .stdin(Stdio::null());
        command
    }

    fn spawn_failed(&self, error: &std::io::Error) -> LaunchError {
        let program = self.command.program.display();
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => LaunchError::Never {
                reason: format!("{program} cannot be executed ({error}); is oddish-runner installed?"),
            },
            _ => LaunchError::Busy { reason: format!("{program} could not be started ({error})") },
        }
    }

    /// Closes an attempt whose runner is gone: first everything that it left is removed, so that the next attempt meets nothing of it. That
    /// is done too when there is nothing to close, as after its trial was deleted.
    /// `group` is the runner's process group, where some of it may be left.
    async fn close_lost(&self, attempt: &AttemptRef, group: Option<Pid>, how: &str) -> Result<(), CloseError> {
        let is_open = attempts::standing(&self.closer.db, attempt.token).await? != Standing::Stale;
        if let Some(group) = group {
            // The group's number is taken as long as a member lives, so this reaches nobody else.
            let _ = killpg(group, Signal::SIGKILL);
        }
        self.clean_up(attempt).await;
        if !is_open {
            return Ok(());
        }
        self.closer.lost(Lost { attempt, how }).await?;
        Ok(wake::notify(&self.closer.db).await?)
    }

    async fn clean_up(&self, attempt: &AttemptRef) {
        let AttemptRef { subject: trial_id, number, .. } = attempt;
        let mut command = self.runner(attempt);
        command.arg("clean-up").kill_on_drop(true);
        match tokio::time::timeout(CLEAN_UP_LIMIT, command.status()).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) => {
                tracing::warn!(trial_id, attempt = number, %status, "cleaning up after a lost runner failed");
            }
            Ok(Err(error)) => {
                tracing::warn!(trial_id, attempt = number, %error, "cleaning up after a lost runner failed");
            }
            Err(_) => tracing::warn!(trial_id, attempt = number, "cleaning up after a lost runner took too long"),
        }
    }
}

/// Waits for a runner's end, and closes its attempt if the runner has not done so itself.
async fn watch(shared: Arc<Shared>, claim: Claim, mut child: Child, pid: Pid) {
    let (how, ended_itself) = match child.wait().await {
        Ok(status) => (format!("it ended with {status} and recorded nothing"), status.code().is_some()),
        Err(error) => (format!("waiting for it failed: {error}"), false),
    };
    loop {
        // One that was not killed has removed what it made. Its attempt is open if it could not record.
        let standing = attempts::standing(&shared.closer.db, claim.attempt.token).await;
        if ended_itself && matches!(standing, Ok(Standing::Stale)) {
            break;
        }
        let closed = shared.close_lost(&claim.attempt, Some(pid), &how).await;
        let Err(error) = closed else { break };
        tracing::error!(error = &error as &dyn std::error::Error, "cannot close a lost attempt; trying again");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    shared.children().remove(&claim.attempt.token);
    shared.one_is_gone.notify_waiters();
    // The slot that came free was announced by the transaction that freed it; room for one more runner is only known here.
    if let Err(error) = wake::notify(&shared.closer.db).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the dispatcher was not woken; it will look by itself"
        );
    }
}

/// What is found under the process id of a runner.
enum Seen {
    /// The runner.
    Running,
    /// Nothing, or what is left of the runner.
    Gone,
    /// Another process: the system gives a number out again only when nothing is left of the process and the group that had it.
    Replaced,
}

/// Looks for the very process that began an attempt. Process ids are used again, so the start time must fit too; the system computes it
/// from a clock that may be set meanwhile, hence the tolerance.
fn look(runner: &ProcessIdentity) -> Seen {
    let Ok(pid) = u32::try_from(runner.pid).map(sysinfo::Pid::from_u32) else { return Seen::Replaced };
    // A system that cannot be asked about its processes has to be believed: the runner lives.
    let Ok(mut system) = System::new() else { return Seen::Running };
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    let Some(process) = system.process(pid) else { return Seen::Gone };
    let found = i64::try_from(process.start_time()).unwrap_or(i64::MAX);
    if (found - runner.started_at.unix_timestamp()).abs() > 2 {
        Seen::Replaced
    } else if matches!(process.status(), sysinfo::ProcessStatus::Zombie) {
        Seen::Gone
    } else {
        Seen::Running
    }
}
