use std::path::Path;
use std::process::{Command, Output};

use nix::unistd::{Gid, Uid, User};

use crate::Error;

/// Who the server runs as when we are root, as which Postgres refuses to run.
const SERVER_ACCOUNT: &str = "postgres";

/// The account that the server runs under.
#[derive(Debug)]
pub(crate) enum Account {
    /// The one of this process.
    Own,
    /// Another one, since this process is root.
    Other {
        /// User id.
        uid: Uid,
        /// Its primary group.
        gid: Gid,
    },
}

impl Account {
    pub(crate) fn of_server() -> Result<Self, Error> {
        if !nix::unistd::geteuid().is_root() {
            return Ok(Self::Own);
        }
        match User::from_name(SERVER_ACCOUNT) {
            Ok(Some(user)) => Ok(Self::Other { uid: user.uid, gid: user.gid }),
            _ => Err(Error::NoAccount(SERVER_ACCOUNT)),
        }
    }

    /// A command that runs `program` as this account.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = match self {
            Self::Own => Command::new(program),
            Self::Other { .. } => {
                let mut command = Command::new("runuser");
                command.args(["-u", SERVER_ACCOUNT, "--"]).arg(program);
                command
            }
        };
        // A caller's PGPORT or PGOPTIONS would change what the programs do.
        let inherited = std::env::vars_os().map(|(name, _)| name);
        for name in inherited.filter(|name| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C");
        command
    }

    /// Whether what this user owns may be taken for ours: the account's own, or this process's.
    pub(crate) fn is_ours(&self, owner: u32) -> bool {
        let accounts = match self {
            Self::Own => None,
            Self::Other { uid, .. } => Some(uid.as_raw()),
        };
        owner == nix::unistd::geteuid().as_raw() || Some(owner) == accounts
    }

    /// Gives a file or folder to this account.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        let Self::Other { uid, gid } = self else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(uid.as_raw()), Some(gid.as_raw()))
            .map_err(Error::file("change the owner of", path))
    }

    /// Fails with the first folder on the way to `folder` that this account can't enter.
    pub(crate) fn reaches(&self, folder: &Path) -> Result<(), Error> {
        if matches!(self, Self::Own) || self.enters(folder)? {
            return Ok(());
        }
        let mut way: Vec<&Path> = folder.ancestors().collect();
        way.reverse();
        for step in way {
            if !self.enters(step)? {
                return Err(Error::OutOfReach { account: SERVER_ACCOUNT, folder: step.to_path_buf() });
            }
        }
        Ok(())
    }

    fn enters(&self, folder: &Path) -> Result<bool, Error> {
        let output = run(self.command(Path::new("test")).arg("-x").arg(folder).current_dir("/"))?;
        Ok(output.status.success())
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<Output, Error> {
    command
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|source| Error::Program { program: command.get_program().into(), source })
}
