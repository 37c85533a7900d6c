//! The Python process that runs Harbor, and what it tells us (the protocol is in `driver.py`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tracing::warn;

use crate::confinement::home::HarborHome;
use crate::confinement::user_ids::UserId;
use crate::secrets::MIN_CHARACTERS;

/// The script that Harbor's interpreter runs.
pub(crate) const DRIVER: &str = include_str!("driver.py");

/// Longest part of Harbor's own output that a message repeats, in bytes.
const OUTPUT_TAIL: u64 = 4096;

/// A line from the driver.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum DriverLine {
    /// Harbor has ended the trial, and its `result.json` will not change.
    Done {
        /// Always true.
        done: bool,
    },
    /// There will be no result.
    Failed {
        /// Why.
        error: DriverError,
    },
    /// Harbor reached a point of the trial.
    Event {
        /// Harbor's name of it, such as `agent-start`.
        event: String,
    },
    /// A command in the sandbox printed something.
    Log {
        /// `agent_setup`, `agent` or `verification`.
        log: String,
        /// What it printed.
        text: String,
    },
    /// Harbor's event loop runs.
    Alive {
        /// Where it is in the trial.
        alive: Phase,
        /// Whether it may stand still for a while: it starts an environment or copies files.
        blocking: bool,
    },
    /// Harbor is imported.
    Ready {
        /// Seconds that it took.
        ready: f64,
    },
}

/// What Harbor does with a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It makes the trial, and builds and starts the environment.
    Environment,
    /// It installs the agent.
    AgentSetup,
    /// It runs the agent, and reads and copies what that left.
    Agent,
    /// It runs the tests, reads what they left and removes the environment.
    Verification,
}

/// Why Harbor could not even begin the trial, or did not end it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DriverError {
    /// Type of the Python exception.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its message.
    pub message: String,
    /// The end of its traceback.
    pub traceback: String,
}

/// The running driver. When this is dropped its stdin closes, and it stops by itself and removes its containers.
#[derive(Debug)]
pub struct HarborProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Option<Lines<BufReader<ChildStdout>>>,
    output: File,
    variables: BTreeMap<String, String>,
    _surroundings: Surroundings,
}

/// What a driver has for itself as long as it runs.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) home: HarborHome,
    /// Freed after the home folder is gone.
    pub(crate) _user: Option<UserId>,
}

/// What the driver is told when the trial may begin.
#[derive(Serialize)]
struct Begin<'a> {
    config: &'a Path,
    environment: &'a BTreeMap<String, String>,
    agent_timeout_sec: f64,
    shortest_secret: usize,
}

impl HarborProcess {
    /// Starts the driver by this command. It imports Harbor and then waits for [`begin`](Self::begin), which gives it `variables`.
    ///
    /// What it prints goes to a nameless file. A pipe would break with the runner, and the broken pipe would keep Harbor from ending in good
    /// order.
    pub(crate) fn spawn(
        mut command: Command,
        variables: BTreeMap<String, String>,
        surroundings: Surroundings,
    ) -> io::Result<Self> {
        let output = tempfile::tempfile_in(surroundings.home.path())?;
        let mut child = command
            .current_dir(surroundings.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(output.try_clone()?)
            .spawn()?;
        let stdin = child.stdin.take();
        let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        Ok(Self { child, stdin, lines, output, variables, _surroundings: surroundings })
    }

    /// Lets the trial begin whose configuration is in the file `config`. Its agent gets `agent_timeout_sec` seconds in every step for which
    /// neither the configuration nor the task names a time-out: Harbor would wait forever there. Keys go with it and not into the process's environment, which
    /// lies open as long as the process lives.
    pub async fn begin(&mut self, config: &Path, agent_timeout_sec: f64) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let mut line = serde_json::to_vec(&Begin {
            config,
            environment: &self.variables,
            agent_timeout_sec,
            shortest_secret: MIN_CHARACTERS,
        })?;
        line.push(b'\n');
        stdin.write_all(&line).await
    }

    /// The next line, or `None` when the driver has closed its output. Cancelling this loses nothing.
    pub async fn next(&mut self) -> io::Result<Option<DriverLine>> {
        let Some(lines) = &mut self.lines else { return Ok(None) };
        while let Some(line) = lines.next_line().await? {
            match serde_json::from_str(&line) {
                Ok(line) => return Ok(Some(line)),
                Err(error) => warn!(%error, "the Harbor driver sent a line that is not understood"),
            }
        }
        Ok(None)
    }

    /// A handle on what Harbor prints, to be read by position.
    pub fn output(&self) -> io::Result<File> {
        self.output.try_clone()
    }

    /// The end of what Harbor printed, from the beginning of a word: half a secret could not be taken out any more.
    pub fn output_tail(&self) -> String {
        let length = self.output.metadata().map_or(0, |metadata| metadata.len());
        let start = length.saturating_sub(OUTPUT_TAIL);
        let mut tail = vec![0; usize::try_from(length - start).unwrap_or(0)];
        let read = self.output.read_at(&mut tail, start).unwrap_or(0);
        let tail = String::from_utf8_lossy(&tail[..read]);
        let whole = if start == 0 { 0 } else { tail.find(char::is_whitespace).unwrap_or(tail.len()) };
        tail[whole..].trim().to_owned()
    }

    /// Waits for the process to end by itself.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Stops the trial: Harbor gets `grace` to remove its containers, and is killed after that. Tells whether it ended by
    /// itself; if not, its containers may still be there.
    pub async fn stop(&mut self, grace: Duration) -> bool {
        self.terminate();
        self.end(grace).await
    }

    /// Tells Harbor to stop the trial, and does not wait for it.
    pub fn terminate(&self) {
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            // Only fails when it is gone already.
            let _gone = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }

    /// Lets a driver end that has nothing more to do, and kills it after `grace`. Tells whether it ended by itself.
    pub async fn end(&mut self, grace: Duration) -> bool {
        // The end of its input tells it to stop. Nobody reads its output any more, and it can't get stuck on a closed pipe.
        self.stdin = None;
        self.lines = None;
        if timeout(grace, self.child.wait()).await.is_ok() {
            return true;
        }
        if let Err(error) = self.child.kill().await {
            warn!(%error, "cannot kill Harbor");
        }
        false
    }
}
