use std::io;
use std::path::PathBuf;

/// Why a private server could not be found, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server programs of a supported version lie on this machine.
    #[error("found no Postgres server programs, version {} or newer. {}", crate::programs::OLDEST, next_step())]
    NotInstalled,
    /// The folder given by the caller holds no usable server programs.
    #[error(
        "{} holds no Postgres server programs, version {} or newer: name the folder of `postgres`, `initdb` and `pg_ctl`",
        .0.display(), crate::programs::OLDEST
    )]
    NotInFolder(PathBuf),
    /// The data was written by another major version than any that is installed.
    #[error(
        "the data in {} is of Postgres {wanted}, which is not installed here (found: {found}): install Postgres {wanted}, \
         or move the data away to begin with an empty database", .folder.display()
    )]
    OtherVersion {
        /// The data folder.
        folder: PathBuf,
        /// The major version that wrote it.
        wanted: u32,
        /// The major versions found on the machine.
        found: String,
    },
    /// Running as root, and the account that the server would run as does not exist.
    #[error(
        "as root, Postgres runs under the account `{0}`, which this machine does not have: create it with `useradd --system {0}`"
    )]
    NoAccount(&'static str),
    /// Running as root, and the server's account can't get at its folder.
    #[error(
        "the account `{account}`, which Postgres runs under, can't enter {}: choose a folder that every account can reach, \
         such as one in /var/lib, or run `chmod o+x {}`", .folder.display(), .folder.display()
    )]
    OutOfReach {
        /// The server's account.
        account: &'static str,
        /// The first folder on the way that it can't enter.
        folder: PathBuf,
    },
    /// The folder holds something else.
    #[error("{} holds files that are not of a private Postgres: choose a new or an empty folder for it", .0.display())]
    Occupied(PathBuf),
    /// The folder belongs to somebody else, or others could have put something there.
    #[error(
        "{} is not used: it belongs to another user, or others may write to it. Choose another folder for the private Postgres, or, if what is in it is \
         yours, give it to yourself with chown and run `chmod go-w {}`", .0.display(), .0.display()
    )]
    OfOthers(PathBuf),
    /// A file operation failed.
    #[error("can't {action} {}", .path.display())]
    File {
        /// The verb: "create the folder", "read".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A Postgres program could not be started.
    #[error("can't start {}", .program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A Postgres program ended with an error.
    #[error("{program} failed for the database in {}: {output}", .folder.display())]
    Failed {
        /// The program's name.
        program: &'static str,
        /// The folder of the private server.
        folder: PathBuf,
        /// The end of what it printed, and of the server's log.
        output: String,
    },
    /// No random bytes for the password.
    #[error("can't draw a random password: {0}")]
    Random(getrandom::Error),
    /// No free port on 127.0.0.1.
    #[error("found no free port on 127.0.0.1")]
    NoPort(#[source] io::Error),
}

impl Error {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

fn next_step() -> String {
    let command = if cfg!(target_os = "macos") {
        "brew install postgresql@17"
    } else {
        match std::fs::read_to_string("/etc/os-release") {
            Ok(text) if text.contains("debian") => "sudo apt-get install postgresql",
            _ => "your system's package manager (Debian and Ubuntu: sudo apt-get install postgresql)",
        }
    };
    format!("Install them with {command}, or set DATABASE_URL to a database that runs already")
}
