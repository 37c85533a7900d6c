//! Where output goes: results to stdout, talk to stderr.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::builder::styling::{AnsiColor, Style};

use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::plain_text::steers_terminal;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Writes to stdout and stderr. Colours are dropped where the stream is no terminal or `NO_COLOR` is set.
#[derive(Debug)]
pub(crate) struct Printer {
    quiet: bool,
}

impl Printer {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Whether only results and faults are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A result, on stdout.
    #[expect(clippy::unused_self, reason = "all output goes through the printer, so that no other code prints")]
    pub(crate) fn result(&self, text: &str) -> Result<(), Failure> {
        to_stdout(&format!("{text}\n"))
    }

    /// What clap shows in place of running a command: help and version on stdout, a faulty command line on stderr.
    #[expect(clippy::unused_self, reason = "all output goes through the printer, so that no other code prints")]
    pub(crate) fn shown(&self, shown: &clap::Error) -> Result<ExitStatus, Failure> {
        let text = shown.render().ansi().to_string();
        if shown.use_stderr() {
            let _ = write!(anstream::stderr(), "{text}");
            return Ok(ExitStatus::Usage);
        }
        to_stdout(&text).map(|()| ExitStatus::Success)
    }

    /// A result as JSON, on stdout.
    pub(crate) fn json(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new(format!("cannot write the result as JSON: {error}")))?;
        self.result(&escape_terminal_controls(&text))
    }

    /// A result as JSON on one line of stdout, one of several.
    pub(crate) fn json_line(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::new(format!("cannot write the result as JSON: {error}")))?;
        self.result(&escape_terminal_controls(&text))
    }

    /// A piece of a result, on stdout, without a line's end of its own.
    #[expect(clippy::unused_self, reason = "all output goes through the printer, so that no other code prints")]
    pub(crate) fn piece(&self, text: &str) -> Result<(), Failure> {
        to_stdout(text)
    }

    /// Progress, on stderr; silent with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            to_stderr(text);
        }
    }

    /// Something that needs attention, on stderr.
    #[expect(clippy::unused_self, reason = "all output goes through the printer, so that no other code prints")]
    pub(crate) fn warning(&self, text: &str) {
        to_stderr(&format!("{WARNING}warning{WARNING:#}: {text}"));
    }

    /// A fault that doesn't stop the command, on stderr.
    #[expect(clippy::unused_self, reason = "all output goes through the printer, so that no other code prints")]
    pub(crate) fn error(&self, text: &str) {
        to_stderr(&format!("{ERROR}error{ERROR:#}: {text}"));
    }

    /// What to do next, on stderr.
    #[expect(clippy::unused_self, reason = "all output goes through the printer, so that no other code prints")]
    pub(crate) fn hint(&self, text: &str) {
        to_stderr(&format!("{HINT}hint{HINT:#}: {text}"));
    }

    /// Why the command stops, on stderr.
    pub(crate) fn failure(&self, failure: &Failure) {
        for fault in failure.faults() {
            self.error(fault);
        }
        if let Some(hint) = failure.hint() {
            self.hint(hint);
        }
    }
}

fn to_stdout(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::stdout_closed(),
        _ => Failure::new(format!("cannot write to stdout: {error}")),
    })
}

/// Nothing can be done, and nobody told, when stderr itself is closed.
fn to_stderr(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Writes as `\u....` the characters that steer terminals and that JSON allows as they are. They can only stand inside
/// strings, so the document stays the same.
fn escape_terminal_controls(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, character| {
        if character != '\n' && steers_terminal(character) {
            let _ = write!(text, "\\u{:04x}", u32::from(character));
        } else {
            text.push(character);
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::escape_terminal_controls;

    #[test]
    fn json_keeps_its_value_and_loses_what_steers_a_terminal() {
        let value = serde_json::json!({ "name": "a\u{9b}31mred\u{202e}\u{7f}\u{1b}[2J\nend 🦀" });
        let text = escape_terminal_controls(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains(['\u{9b}', '\u{202e}', '\u{7f}', '\u{1b}']), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
