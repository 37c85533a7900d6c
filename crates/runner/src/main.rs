//! `oddish-runner`: runs one attempt of a trial, or removes what a killed one left. Its launcher tells it which through
//! environment variables.

use std::convert::Infallible;
use std::env;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use nix::unistd::{Pid, getpgrp, getpid, setpgid};
use oddish_artifacts::{S3Settings, StorageSettings};
use oddish_db::{AttemptRef, DATABASE_URL, DatabaseSettings, connect_lazy};
use oddish_domain::attempt_settings::{ATTEMPT_SETTINGS, ATTEMPT_TOKEN};
use oddish_domain::host_access::HOST_ACCESS_SETTINGS;
use oddish_domain::retry::RetrySettings;
use oddish_domain::settings::{Group, Settings, unicode_variables};
use oddish_domain::status::JobKind;
use oddish_runner::attempt::Scratch;
use oddish_runner::clean_up::{clean_up, clean_up_ended};
use oddish_runner::confinement::ConfinementSettings;
use oddish_runner::confinement::confined::become_confined;
use oddish_runner::container;
use oddish_runner::run::{Runner, run};
use oddish_runner::settings::{RunnerSettings, read_attempt, read_token};
use oddish_telemetry::{Output, TelemetrySettings, fields};
use oddish_wake::{Wake, WakeSettings};
use tracing::{error, info};

/// All settings of the runner.
const GROUPS: &[Group] = &[
    ATTEMPT_SETTINGS,
    DatabaseSettings::GROUP,
    StorageSettings::GROUP,
    S3Settings::GROUP,
    RunnerSettings::GROUP,
    ConfinementSettings::GROUP,
    HOST_ACCESS_SETTINGS,
    RetrySettings::GROUP,
    TelemetrySettings::GROUP,
    WakeSettings::GROUP,
];

/// A runner writes one thing at a time, and looks after its attempt meanwhile.
const CONNECTIONS: u32 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => start(run_attempt),
        ["clean-up"] => start(clean_up_attempt),
        ["confine", plan, "--", program, arguments @ ..] => become_program(become_confined(plan, program, arguments)),
        ["enter", "--", program, arguments @ ..] => become_program(container::enter(program, arguments)),
        ["clean-up-ended"] => clean_up_all(),
        ["--version" | "-V"] => say(concat!("oddish-runner ", env!("CARGO_PKG_VERSION"), "\n")),
        ["--help" | "-h"] => say(&help()),
        _ => {
            let _closed = std::io::stderr().write_all(help().as_bytes());
            ExitCode::from(2)
        }
    }
}

fn say(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let _closed = writeln!(std::io::stderr(), "error: cannot write to stdout: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn help() -> String {
    let mut text = String::from(
        "Runs one attempt of a trial with Harbor and records what came of it.\n\n\
         Usage: oddish-runner             run the attempt\n       \
         oddish-runner clean-up    remove what the attempt left when it was killed\n       \
         oddish-runner clean-up-ended    remove what attempts that have ended left in Docker; print what is still there\n       \
         oddish-runner confine PLAN -- PROGRAM [ARGUMENT...]    become a program that may do what PLAN (JSON) says; the runner starts Harbor so\n       \
         oddish-runner enter -- PROGRAM [ARGUMENT...]    become a program as the image's user and with secrets out of sight; containers start so\n\n\
         Environment variables:\n",
    );
    for setting in GROUPS.iter().flat_map(Group::describe) {
        let default = if setting.default.is_empty() { String::new() } else { format!(" [{}]", setting.default) };
        text.extend(["  ", setting.name, &default, "\n      ", setting.doc, "\n"]);
    }
    text
}

/// Removes what attempts left that have ended, of which this process knows none.
fn clean_up_all() -> ExitCode {
    if let Err(error) = container::receive() {
        return become_program(Err(error));
    }
    let settings = Settings::from_map(unicode_variables(container::variables()));
    let done = oddish_telemetry::start(&settings, Output::Stderr { colours: false })
        .map_err(anyhow::Error::from)
        .and_then(|()| settings.read(DatabaseSettings::read).map_err(anyhow::Error::from))
        .and_then(|database| {
            let Some(url) = database.url else { bail!("{DATABASE_URL} is not set") };
            let environment: Vec<_> = container::variables().collect();
            runtime()?.block_on(async {
                let left = clean_up_ended(&connect_lazy(&url, 1), &environment).await;
                Ok(left.unwrap_or_else(|error| vec![format!("nothing could be looked for: {error}")]))
            })
        });
    match done {
        Ok(left) => {
            let mut text = String::new();
            for line in left {
                text.push_str(&line.replace('\n', " "));
                text.push('\n');
            }
            say(&text)
        }
        Err(error) => {
            error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command, with its attempt on each line that it logs.
fn start(command: fn(&Settings) -> anyhow::Result<()>) -> ExitCode {
    if let Err(error) = container::receive() {
        return become_program(Err(error));
    }
    let settings = Settings::from_map(unicode_variables(container::variables()));
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

/// Only a failure to become another program comes back.
fn become_program(failure: anyhow::Result<Infallible>) -> ExitCode {
    let Err(error) = failure;
    let _closed = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::FAILURE
}

/// The program that runs here, also where its file was replaced meanwhile.
fn this_program() -> anyhow::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { env::current_exe().context("cannot find this program's own file") }
}

fn lead_group() -> anyhow::Result<()> {
    // The launcher has made us the leader of a group, which it can kill as a whole; started by hand, we make it ourselves.
    if getpgrp() != getpid() {
        setpgid(Pid::from_raw(0), Pid::from_raw(0)).context("cannot lead a process group")?;
    }
    Ok(())
}

fn run_attempt(settings: &Settings) -> anyhow::Result<()> {
    let mut reader = settings.reader();
    let (trial_id, number) = read_attempt(&mut reader);
    let token = read_token(&mut reader);
    let database = DatabaseSettings::read(&mut reader);
    let storage = StorageSettings::read(&mut reader);
    let runner_settings = RunnerSettings::read(&mut reader);
    let retries = RetrySettings::read(&mut reader);
    let wake = WakeSettings::read(&mut reader);
    reader.finish()?;
    let Some(token) = token else { bail!("{ATTEMPT_TOKEN} is not set; a runner is started by its launcher") };
    let Some(url) = database.url else { bail!("{DATABASE_URL} is not set") };
    let attempt = AttemptRef { kind: JobKind::Trial, subject: trial_id, number, token };
    runtime()?.block_on(async {
        let store = storage.open(None).await?;
        let db = connect_lazy(&url, CONNECTIONS);
        let runner = Runner {
            wake: Wake::connect(db.clone(), &wake).await,
            db,
            store,
            settings: runner_settings,
            retries,
            variables: container::variables().collect(),
            program: this_program()?,
        };
        let ending = run(&runner, &attempt).await?;
        info!(?ending, "the attempt has ended");
        Ok(())
    })
}

fn clean_up_attempt(settings: &Settings) -> anyhow::Result<()> {
    let ((trial_id, number), runner_settings) =
        settings.read(|reader| (read_attempt(reader), RunnerSettings::read(reader)))?;
    let scratch = Scratch::new(&runner_settings.jobs_dir, &trial_id, number);
    let environment: Vec<_> = container::variables().collect();
    runtime()?.block_on(clean_up(&scratch, &environment));
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}
