//! The one-machine stack: the endpoints, the dispatcher, the runners and, unless a database is configured, Postgres itself.
//!
//! `api` serves all handlers of `oddish-functions` in one process and dispatches in the same process; `worker` only dispatches; `keys`
//! makes and revokes keys; `db` looks after the schema. Nothing else of the workspace may depend on this crate.

mod api;
mod args;
mod artifact_route;
mod cors;
mod database;
mod database_command;
mod keys_command;
mod listen;
mod secret_key;
mod settings;
mod store;
mod worker;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never);
    let filter: Option<Targets> = std::env::var("ODDISH_LOG").ok().and_then(|text| text.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    tracing_subscriber::registry().with(lines).with(filter).init();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(arguments.command)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A fault of the start is read by a person at a terminal, who needs the causes and no stack.
            anstream::eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: args::Command) -> anyhow::Result<()> {
    match command {
        args::Command::Api(arguments) => api::run(arguments).await,
        args::Command::Settings => {
            anstream::print!("{}", settings::env_example());
            Ok(())
        }
        args::Command::Worker => worker::run().await,
        args::Command::Keys { command } => keys_command::run(command).await,
        args::Command::Db { command } => database_command::run(command).await,
    }
}
