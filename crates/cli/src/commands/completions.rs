//! `oddish completions`.

mod args;

use clap::CommandFactory;

use crate::args::Cli;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) use self::args::CompletionsArgs;

/// Prints the completions for a shell.
pub(crate) fn completions(args: &CompletionsArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "oddish", &mut script);
    let script = String::from_utf8_lossy(&script);
    if args.json {
        printer.json(&serde_json::json!({ "shell": args.shell.to_string(), "script": script }))?;
    } else {
        printer.result(script.trim_end())?;
    }
    Ok(ExitStatus::Success)
}
