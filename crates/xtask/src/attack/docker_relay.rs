//! A socket that leads to Docker, until it is cut.

use std::fs::Permissions;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};

const DOCKER: &str = "/var/run/docker.sock";

/// Connections to Docker through a socket of our own.
pub(super) struct DockerRelay {
    socket: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cut: AtomicBool,
    /// Both ends of what is connected.
    connected: Mutex<Vec<UnixStream>>,
}

impl DockerRelay {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let socket = folder.join("docker.sock");
        let listener = UnixListener::bind(&socket).with_context(|| format!("can't listen at {}", socket.display()))?;
        // As open as a runner that gives up its rights needs it.
        std::fs::set_permissions(&socket, Permissions::from_mode(0o666)).context("can't open the relay to all")?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if !accepting.cut.load(Ordering::SeqCst) {
                    // A client of a Docker that is away sees its connection end, and so does this one.
                    let _ = accepting.connect(client);
                }
            }
        });
        Ok(Self { socket, shared })
    }

    /// What `DOCKER_HOST` is to be.
    pub(super) fn url(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Ends all connections, and those to come.
    pub(super) fn cut(&self) {
        self.shared.cut.store(true, Ordering::SeqCst);
        let mut connected = self.shared.connected.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in connected.drain(..) {
            // Ended already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Docker is back.
    pub(super) fn mend(&self) {
        self.shared.cut.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    fn connect(&self, client: UnixStream) -> std::io::Result<()> {
        let docker = UnixStream::connect(DOCKER)?;
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        connected.extend([client.try_clone()?, docker.try_clone()?]);
        for (from, to) in [(client.try_clone()?, docker.try_clone()?), (docker, client)] {
            std::thread::spawn(move || pass_on(from, to));
        }
        Ok(())
    }
}

fn pass_on(mut from: UnixStream, mut to: UnixStream) {
    // Whoever is at fault, the other end learns that there is no more.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
