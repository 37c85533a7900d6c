//! What a command says: results on stdout, everything else on stderr. Neither may end the process by a panic when it takes nothing.

use std::io::{ErrorKind, Write as _};

use anyhow::Context as _;

/// Nobody reads stdout any more (`| head`): whoever closed it has seen enough, which is no fault of the command.
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

/// Writes a line to stderr. Where nobody can read it, nobody can be told.
pub(crate) fn say(text: &str) {
    let _closed = writeln!(anstream::stderr(), "{text}");
}
