#![doc = include_str!("../README.md")]

mod account;
mod error;
mod folder;
mod postmaster;
mod programs;

use std::path::{Path, PathBuf};

pub use error::Error;
pub use programs::ServerPrograms;

use account::Account;
use folder::Folder;

/// Name of the database and of its owner.
pub(crate) const NAME: &str = "oddish";

/// Where a private server lies and how it runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's folder. It is created if need be, belongs to the server's account, and holds nothing else.
    pub folder: PathBuf,
    /// Take the server programs of this folder instead of looking for some (`ODDISH_POSTGRES_BIN`).
    pub programs: Option<PathBuf>,
    /// Data survives a crash of the machine. Without it tests run faster, and only a clean stop is sure to keep data.
    pub durable: bool,
    /// How many connections the server takes. A server that runs already keeps the number it was started with.
    pub max_connections: u16,
}

impl Options {
    /// A durable server for 100 connections.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), programs: None, durable: true, max_connections: 100 }
    }
}

/// A private server that was running when this value was made. Dropping the value leaves it running.
#[derive(Debug)]
pub struct PrivatePostgres {
    folder: Folder,
    programs: ServerPrograms,
    account: Account,
    port: u16,
    password: String,
}

impl PrivatePostgres {
    /// Finds the server of this folder running, or starts it, and waits until it takes connections. Processes that do this at the same
    /// time get the same server.
    ///
    /// # Errors
    /// Every [`Error`]; each says what to do.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let account = Account::of_server()?;
        let folder = Folder::create(&options.folder, &account)?;
        let _lock = folder.lock()?;
        let programs = ServerPrograms::for_data(options.programs.as_deref(), &folder.data())?;
        if !folder.data().exists() {
            postmaster::initialise(&folder, &programs, &account)?;
        }
        let port = match postmaster::running_port(&folder) {
            Some(port) => port,
            None => postmaster::start(&folder, &programs, &account, options)?,
        };
        Ok(Self { password: folder.password()?, folder, programs, account, port })
    }

    /// The server of this folder if it is running. Starts and creates nothing.
    ///
    /// # Errors
    /// When its programs, its account or its password can't be found.
    pub fn running(folder: &Path) -> Result<Option<Self>, Error> {
        let folder = Folder::existing(folder);
        let Some(port) = postmaster::running_port(&folder) else { return Ok(None) };
        let programs = ServerPrograms::for_data(None, &folder.data())?;
        Ok(Some(Self { password: folder.password()?, account: Account::of_server()?, folder, programs, port }))
    }

    /// `postgresql://oddish:PASSWORD@127.0.0.1:PORT/oddish`, for the owner of the database `oddish`, who is the superuser too.
    pub fn url(&self) -> String {
        format!("postgresql://{NAME}:{}@127.0.0.1:{}/{NAME}", self.password, self.port)
    }

    /// The folder of Postgres's own files, inside the server's folder.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.data()
    }

    /// Ends the server: open transactions are rolled back, data is kept.
    ///
    /// # Errors
    /// [`Error::Failed`] if it does not end within a minute.
    pub fn stop(self) -> Result<(), Error> {
        let _lock = self.folder.lock()?;
        postmaster::stop(&self.folder, &self.programs, &self.account)
    }
}
