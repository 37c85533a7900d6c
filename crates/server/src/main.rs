#![doc = include_str!("../README.md")]

mod api;
mod args;
mod artifact_route;
mod browsers;
#[cfg(test)]
mod configuration;
mod connections;
mod console;
mod cors;
mod database;
mod database_command;
mod descriptors;
mod folders;
mod keys_command;
mod listen;
mod secret_command;
mod secret_key;
mod settings;
mod worker;

use std::process::ExitCode;

use clap::Parser;
use oddish_domain::settings::Settings;
use oddish_telemetry::Output;

fn main() -> ExitCode {
    if let Err(error) = oddish_runner::container::receive() {
        console::say(&format!("error: {error:#}"));
        return ExitCode::FAILURE;
    }
    let arguments = match args::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(shown) => return console::show(&shown),
    };
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    // What is wrong with .env is told by the command that needs it.
    let environment = settings::environment().unwrap_or_default();
    if let Err(error) = oddish_telemetry::start(&Settings::from_map(environment), Output::Stderr { colours }) {
        console::say(&format!("error: {error:#}"));
        return ExitCode::FAILURE;
    }
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(descriptors::FILE_THREADS)
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(arguments.command)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<console::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            // A fault of the start is read by a person at a terminal, who needs the causes and no stack.
            console::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: args::Command) -> anyhow::Result<()> {
    match command {
        args::Command::Api(arguments) => api::run(arguments).await,
        args::Command::Settings => console::print(&settings::env_example()),
        args::Command::Worker => worker::run().await,
        args::Command::Keys { command } => keys_command::run(command).await,
        args::Command::Secret { command } => secret_command::run(command).await,
        args::Command::Db { command } => database_command::run(command).await,
    }
}
