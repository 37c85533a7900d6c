//! `oddish-runner`: runs one attempt of a trial, or removes what a killed one left. Its launcher tells it which through
//! environment variables.

use std::collections::BTreeMap;
use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use nix::unistd::{Pid, getpgrp, getpid, setpgid};
use oddish_artifacts::{
    FolderStore, S3_VARIABLES, S3Settings, S3Store, STORAGE_VARIABLES, SharedStore, StorageSettings,
};
use oddish_db::{DATABASE_VARIABLES, DatabaseSettings, connect_lazy};
use oddish_domain::retry::{RETRY_VARIABLES, RetrySettings};
use oddish_domain::settings::{Reader, Settings, Variable};
use oddish_runner::attempt::Scratch;
use oddish_runner::clean_up::clean_up;
use oddish_runner::run::{Attempt, Runner, run};
use oddish_runner::settings::{RUNNER_VARIABLES, RunnerSettings};
use oddish_wake::{WAKE_VARIABLES, Wake, WakeSettings};
use tracing::{Instrument, error, info, info_span};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use uuid::Uuid;

/// What the launcher says. These are no settings: a person has no reason to set them.
const ATTEMPT_VARIABLES: &[Variable] = &[
    Variable { name: "ODDISH_TRIAL_ID", default: "", secret: false, doc: "The trial." },
    Variable { name: "ODDISH_ATTEMPT", default: "", secret: false, doc: "Number of the attempt, from 1." },
    Variable {
        name: "ODDISH_ATTEMPT_TOKEN",
        default: "",
        secret: false,
        doc: "Fencing token of the attempt; `clean-up` needs none.",
    },
];

/// A runner writes one thing at a time, and looks after its attempt beside that.
const CONNECTIONS: u32 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => report(start(run_attempt)),
        ["clean-up"] => report(start(clean_up_attempt)),
        ["--version" | "-V"] => say(concat!("oddish-runner ", env!("CARGO_PKG_VERSION"), "\n")),
        ["--help" | "-h"] => say(&help()),
        _ => {
            let _closed = std::io::Write::write_all(&mut std::io::stderr(), help().as_bytes());
            ExitCode::from(2)
        }
    }
}

fn say(text: &str) -> ExitCode {
    let _closed = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    ExitCode::SUCCESS
}

fn help() -> String {
    let mut text = String::from(
        "Runs one attempt of a trial with Harbor and records what came of it.\n\n\
         Usage: oddish-runner             run the attempt\n       \
         oddish-runner clean-up    remove what the attempt left when it was killed\n\n\
         Environment variables:\n",
    );
    for variable in [
        ATTEMPT_VARIABLES,
        DATABASE_VARIABLES,
        STORAGE_VARIABLES,
        S3_VARIABLES,
        RUNNER_VARIABLES,
        RETRY_VARIABLES,
        WAKE_VARIABLES,
    ]
    .concat()
    {
        let default = if variable.default.is_empty() { String::new() } else { format!(" [{}]", variable.default) };
        text.extend(["  ", variable.name, &default, "\n      ", variable.doc, "\n"]);
    }
    text
}

fn report(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(command: fn(&Settings) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let filter: Option<Targets> = env::var("ODDISH_LOG").ok().and_then(|text| text.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    tracing_subscriber::registry().with(lines).with(filter).init();
    // The launcher has made us the leader of a group, which it can kill as a whole; started by hand, we make it ourselves.
    if getpgrp() != getpid() {
        setpgid(Pid::from_raw(0), Pid::from_raw(0)).context("cannot lead a process group")?;
    }
    let variables: BTreeMap<String, String> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    command(&Settings::from_map(variables))
}

/// The trial and the number of the attempt.
fn read_attempt(reader: &mut Reader<'_>) -> (String, i32) {
    let trial_id = reader.text("ODDISH_TRIAL_ID", "");
    if trial_id.is_empty() {
        reader.reject("ODDISH_TRIAL_ID", "must be the id of a trial");
    }
    let number: Option<i32> = reader.optional("ODDISH_ATTEMPT");
    if number.is_none_or(|number| number < 1) {
        reader.reject("ODDISH_ATTEMPT", "must be a whole number above 0");
    }
    (trial_id, number.unwrap_or_default())
}

fn run_attempt(settings: &Settings) -> anyhow::Result<()> {
    let mut reader = settings.reader();
    let (trial_id, number) = read_attempt(&mut reader);
    let token: Option<Uuid> = reader.optional("ODDISH_ATTEMPT_TOKEN");
    let database = DatabaseSettings::read(&mut reader);
    let storage = StorageSettings::read(&mut reader);
    let s3 = S3Settings::read(&mut reader);
    let runner_settings = RunnerSettings::read(&mut reader);
    let retries = RetrySettings::read(&mut reader);
    let wake = WakeSettings::read(&mut reader);
    reader.finish()?;
    let Some(token) = token else { bail!("ODDISH_ATTEMPT_TOKEN is not set; a runner is started by its launcher") };
    let Some(url) = database.url else { bail!("DATABASE_URL is not set") };
    let span = info_span!("attempt", trial = trial_id, number);
    let attempt = Attempt { trial_id, number, token };
    runtime()?.block_on(
        async {
            let store: SharedStore = match &s3 {
                Some(s3) => Arc::new(S3Store::connect(s3).await),
                None => Arc::new(FolderStore::open(&storage.local_storage_dir)?),
            };
            let pool = connect_lazy(&url, CONNECTIONS);
            let runner = Runner {
                wake: Wake::connect(pool.clone(), &wake).await,
                pool,
                store,
                settings: runner_settings,
                retries,
                variables: env::vars_os().collect(),
            };
            let ending = run(&runner, &attempt).await?;
            info!(?ending, "the attempt has ended");
            Ok(())
        }
        .instrument(span),
    )
}

fn clean_up_attempt(settings: &Settings) -> anyhow::Result<()> {
    let mut reader = settings.reader();
    let (trial_id, number) = read_attempt(&mut reader);
    let runner_settings = RunnerSettings::read(&mut reader);
    reader.finish()?;
    let scratch = Scratch::new(&runner_settings.jobs_dir, &trial_id, number);
    let environment: Vec<_> = env::vars_os().collect();
    let span = info_span!("clean-up", trial = trial_id, number);
    runtime()?.block_on(clean_up(&scratch, &environment).instrument(span));
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}
