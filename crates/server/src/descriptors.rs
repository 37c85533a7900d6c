//! Open files: how many this process may have, and how they are shared out.
//!
//! Every connection of a client takes one, and so do the store's files, runners and connections to Postgres. The operating system has one
//! limit for all of them, so clients get no more than what the others leave.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::connections::{ConnectionSettings, REFUSALS};
use crate::settings::ServerSettings;

/// Threads for reading and writing files. Each has a file and the one that it copies to.
pub(crate) const FILE_THREADS: usize = 32;
/// Connections of clients, unless somebody says otherwise.
const USUAL_CONNECTIONS: u64 = 2000;
/// Open files for a connection: itself, and those that its request writes to or reads from elsewhere.
const FOR_A_CONNECTION: u64 = 4;
/// Connections with which a server is of use.
const LEAST_CONNECTIONS: u64 = 8;
/// For what is always open: logs, signals, the listener, events, and those that starting a process takes for a moment.
const ALWAYS: u64 = 48;
/// The limit is raised to this at most. Runners inherit it, and programs that close all possible files one by one, which some do when they
/// start another, would take long with the billion that some systems allow.
const MOST: u64 = 65_536;

/// Raises the limit on open files as far as is allowed and of use, and tells what it is then.
pub(crate) fn raise() -> u64 {
    // A system without this limit, or one that does not tell, has no use for the bound that follows from it.
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return MOST };
    let wanted = hard.min(MOST);
    if soft >= wanted {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "the limit on open files stays at {soft}");
            soft
        }
    }
}

/// Connections of clients that may be open at once, of `open_files` in all.
pub(crate) fn connections(open_files: u64, settings: &ServerSettings) -> anyhow::Result<usize> {
    // A runner is held by one. The pool has a further connection, which listens.
    let others = u64::from(settings.worker.launcher.max_runners) + u64::from(settings.database.pool_size) + 1;
    let files = 2 * FILE_THREADS as u64 + REFUSALS as u64;
    share(open_files, ALWAYS + others + files, settings.connections.max_connections)
}

fn share(open_files: u64, reserved: u64, asked: Option<u32>) -> anyhow::Result<usize> {
    let room = open_files.saturating_sub(reserved) / FOR_A_CONNECTION;
    let wanted = asked.map_or(LEAST_CONNECTIONS, u64::from);
    if room < wanted {
        anyhow::bail!(
            "this process may open {open_files} files, and needs {} for {wanted} clients in addition to its runners and connections to Postgres: \
             raise the limit (`ulimit -Hn`, in systemd LimitNOFILE), or lower {}, ODDISH_MAX_RUNNERS or ODDISH_DB_POOL_SIZE",
            reserved + wanted * FOR_A_CONNECTION,
            ConnectionSettings::MAX_CONNECTIONS
        );
    }
    let most = asked.map_or(room.min(USUAL_CONNECTIONS), u64::from);
    Ok(usize::try_from(most)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_the_others_leave() {
        assert_eq!(share(1_000_000, 200, None).unwrap(), 2000);
        assert_eq!(share(1000, 200, None).unwrap(), 200);
        assert_eq!(share(1000, 200, Some(50)).unwrap(), 50);
        let error = share(220, 200, None).unwrap_err().to_string();
        assert!(error.contains("220 files") && error.contains("232") && error.contains("ulimit"), "{error}");
        assert!(share(1000, 200, Some(500)).unwrap_err().to_string().contains("2200"));
    }
}
