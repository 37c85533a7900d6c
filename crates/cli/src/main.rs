#![doc = include_str!("../README.md")]

mod args;
mod client;
mod commands;
mod config_file;
mod exit_status;
mod failure;
mod help;
#[cfg(test)]
mod installed_harbor;
mod plain_text;
mod printer;
mod view;
mod watching;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::commands::compare::compare;
use crate::commands::results::results;
use crate::commands::run::run;
use crate::commands::status::status;
use crate::commands::watch::watch;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;

fn main() -> ExitCode {
    let (printer, outcome) = match Cli::try_parse() {
        Ok(cli) => {
            let printer = Printer::new(cli.command.is_quiet());
            let outcome = execute(&cli.command, &printer);
            (printer, outcome)
        }
        Err(shown) => {
            let printer = Printer::new(false);
            let outcome = printer.shown(&shown);
            (printer, outcome)
        }
    };
    let status = outcome.unwrap_or_else(|failure| {
        printer.failure(&failure);
        failure.status()
    });
    status.into()
}

fn execute(command: &Command, printer: &Printer) -> Result<ExitStatus, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        match command {
            Command::Run(args) => run(args, printer).await,
            Command::Status(args) => status(args, printer).await,
            Command::Results(args) => results(args, printer).await,
            Command::Compare(args) => compare(args, printer).await,
            Command::Watch(args) => watch(args, printer).await,
        }
    })
}
