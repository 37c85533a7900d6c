//! `cargo xtask`: sets a machine up for Oddish, shows it working, runs its tests.
//!
//! Everything a task starts is stopped before it ends, on failure and on Ctrl-C too; only what [`setup`] installs stays.

mod bench;
mod database;
mod demo;
mod http;
mod interrupt;
mod prepare;
mod process;
mod progress;
mod setup;
mod stack;
mod test;
mod workspace;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of this repository: machine set-up, demo, tests.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what is missing on this machine: Docker, the base image, Harbor, Postgres.
    Setup,
    /// Run the example task with two agents through the whole system, and check what comes out.
    Demo,
    /// Measure; fails when a figure misses its bar.
    Bench {
        #[command(subcommand)]
        benchmark: bench::Benchmark,
    },
    /// Write crates/db/.sqlx, which the query macros compile against, from the migrations.
    Prepare {
        /// Change nothing; fail if it is not up to date.
        #[arg(long)]
        check: bool,
    },
    /// Set up, build, and run all tests against a real Postgres, Docker and Harbor.
    Test {
        /// Check formatting, lints and query data too.
        #[arg(long)]
        ci: bool,
        /// Passed on to `cargo nextest run`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        nextest: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = interrupt::watch().and_then(|()| match arguments.task {
        Task::Setup => setup::report(),
        Task::Demo => demo::run(),
        Task::Bench { benchmark } => bench::run(benchmark),
        Task::Prepare { check } => prepare::run(check),
        Task::Test { ci, nextest } => test::run(ci, &nextest),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With stderr gone there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
