//! Oddish's server with everything of its own in one folder.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use oddish_private_postgres::PrivatePostgres;

use crate::http;
use crate::process::{self, signal_group, wait};
use crate::progress::{say, step};
use crate::setup::Toolbox;
use crate::{interrupt, workspace};

/// For a new Postgres and the migrations.
const START_LIMIT: Duration = Duration::from_mins(2);
/// For runners to give back their trials.
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// A running `oddish-server api`. Dropping it stops it too, without telling of failures.
pub(crate) struct Stack {
    server: Child,
    folder: PathBuf,
    port: u16,
    stopped: bool,
}

impl Stack {
    /// Starts the server on a free port and waits until it is healthy.
    pub(crate) fn start(toolbox: &Toolbox, folder: &Path) -> Result<Self> {
        let mut server = program("oddish-server")?;
        toolbox.equip(&mut server);
        Self::launch(server, folder)
    }

    /// [`Stack::start`] for any build of the server, equipped with what it needs.
    pub(crate) fn launch(mut server: Command, folder: &Path) -> Result<Self> {
        step("starting oddish-server with a Postgres of its own", || {
            let port = free_port()?;
            let server = Self::spawn(&mut server, folder, port)?;
            let mut stack = Self { server, folder: folder.to_path_buf(), port, stopped: false };
            stack.wait_until_healthy()?;
            Ok(stack)
        })
    }

    fn spawn(server: &mut Command, folder: &Path, port: u16) -> Result<Child> {
        let log = process::append_to(&Self::log(folder))?;
        server
            .args(["api", "--port", &port.to_string()])
            .env("ODDISH_HOME", home(folder))
            .env("ODDISH_LOCAL_STORAGE_DIR", storage(folder))
            .env("ODDISH_HARBOR_JOBS_DIR", folder.join("harbor-jobs"))
            // Out of reach of any .env of the checkout.
            .current_dir(folder)
            .stdout(log.try_clone()?)
            .stderr(log);
        process::spawn(server)
    }

    /// Ends the server as Ctrl-C does, and starts it again over its database and its files.
    pub(crate) fn restart(&mut self, mut server: Command) -> Result<()> {
        signal_group(&self.server, Signal::SIGINT);
        wait(&mut self.server, Some(STOP_LIMIT))?;
        self.server = Self::spawn(&mut server, &self.folder, self.port)?;
        self.wait_until_healthy()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The server's process id.
    pub(crate) fn server(&self) -> u32 {
        self.server.id()
    }

    /// Where its Postgres is.
    pub(crate) fn database_url(&self) -> Result<String> {
        let postgres = PrivatePostgres::running(&home(&self.folder).join("postgres"))?;
        Ok(postgres.context("the server's Postgres does not run")?.url())
    }

    /// The store's root.
    pub(crate) fn storage(&self) -> PathBuf {
        storage(&self.folder)
    }

    /// What the server of a folder prints.
    pub(crate) fn log(folder: &Path) -> PathBuf {
        folder.join("server.log")
    }

    /// Ends the server as Ctrl-C does, then its Postgres, and removes the database.
    pub(crate) fn stop(mut self) -> Result<()> {
        let status = self.end()?;
        if !status.success() {
            bail!("oddish-server ended with {status}; {}", process::tail(&Self::log(&self.folder), 0));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<ExitStatus> {
        self.stopped = true;
        signal_group(&self.server, Signal::SIGINT);
        let status = wait(&mut self.server, Some(STOP_LIMIT))?;
        let home = home(&self.folder);
        if let Some(postgres) = PrivatePostgres::running(&home.join("postgres"))? {
            postgres.stop()?;
        }
        if home.exists() {
            std::fs::remove_dir_all(&home).with_context(|| format!("can't remove {}", home.display()))?;
        }
        Ok(status)
    }

    fn wait_until_healthy(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            interrupt::check()?;
            let Err(refusal) = http::get(self.port, "/health") else { return Ok(()) };
            let log = || process::tail(&Self::log(&self.folder), 0);
            if let Some(status) = self.server.try_wait()? {
                bail!("oddish-server ended with {status}; {}", log());
            }
            if Instant::now() > deadline {
                bail!("oddish-server is not healthy after {} s: {refusal:#}; {}", START_LIMIT.as_secs(), log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !self.stopped
            && let Err(error) = self.end()
        {
            say(&format!("while stopping: {error:#}"));
        }
    }
}

/// One of our programs, with none of the settings that the caller's environment has for it.
pub(crate) fn program(name: &str) -> Result<Command> {
    let mut command = Command::new(workspace::binaries()?.join(name));
    without_settings(&mut command);
    Ok(command)
}

/// Takes the settings for our programs out of the environment that a command inherits.
pub(crate) fn without_settings(command: &mut Command) -> &mut Command {
    command.env_remove("DATABASE_URL");
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("ODDISH_") {
            command.env_remove(variable);
        }
    }
    command
}

fn home(folder: &Path) -> PathBuf {
    folder.join("home")
}

fn storage(folder: &Path) -> PathBuf {
    folder.join("oddish-tasks")
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("found no free port")?;
    Ok(listener.local_addr()?.port())
}
