//! A command's output: results on stdout, everything else on stderr. Neither may end the process by a panic when it takes nothing.

use std::fs::File;
use std::io::{BufRead as _, ErrorKind, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

/// Nobody reads stdout any more (`| head`): its reader has seen enough, which is no error.
#[derive(Debug, thiserror::Error)]
#[error("stdout is closed")]
pub(crate) struct Closed;

/// Writes a result to stdout.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        written => written.context("cannot write to stdout"),
    }
}

/// Whether what is written to stdout goes anywhere: not to `/dev/null`, which is also what stands in for a stdout that is closed when the
/// program starts.
pub(crate) fn is_seen() -> bool {
    let stdout = std::io::stdout().as_fd().try_clone_to_owned().and_then(|stdout| File::from(stdout).metadata());
    match (stdout, std::fs::metadata("/dev/null")) {
        (Ok(stdout), Ok(null)) => !stdout.file_type().is_char_device() || stdout.rdev() != null.rdev(),
        _ => true,
    }
}

/// Shows help, or what is wrong with a command line, and gives the exit status that goes with it.
pub(crate) fn show(shown: &clap::Error) -> ExitCode {
    match shown.print() {
        Err(error) if !shown.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
            say(&format!("error: cannot write to stdout: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::from(u8::try_from(shown.exit_code()).unwrap_or(2)),
    }
}

/// Writes a line to stderr. Where nobody can read it, nobody can be told.
pub(crate) fn say(text: &str) {
    let _closed = writeln!(anstream::stderr(), "{text}");
}

/// Asks whether to do `what`, unless `yes` is the answer already. Without a terminal there is nobody to ask, and `why` says why that matters.
pub(crate) fn confirm(yes: bool, what: &str, why: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!("{why}; add --yes to do it without being asked");
    }
    write!(anstream::stderr(), "{what}? [y/N] ")?;
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("nothing was changed");
    }
    Ok(())
}
