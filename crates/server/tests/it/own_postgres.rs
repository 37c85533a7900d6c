//! A Postgres of a test's own, which can be killed and started again.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use oddish_private_postgres::{Options, PrivatePostgres};

use crate::stack::{eventually, is_alive};

/// It guards its data against crashes, and stops when it is dropped.
pub(crate) struct OwnPostgres {
    options: Options,
    server: Option<PrivatePostgres>,
    url: String,
}

impl OwnPostgres {
    /// One with its data below `folder`, which gets open to every account: as root, Postgres runs under one of its own.
    pub(crate) fn start(folder: &Path) -> Self {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let options = Options {
            programs: std::env::var_os("ODDISH_POSTGRES_BIN").map(PathBuf::from),
            max_connections: 300,
            ..Options::new(folder.join("postgres"))
        };
        let server = PrivatePostgres::start(&options).unwrap();
        Self { options, url: server.url(), server: Some(server) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Kills all of its processes on the spot and waits until they are gone.
    pub(crate) async fn kill(&mut self) {
        let server = self.server.take().expect("it runs");
        let pid_file = std::fs::read_to_string(server.data_dir().join("postmaster.pid")).unwrap();
        let postmaster = Pid::from_raw(pid_file.lines().next().unwrap().parse().unwrap());
        let mut processes = children(postmaster);
        // The first one first: it would take the death of another for a crash to recover from.
        processes.insert(0, postmaster);
        for process in &processes {
            // Without the first one, others may be gone already.
            let _ = kill(*process, Signal::SIGKILL);
        }
        eventually("Postgres to be gone", async || (!processes.iter().any(|process| is_alive(*process))).then_some(()))
            .await;
    }

    /// Starts it again, with the data that it has and under the URL that it had.
    pub(crate) fn start_again(&mut self) {
        let server = PrivatePostgres::start(&self.options).unwrap();
        assert_eq!(server.url(), self.url, "another program took its port");
        self.server = Some(server);
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let _ = server.stop();
        }
    }
}

fn children(parent: Pid) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let found = stats.filter_map(|stat| {
        // The program's name, in brackets, may hold anything.
        let (start, end) = (stat.split_once(' ')?.0, stat.rsplit_once(") ")?.1);
        (end.split(' ').nth(1)? == parent.to_string()).then(|| start.parse().ok().map(Pid::from_raw))?
    });
    found.collect()
}
