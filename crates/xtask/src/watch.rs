//! The functions behind a gateway on this machine, as close to Lambda as it gets without AWS.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;

use crate::database::{ThrowAwayDatabase, throw_away_folder};
use crate::programs::build_all;
use crate::progress::{say, step};
use crate::setup::{self, cargo_lambda};
use crate::stack::{free_port, program, without_settings};
use crate::{http, interrupt, leftovers, process, workspace};

/// For the gateway and the first start of a function, which is built by then.
const START_LIMIT: Duration = Duration::from_mins(2);
const BUCKET: &str = "artifacts";
const ACCESS_KEY: &str = "local";
/// For runners to give back their trials.
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// How often the dispatcher is invoked, which a schedule and a queue of wake-ups do on AWS.
const TICK: Duration = Duration::from_secs(1);
/// Where a function is invoked with an event.
const INVOKE_DISPATCH: &str = "/2015-03-31/functions/dispatch/invocations";

/// `cargo xtask watch`.
pub(crate) fn run(port: u16) -> Result<()> {
    let toolbox = setup::run()?;
    let cargo_lambda = cargo_lambda::ensure()?;
    build_all()?;

    let folder = throw_away_folder("oddish-watch-")?;
    let database = ThrowAwayDatabase::start(&toolbox.postgres_bin)?;
    let bucket_port = free_port()?;
    let secret = uuid::Uuid::new_v4().simple().to_string();
    let with_settings = |command: &mut Command| {
        command.envs([
            ("ODDISH_S3_ENABLED", "true"),
            ("ODDISH_S3_BUCKET", BUCKET),
            ("ODDISH_S3_ACCESS_KEY", ACCESS_KEY),
        ]);
        command.env("ODDISH_S3_SECRET_KEY", &secret).env("ODDISH_SECRET_KEY", &secret);
        command.env("ODDISH_S3_ENDPOINT_URL", format!("http://127.0.0.1:{bucket_port}"));
        command.env("DATABASE_URL", database.url());
        command.env("ODDISH_HARBOR_JOBS_DIR", folder.path().join("harbor-jobs"));
    };
    let mut migrate = program("oddish-server")?;
    with_settings(&mut migrate);
    step("migrating it", || process::logged("watch", migrate.args(["db", "init"]).current_dir(folder.path())))?;

    let mut bucket = program("oddish-local-bucket")?;
    bucket.arg(folder.path()).args(["--port", &bucket_port.to_string()]);
    with_settings(&mut bucket);
    let mut bucket = Service::start("oddish-local-bucket", &mut bucket)?;
    let mut gateway = Command::new(cargo_lambda);
    // Without reloading: what counts as a change is wide, and a function that is ended in the middle of a request answers nothing.
    gateway.args(["lambda", "watch", "--wait", "--ignore-changes", "--package", "oddish-functions"]);
    gateway.args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()]);
    with_settings(toolbox.equip(without_settings(&mut gateway)).current_dir(workspace::root()));
    gateway.env("ODDISH_RUNNER", workspace::binaries()?.join("oddish-runner"));
    let mut gateway = Service::start("cargo lambda watch", &mut gateway)?;

    let outcome = wait_until_healthy(port, [&mut bucket, &mut gateway]).and_then(|()| {
        say("\nThe functions answer. In another terminal:\n");
        say(&format!("    export ODDISH_API_URL=http://localhost:{port}"));
        say("    target/debug/oddish run examples/tasks/hello -a oracle\n\nCtrl-C stops everything.");
        dispatch_until_interrupted(port, [&mut bucket, &mut gateway])
    });
    // The gateway ends functions without a word, the dispatcher too, whose runners would live on without a database.
    step("stopping", || {
        leftovers::stop_runners(folder.path(), STOP_LIMIT);
        gateway.stop().and(bucket.stop()).and(leftovers::clear(&toolbox, folder.path()))
    })
    .and(outcome)
}

fn wait_until_healthy(port: u16, mut services: [&mut Service; 2]) -> Result<()> {
    step("waiting for the first answers", || {
        let deadline = Instant::now() + START_LIMIT;
        while let Err(refusal) = http::get(port, "/health").and_then(|_| http::post(port, INVOKE_DISPATCH, "{}")) {
            interrupt::check()?;
            services.iter_mut().try_for_each(|service| service.check())?;
            if Instant::now() > deadline {
                bail!("no function answers after {} s: {refusal:#}", START_LIMIT.as_secs());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    })
}

fn dispatch_until_interrupted(port: u16, mut services: [&mut Service; 2]) -> Result<()> {
    let mut last = Instant::now();
    while interrupt::received() == 0 {
        services.iter_mut().try_for_each(|service| service.check())?;
        if last.elapsed() > TICK {
            last = Instant::now();
            // What it fails at is in its log, on this terminal; the next tick tries again, as the next event does on AWS.
            let _ = http::post(port, INVOKE_DISPATCH, "{}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A program that runs until it is stopped. Dropping it stops it too, without telling of failures.
struct Service {
    name: &'static str,
    child: Child,
    stopped: bool,
}

impl Service {
    fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        Ok(Self { name, child: process::spawn(command)?, stopped: false })
    }

    /// Fails if it has ended by itself.
    fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            self.stopped = true;
            bail!("{} ended with {status}", self.name);
        }
        Ok(())
    }

    fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.stopped, true) {
            return Ok(());
        }
        process::signal_group(&self.child, Signal::SIGINT);
        process::wait(&mut self.child, Some(STOP_LIMIT)).with_context(|| format!("can't stop {}", self.name))?;
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            say(&format!("{error:#}"));
        }
    }
}
