//! A task's output: its results on stdout; on stderr each step when it begins, and how long it took.

use std::io::{ErrorKind, Write as _};
use std::time::Instant;

use anyhow::{Context as _, Result};

/// Writes a result to stdout. A reader that closed it (`| head`) has seen enough, which is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}

/// Prints one line.
pub(crate) fn say(line: &str) {
    // A closed stderr must not stop the work.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Announces `what`, does it, and says how long it took.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    say(&format!("==> {what}"));
    let begun = Instant::now();
    let outcome = work();
    let verdict = if outcome.is_ok() { "done" } else { "failed" };
    say(&format!("    {verdict}: {what} ({:.1} s)", begun.elapsed().as_secs_f64()));
    outcome
}
