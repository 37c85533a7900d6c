//! What programs do where nobody takes what they say: stdout and stderr that are closed, that lead into a pipe without a reader, or onto a
//! full disk. None may panic, and none may say that something was done that nobody got.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use crate::stack::{Stack, program};

/// Programs, and arguments with which they print something and end.
const TALKS: &[(&str, &[&str])] = &[
    ("oddish", &["--help"]),
    ("oddish", &["--version"]),
    ("oddish", &["run", "--help"]),
    ("oddish", &["no-such-command"]),
    ("oddish-server", &["--help"]),
    ("oddish-server", &["--version"]),
    ("oddish-server", &["keys", "create", "--help"]),
    ("oddish-server", &["settings"]),
    ("oddish-server", &["no-such-command"]),
    ("oddish-server", &["db", "install-pgqueuer"]),
    ("oddish-runner", &["--help"]),
    ("oddish-runner", &["--version"]),
    ("oddish-runner", &["no-such-command"]),
    // Fails, and logs it.
    ("oddish-runner", &[]),
    ("oddish-local-bucket", &["--help"]),
    ("xtask", &["--help"]),
    ("xtask", &["no-such-command"]),
    ("xtask", &["bench", "no-such-benchmark"]),
];

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Runs a program with the streams of a shell's redirections.
fn redirected(program_and_arguments: (&str, &[&str]), redirections: &str) -> Output {
    let (name, arguments) = program_and_arguments;
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$0\" \"$@\" {redirections}")]).arg(program(name)).args(arguments);
    shell.env_remove("DATABASE_URL").env("ODDISH_LOG_FORMAT", "text").output().unwrap()
}

fn is_help(arguments: &[&str]) -> bool {
    matches!(arguments, [.., "--help" | "--version"] | ["settings"])
}

/// A panic ends a Rust program with this status, whether or not its text could be written.
const PANICKED: i32 = 101;

#[test]
fn no_program_panics_where_nobody_listens() {
    for talk in TALKS {
        for redirections in [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"] {
            let ended = redirected(*talk, redirections);
            let code = ended.status.code().unwrap_or_else(|| panic!("{talk:?} {redirections}: {ended:?}"));
            assert_ne!(code, PANICKED, "{talk:?} {redirections}: {ended:?}");
            let told = String::from_utf8_lossy(&ended.stderr);
            assert!(!told.contains("panicked"), "{talk:?} {redirections}: {told}");
        }
        let (name, arguments) = *talk;
        let mut command = Command::new(program(name));
        let ended =
            command.args(arguments).env_remove("DATABASE_URL").stdout(unread()).stderr(unread()).status().unwrap();
        assert_ne!(ended.code(), Some(PANICKED), "{talk:?} into pipes that nobody reads");
    }
}

#[test]
fn what_did_not_fit_on_the_disk_is_a_failure() {
    let ours = |(name, _): &&(&str, &[&str])| ["oddish-server", "oddish-runner", "xtask"].contains(name);
    for talk in TALKS.iter().filter(ours).filter(|(_, arguments)| is_help(arguments)) {
        let ended = redirected(*talk, ">/dev/full");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.code() == Some(1) && told.contains("cannot write to stdout"), "{talk:?}: {ended:?}");
    }
}

/// The log of a server that runs on goes to a terminal or a file, which may be full for a while.
#[tokio::test]
async fn a_server_outlives_a_full_stderr() {
    let mut stack = Stack::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    for format in ["text", "json"] {
        let mut command = Command::new(program("oddish-server"));
        command.args(["api", "--no-workers", "--port", &port]).current_dir(stack.folder());
        command.env("ODDISH_LOG_FORMAT", format).env("ODDISH_LOG", "debug").stdout(full()).stderr(full());
        let server = stack.spawn(&mut command);
        stack.reach_by(format!("http://127.0.0.1:{port}"));
        crate::stack::eventually("the server to answer", async || {
            reqwest::get(format!("{}/health", stack.url())).await.ok().filter(|answer| answer.status().is_success())
        })
        .await;
        // Each of these is logged.
        for _ in 0..20 {
            assert_eq!(stack.status("/tasks/nowhere", None).await, 404, "{format}");
        }
        assert!(crate::stack::is_alive(server), "{format}");
        stack.terminate(server);
    }
}
