//! Starting other programs: quietly with a log file, visibly, or as a short question.
//!
//! Each child gets its own process group, so a Ctrl-C in the terminal reaches only this program, which passes it on once
//! and then cleans up. (A second copy from the terminal would make nextest kill its tests instead of stopping them.)

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::{interrupt, workspace};

const POLL: Duration = Duration::from_millis(10);
const LINES_SHOWN: usize = 30;

/// Runs `command` with its output in `target/setup/<log>.log` (appended), whose end the error shows.
pub(crate) fn logged(log: &str, command: &mut Command) -> Result<()> {
    logged_within(log, command, None)
}

/// [`logged`], killed after `limit`.
pub(crate) fn logged_within(log: &str, command: &mut Command, limit: Option<Duration>) -> Result<()> {
    interrupt::check()?;
    let path = workspace::log(log)?;
    let output = append_to(&path)?;
    let from = output.metadata()?.len();
    command.stdout(output.try_clone()?).stderr(output);
    let status = wait(&mut spawn(command)?, limit)?;
    interrupt::check()?;
    if !status.success() {
        bail!("{} ended with {status}; {}", spelled(command), tail(&path, from));
    }
    Ok(())
}

/// Runs `command` with this program's own stdout and stderr.
pub(crate) fn shown(command: &mut Command) -> Result<()> {
    interrupt::check()?;
    let status = wait(&mut spawn(command)?, None)?;
    interrupt::check()?;
    if !status.success() {
        bail!("{} ended with {status}", spelled(command));
    }
    Ok(())
}

/// Asks a program a question: its stdout if it ends well within `limit`, else the reason as text.
pub(crate) fn ask(command: &mut Command, limit: Duration) -> Result<String, String> {
    // A file, not a pipe: nobody reads while we wait, and a full pipe would block the child.
    let answer = tempfile::tempfile().and_then(|file| Ok((file.try_clone()?, file.try_clone()?, file)));
    let (stdout, stderr, mut file) = answer.map_err(|error| format!("can't create a temporary file: {error}"))?;
    let mut child = spawn(command.stdout(stdout).stderr(stderr)).map_err(|error| format!("{error:#}"))?;
    let status = wait(&mut child, Some(limit)).map_err(|error| format!("{error:#}"))?;
    let mut text = String::new();
    let read = std::io::Seek::rewind(&mut file).and_then(|()| std::io::Read::read_to_string(&mut file, &mut text));
    match read {
        Ok(_) if status.success() => Ok(text),
        Ok(_) => Err(format!("{} ended with {status}: {}", spelled(command), text.trim())),
        Err(error) => Err(format!("can't read what {} answered: {error}", spelled(command))),
    }
}

/// Starts `command` in its own process group, with nothing on stdin.
pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    // What cargo tells us of this package would be told to the build scripts of others, which then run again, and all that depends on
    // them is compiled again: once for each way in which cargo is called.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("can't start {}", command.get_program().to_string_lossy()))
}

/// Waits for the end of `child`. A signal that comes in meanwhile goes to the child's group, a second one as SIGKILL.
pub(crate) fn wait(child: &mut Child, limit: Option<Duration>) -> Result<ExitStatus> {
    let begun = Instant::now();
    let mut seen = interrupt::received();
    let mut signal = Signal::SIGINT;
    loop {
        if let Some(status) = child.try_wait().context("can't wait for a child process")? {
            return Ok(status);
        }
        if interrupt::received() > seen {
            seen = interrupt::received();
            signal_group(child, signal);
            signal = Signal::SIGKILL;
        }
        if limit.is_some_and(|limit| begun.elapsed() > limit) {
            signal_group(child, Signal::SIGKILL);
        }
        std::thread::sleep(POLL);
    }
}

/// Sends `signal` to the process group of `child`.
pub(crate) fn signal_group(child: &Child, signal: Signal) {
    if let Ok(id) = i32::try_from(child.id()) {
        // It may be gone already, which is what a signal is for.
        let _ = killpg(Pid::from_raw(id), signal);
    }
}

/// The last lines that were written to a log after byte `from`, under a headline that names it.
pub(crate) fn tail(log: &Path, from: u64) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text =
        String::from_utf8_lossy(bytes.get(usize::try_from(from).unwrap_or(0)..).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default().join("\n");
    format!("the end of {}:\n{shown}", log.display())
}

/// Opens a file for appending.
pub(crate) fn append_to(path: &Path) -> Result<File> {
    File::options().create(true).append(true).open(path).with_context(|| format!("can't write {}", path.display()))
}

fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
