#![doc = include_str!("../README.md")]

mod agent_arguments;
mod attack;
mod bench;
mod build_functions;
#[cfg(test)]
mod circles;
mod compare_rewards;
mod compare_tasks;
mod database;
mod demo;
#[cfg(test)]
mod documents;
mod environment_options;
mod fuzz;
mod fuzz_api;
mod generate;
mod handlers;
mod http;
mod images;
mod interrupt;
mod leftovers;
#[cfg(test)]
mod linking;
mod lint;
mod mutate;
mod pooler;
mod process;
mod programs;
mod progress;
mod query_data;
mod setup;
mod shown_answers;
mod soak;
mod stack;
mod statistics_fixture;
mod template;
mod test;
mod watch;
mod workspace;

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
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
    /// Run tasks through `harbor run` and through Oddish with nop and oracle, and print the rewards side by side; fails when one differs.
    CompareRewards {
        /// Folder with tasks, at any depth.
        folder: std::path::PathBuf,
    },
    /// Attack a fresh server, its trials and the machine beneath them, and print what came of each attack; fails when one succeeds.
    Attack {
        /// Names of attacks, or their beginnings; all when there are none.
        names: Vec<String>,
        /// Only those that take no longer than three minutes together.
        #[arg(long)]
        quick: bool,
        /// Run none; list their names and what they try.
        #[arg(long)]
        list: bool,
        /// Print a line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Measure; fails when a figure misses its bar.
    Bench {
        #[command(subcommand)]
        benchmark: bench::Benchmark,
    },
    /// Run a fuzz target; fails when it finds an input that breaks the code.
    Fuzz {
        target: fuzz::Target,
        /// How long it runs.
        #[arg(long, default_value_t = 10)]
        minutes: u64,
    },
    /// Let schemathesis ask the API whatever its `OpenAPI` document allows and forbids; fails when an answer is not what the document says.
    FuzzApi {
        /// How many requests it makes for each operation at most.
        #[arg(long, default_value_t = 300)]
        examples: u32,
        /// How long each of the two runs lasts (without keys and with one), in seconds; until it has made all requests unless told.
        #[arg(long)]
        seconds: Option<u32>,
        /// Makes the requests of an earlier run again, which printed this.
        #[arg(long)]
        seed: Option<u32>,
    },
    /// Run a soak test for a while, and say what it did; fails at the first thing that should never be.
    Soak {
        soak: soak::Soak,
        /// How long it lasts, in seconds; 60 for the queue, 120 for the outage unless told otherwise.
        #[arg(long)]
        seconds: Option<u64>,
        /// Makes the choices of an earlier run of the queue's soak again, which printed this.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Ask our check and Harbor's loader of every task below a folder; prints where they differ, and fails unless that is on purpose.
    CompareTasks {
        /// The folder, at any depth below which tasks lie.
        folder: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove one mechanism after the other from a copy of this tree, and check that its test then fails.
    Mutate {
        /// Files of tests/mutations without their ending; all when there are none.
        names: Vec<String>,
    },
    /// Write every file that is derived from the code or the migrations, and print the names of those that changed.
    ///
    /// These are crates/db/.sqlx, which the query macros compile against; docs/openapi.json; the table in docs/api.md; docs/cli.md;
    /// docs/server.md; docs/configuration.md; env.example; the functions and routes in template.yaml. The test of such a page has a name
    /// that ends with `_is_current`. What comes from the installed Harbor has commands of its own.
    #[command(verbatim_doc_comment)]
    Generate {
        /// Change nothing; fail if a file is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Write crates/domain/src/environment/options.json, which the options of environments are checked by, from the installed Harbor.
    EnvironmentOptions,
    /// Write `crates/domain/src/host_access/arguments.json`, which agents' arguments are checked by, from the installed Harbor.
    AgentArguments,
    /// Write crates/domain/src/statistics/tests/oracle.json, which the statistics are tested against, from `SciPy`, statsmodels and the
    /// installed Harbor.
    StatisticsFixture {
        /// Change nothing; fail if the file is not what they say.
        #[arg(long)]
        check: bool,
    },
    /// Check links in the documentation, the spelling, template.yaml (cfn-lint, `sam validate --lint`), and licences, sources and use of dependencies.
    Lint,
    /// Build the programs that Lambda runs, as zip files in target/lambda that template.yaml names.
    BuildFunctions {
        /// Programs to build: api, dispatch, reconcile, migrate; all if none is named.
        programs: Vec<String>,
        /// The processor that they are for; this machine's if none is named.
        #[arg(long, value_enum)]
        architecture: Option<build_functions::Architecture>,
    },
    /// Build the images of the runner and the server that the tests run, from debug programs.
    Images,
    /// Run the functions behind a gateway on this machine, with a Postgres and a bucket of their own, until Ctrl-C.
    ///
    /// `cargo lambda watch` gives every path to the program `api`, and starts a program at its first request; a change of the code needs a
    /// new start of this command. The dispatcher is invoked every second. Database and artifacts are removed at the end.
    Watch {
        /// Where the gateway listens on 127.0.0.1.
        #[arg(long, default_value_t = 9000)]
        port: u16,
    },
    /// Set up, build, and run all tests against a real Postgres, with and without a pooler, Docker and Harbor.
    Test {
        /// Check formatting, lints and query data too, and run the quick attacks.
        #[arg(long)]
        ci: bool,
        /// Only the tests of oddish-db and oddish-functions, through a pooler: once through one that follows named statements, once
        /// through one that does not.
        ///
        /// Both are `PgBouncer` in transaction mode, of two versions, which are fetched first. Each run has a Postgres of its own, and a
        /// failure of the first doesn't keep the second from running.
        #[arg(long, conflicts_with = "ci")]
        pooler: bool,
        /// Passed on to `cargo nextest run`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        nextest: Vec<String>,
    },
}

/// Shows help, or what is wrong with a command line, and gives the exit status that goes with it.
fn show(shown: &clap::Error) -> ExitCode {
    match shown.print() {
        Err(error) if !shown.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
            progress::say(&format!("error: cannot write to stdout: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::from(u8::try_from(shown.exit_code()).unwrap_or(2)),
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(shown) => return show(&shown),
    };
    let outcome = interrupt::watch().and_then(|()| match arguments.task {
        Task::Setup => setup::report(),
        Task::Demo => demo::run(),
        Task::CompareRewards { folder } => compare_rewards::run(&folder),
        Task::Attack { names, quick, list, json } => attack::run(&names, quick, list, json),
        Task::Bench { benchmark } => bench::run(&benchmark),
        Task::Fuzz { target, minutes } => fuzz::run(target, minutes),
        Task::FuzzApi { examples, seconds, seed } => fuzz_api::run(examples, seconds, seed),
        Task::Soak { soak, seconds, seed } => soak::run(soak, seconds, seed),
        Task::CompareTasks { folder, json } => compare_tasks::run(&folder, json),
        Task::Mutate { names } => mutate::run(&names),
        Task::Generate { check } => generate::run(check),
        Task::EnvironmentOptions => environment_options::run(),
        Task::AgentArguments => agent_arguments::run(),
        Task::StatisticsFixture { check } => statistics_fixture::run(check),
        Task::Lint => lint::run(),
        Task::BuildFunctions { programs, architecture } => build_functions::run(&programs, architecture),
        Task::Images => images::run(),
        Task::Watch { port } => watch::run(port),
        Task::Test { pooler: true, nextest, .. } => test::run_through_poolers(&nextest),
        Task::Test { ci, nextest, .. } => test::run(ci, &nextest),
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
