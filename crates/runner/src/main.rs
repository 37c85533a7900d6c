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
use oddish_db::{AttemptRef, DATABASE_VARIABLES, DatabaseSettings, connect_lazy};
use oddish_domain::retry::{RETRY_VARIABLES, RetrySettings};
use oddish_domain::settings::{Reader, Settings, Variable};
use oddish_domain::status::JobKind;
use oddish_runner::attempt::Scratch;
use oddish_runner::clean_up::clean_up;
use oddish_runner::run::{Runner, run};
use oddish_runner::settings::{ATTEMPT_VARIABLES, RUNNER_VARIABLES, RunnerSettings};
use oddish_telemetry::{Output, TELEMETRY_VARIABLES, fields};
use oddish_wake::{WAKE_VARIABLES, Wake, WakeSettings};
use tracing::{error, info};
use uuid::Uuid;

/// Everything that it reads.
const VARIABLES: &[&[Variable]] = &[
    ATTEMPT_VARIABLES,
    DATABASE_VARIABLES,
    STORAGE_VARIABLES,
    S3_VARIABLES,
    RUNNER_VARIABLES,
    RETRY_VARIABLES,
    TELEMETRY_VARIABLES,
    WAKE_VARIABLES,
];

/// A runner writes one thing at a time, and looks after its attempt beside that.
const CONNECTIONS: u32 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => start(run_attempt),
        ["clean-up"] => start(clean_up_attempt),
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
    for variable in VARIABLES.concat() {
        let default = if variable.default.is_empty() { String::new() } else { format!(" [{}]", variable.default) };
        text.extend(["  ", variable.name, &default, "\n      ", variable.doc, "\n"]);
    }
    text
}

/// Runs a command, with its attempt on each line that it logs.
fn start(command: fn(&Settings) -> anyhow::Result<()>) -> ExitCode {
    let variables: BTreeMap<String, String> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let settings = Settings::from_map(variables);
    let logging = oddish_telemetry::start(&settings, Output::Stderr { colours: false });
    // Entered and not put around a future: this thread is the only one, so that what the runtime's other tasks say is within it too.
    let mut reader = settings.reader();
    let (trial_id, number) = read_attempt(&mut reader);
    let _span = fields::attempt(JobKind::Trial, &trial_id, number, None).entered();
    let done = logging.map_err(anyhow::Error::from).and_then(|()| lead_group()).and_then(|()| command(&settings));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn lead_group() -> anyhow::Result<()> {
    // The launcher has made us the leader of a group, which it can kill as a whole; started by hand, we make it ourselves.
    if getpgrp() != getpid() {
        setpgid(Pid::from_raw(0), Pid::from_raw(0)).context("cannot lead a process group")?;
    }
    Ok(())
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
    let attempt = AttemptRef { kind: JobKind::Trial, subject: trial_id, number, token };
    runtime()?.block_on(async {
        let store: SharedStore = match &s3 {
            Some(s3) => Arc::new(S3Store::connect(s3).await),
            None => Arc::new(FolderStore::open(&storage.local_storage_dir)?),
        };
        let db = connect_lazy(&url, CONNECTIONS);
        let runner = Runner {
            wake: Wake::connect(db.clone(), &wake).await,
            db,
            store,
            settings: runner_settings,
            retries,
            variables: env::vars_os().collect(),
        };
        let ending = run(&runner, &attempt).await?;
        info!(?ending, "the attempt has ended");
        Ok(())
    })
}

fn clean_up_attempt(settings: &Settings) -> anyhow::Result<()> {
    let mut reader = settings.reader();
    let (trial_id, number) = read_attempt(&mut reader);
    let runner_settings = RunnerSettings::read(&mut reader);
    reader.finish()?;
    let scratch = Scratch::new(&runner_settings.jobs_dir, &trial_id, number);
    let environment: Vec<_> = env::vars_os().collect();
    runtime()?.block_on(clean_up(&scratch, &environment));
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}
