//! What attempts that have ended left on this machine, looked for when a launcher starts and every so often after that.
//!
//! A runner removes what its trial made, and the launcher has that done for one that died. Where Docker was away just then, or runner and
//! launcher died together, something stays; `oddish-runner clean-up-ended` finds it by the database, removes it, and prints what it could
//! not remove.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::time::timeout;

use crate::runner_command::RunnerCommand;

/// How long one look may take.
const LIMIT: Duration = Duration::from_mins(5);

/// When to look, and what has been told.
pub(crate) struct Leftovers {
    /// Between looks.
    every: Duration,
    /// Between looks while something is left.
    again: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// When to look next; at once before the first time.
    next: Option<Instant>,
    /// What is left, which is told once and not after every look.
    told: BTreeSet<String>,
}

impl Default for Leftovers {
    fn default() -> Self {
        Self::looking(Duration::from_mins(10), Duration::from_mins(1))
    }
}

impl Leftovers {
    fn looking(every: Duration, again: Duration) -> Self {
        Self { every, again, state: Arc::default() }
    }

    /// Starts a look if it is time for one, and does not wait for it.
    pub(crate) fn look(&self, command: &RunnerCommand) {
        let (every, again, state) = (self.every, self.again, Arc::clone(&self.state));
        {
            let mut state = lock(&state);
            if state.next.is_some_and(|next| Instant::now() < next) {
                return;
            }
            // Until this look is over there is no other.
            state.next = Some(Instant::now() + LIMIT + every);
        }
        let mut runner = Command::new(&command.program);
        runner.arg("clean-up-ended").env_clear().envs(&command.environment);
        runner.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        tokio::spawn(async move {
            let left = match timeout(LIMIT, runner.output()).await {
                Ok(Ok(output)) if output.status.success() => {
                    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
                }
                Ok(Ok(output)) => vec![format!("looking for it failed ({})", output.status)],
                Ok(Err(error)) => vec![format!("looking for it failed: {error}")],
                Err(_) => vec!["looking for it took too long".to_owned()],
            };
            let mut state = lock(&state);
            let wait = if left.is_empty() { every } else { again };
            for line in state.news(left) {
                tracing::warn!(
                    "what trials that have ended left in Docker is not removed yet, and tried again: {line}"
                );
            }
            state.next = Some(Instant::now() + wait);
        });
    }
}

impl State {
    /// What of it was not left at the look before.
    fn news(&mut self, left: Vec<String>) -> Vec<String> {
        let before = std::mem::replace(&mut self.told, left.iter().cloned().collect());
        left.into_iter().filter(|line| !before.contains(line)).collect()
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_left_is_told_once() {
        let mut state = State::default();
        let left = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(state.news(left(&["a", "b"])), ["a", "b"]);
        assert_eq!(state.news(left(&["a", "b", "c"])), ["c"]);
        assert_eq!(state.news(left(&[])), [""; 0]);
        assert_eq!(state.news(left(&["a"])), ["a"], "it had gone and came back");
    }

    #[tokio::test]
    async fn it_is_looked_at_once_then_seldom_and_soon_while_something_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("runner");
        let looks = folder.path().join("looks");
        std::fs::write(
            &program,
            format!(
                "#!/bin/sh\necho \"$1\" >> {}\ncat {}/left 2>/dev/null; exit 0\n",
                looks.display(),
                folder.path().display()
            ),
        )
        .unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let environment = [("PATH".into(), std::env::var_os("PATH").unwrap())].into();
        let command = RunnerCommand { program, environment, max_runners: 1 };
        let count = || std::fs::read_to_string(&looks).unwrap_or_default().matches("clean-up-ended\n").count();
        let leftovers = Leftovers::looking(Duration::from_hours(1), Duration::from_millis(1));
        std::fs::write(folder.path().join("left"), "some-project: Docker is away\n").unwrap();
        let looking = async {
            while count() < 3 {
                leftovers.look(&command);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            std::fs::remove_file(folder.path().join("left")).unwrap();
            while !lock(&leftovers.state).told.is_empty() {
                leftovers.look(&command);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_mins(1), looking).await.unwrap();
        let before = count();
        for _ in 0..20 {
            leftovers.look(&command);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(count(), before, "nothing is left, and the hour is not over");
    }
}
