#![doc = include_str!("../README.md")]

mod args;
mod batch;
mod client;
mod commands;
mod config_file;
mod deletion;
mod exit_status;
mod failure;
mod help;
#[cfg(test)]
mod installed_harbor;
mod log_text;
mod naming;
mod packing;
mod patience;
mod plain_text;
mod printer;
mod question;
mod server_args;
mod submitter;
mod target;
mod task_check;
mod task_dirs;
mod view;
mod watching;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::commands::cancel::cancel;
use crate::commands::check::check;
use crate::commands::clean::clean;
use crate::commands::compare::compare;
use crate::commands::completions::completions;
use crate::commands::config::config;
use crate::commands::delete::delete;
use crate::commands::doctor::doctor;
use crate::commands::experiments::experiments;
use crate::commands::keys::keys;
use crate::commands::logs::logs;
use crate::commands::open::open;
use crate::commands::queues::queues;
use crate::commands::results::results;
use crate::commands::retry::retry;
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
            Command::Logs(args) => logs(args, printer).await,
            Command::Results(args) => results(args, printer).await,
            Command::Compare(args) => compare(args, printer).await,
            Command::Cancel(args) => cancel(args, printer).await,
            Command::Retry(args) => retry(args, printer).await,
            Command::Delete(args) => delete(args, printer).await,
            Command::Clean(args) => clean(args, printer).await,
            Command::Experiments(args) => experiments(args, printer).await,
            Command::Queues(args) => queues(args, printer).await,
            Command::Keys(args) => keys(args, printer).await,
            Command::Open(args) => open(args, printer).await,
            Command::Check(args) => check(args, printer),
            Command::Config(args) => config(args, printer),
            Command::Doctor(args) => doctor(args, printer).await,
            Command::Completions(args) => completions(args, printer),
            Command::Watch(args) => watch(args, printer).await,
        }
    })
}
