//! Runs the binary.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use wiremock::MockServer;

use crate::schemas;

/// What the process left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// What it was started with, where the test told.
    pub(crate) arguments: Vec<String>,
}

impl Outcome {
    /// Of a process that was started with these arguments.
    pub(crate) fn of(arguments: &[&str], output: Output) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { arguments, ..Self::from(output) }
    }

    /// What was printed, which is as the command's schema has it.
    pub(crate) fn json(&self) -> serde_json::Value {
        let printed = serde_json::from_str(&self.stdout);
        let printed = printed.unwrap_or_else(|error| panic!("stdout is not JSON: {error}: {self:#?}"));
        schemas::check(&self.arguments, &printed);
        printed
    }
}

/// The binary with nothing of the tester's environment.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oddish"));
    command.args(arguments).env_clear().env("USER", "tester").env("COLUMNS", "100").stdin(Stdio::null());
    command
}

/// Runs to the end.
pub(crate) fn oddish(arguments: &[&str]) -> Outcome {
    Outcome::of(arguments, command(arguments).output().unwrap())
}

/// Runs to the end against a server, whose address reads `http://server` in what comes out.
pub(crate) async fn oddish_at(server: &MockServer, arguments: &[&str]) -> Outcome {
    oddish_to(&server.uri(), arguments).await
}

/// The same, against a server of this address.
pub(crate) async fn oddish_to(url: &str, arguments: &[&str]) -> Outcome {
    let mut command = command(arguments);
    command.env("ODDISH_API_URL", url);
    let output = bounded(tokio::process::Command::from(command).kill_on_drop(true).output()).await.unwrap();
    let outcome = Outcome::of(arguments, output);
    let named = |text: String| text.replace(url, "http://server");
    Outcome { stdout: named(outcome.stdout), stderr: named(outcome.stderr), ..outcome }
}

/// Waits, but not for ever: a watch that never ends is a failure.
pub(crate) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(50), future).await.expect("the process doesn't end")
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            arguments: Vec::new(),
        }
    }
}
