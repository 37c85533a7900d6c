#![doc = include_str!("../README.md")]

mod agent_variables;
mod api;
mod args;
mod client;
mod config_file;
mod connection;
mod harbor_job;
#[cfg(test)]
mod installed_harbor;
mod live_view;
mod object_store;
mod packing;
mod plain_text;
mod plan;
mod printer;
mod run;
mod run_config;
mod scope;
mod status;
mod submit;
mod sweep_file;
mod table;
mod task_check;
mod task_dirs;
mod task_view;
mod trial_view;
mod upload;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::printer::{Failure, Printer};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let printer = Printer::new(cli.command.is_quiet());
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return printer.failure(&Failure::new(format!("cannot start: {error}"))).into(),
    };
    let outcome = runtime.block_on(async {
        match &cli.command {
            Command::Run(args) => run::run(args, &printer).await,
            Command::Status(args) => status::status(args, &printer).await,
        }
    });
    outcome.unwrap_or_else(|failure| printer.failure(&failure)).into()
}
