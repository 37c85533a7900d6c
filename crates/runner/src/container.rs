//! The start of a container: `oddish-runner enter -- PROGRAM ARGUMENT...`.
//!
//! A container starts as root and with every setting in its environment, which its first process shows as long as it lives, in
//! `/proc/1/environ`. [`enter`] becomes the image's user, who may use Docker's socket if there is one, puts what is secret into a pipe and
//! becomes the program, which finds it there ([`receive`]).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, IntoRawFd as _, RawFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, ensure};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::unistd::{User, close, geteuid, pipe};
use oddish_domain::agent_env::is_secret_name;

use crate::confinement::{Mode, take_user};
use crate::secrets::password_of_url;

/// Names the descriptor of the pipe.
const PIPE: &str = "ODDISH_SETTINGS_PIPE";
/// The user of the images.
const USER: &str = "oddish";
/// Where the images are given the daemon's socket.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";
const JOBS_DIR: &str = "ODDISH_HARBOR_JOBS_DIR";
const CONFINEMENT: &str = "ODDISH_CONFINEMENT";

/// What came through the pipe.
static RECEIVED: OnceLock<BTreeMap<OsString, OsString>> = OnceLock::new();

/// Becomes the program, as the image's user and without a secret in the environment. The process must have no other thread.
pub fn enter(program: &str, arguments: &[&str]) -> anyhow::Result<Infallible> {
    if geteuid().is_root()
        && let Some(user) = User::from_name(USER).context("cannot look for the image's user")?
    {
        become_user(&user).with_context(|| format!("cannot become the user {USER}"))?;
    }
    let (secret, open) = env::vars_os().partition(|(name, value)| is_secret(name, value));
    become_with(program, arguments, &secret, &open)
}

fn become_user(user: &User) -> anyhow::Result<()> {
    let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
    if let Some(jobs) = env::var_os(JOBS_DIR).filter(|folder| !folder.is_empty()) {
        // A folder that is mounted from the machine belongs to the user who created it there.
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&jobs)?;
        chown(&jobs, Some(uid), Some(gid)).with_context(|| format!("cannot take {}", Path::new(&jobs).display()))?;
    }
    let groups: Vec<u32> = std::fs::metadata(DOCKER_SOCKET).map(|socket| socket.gid()).into_iter().collect();
    let set = env::var(CONFINEMENT).unwrap_or_default();
    // A value that is none is told of by the program, which reads all settings.
    let mode = Mode::from_word(&set).unwrap_or_default();
    Ok(take_user(uid, gid, &groups, mode)?)
}

/// Whether a variable is to be seen by the program alone.
fn is_secret(name: &OsStr, value: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let has_password = value.to_str().is_some_and(|value| password_of_url(value).is_some());
    has_password || is_secret_name(name) || name.ends_with("DATABASE_URL") || name.starts_with("AWS_CONTAINER_")
}

/// Whether libraries of our programs look for a variable in the environment themselves. Such a secret is in the program's own environment;
/// not in that of the container's first process.
fn is_read_by_libraries(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    name.starts_with("AWS_") || name.starts_with("PG") || name.ends_with("_PROXY")
}

/// Takes what [`enter`] put into the pipe, if there is one. Comes before everything else in a program.
pub fn receive() -> anyhow::Result<()> {
    let Some(pipe) = env::var_os(PIPE) else { return Ok(()) };
    let descriptor: RawFd =
        pipe.to_str().and_then(|text| text.parse().ok()).context("ODDISH_SETTINGS_PIPE is no descriptor")?;
    let received = read(descriptor).context("cannot read the settings from the pipe")?;
    let (libraries, ours): (BTreeMap<_, _>, BTreeMap<_, _>) =
        received.into_iter().partition(|(name, _)| is_read_by_libraries(name) && env::var_os(name).is_none());
    if libraries.is_empty() {
        let _first = RECEIVED.set(ours);
        return Ok(());
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let open = env::vars_os().chain(libraries).collect();
    match become_with("/proc/self/exe", &arguments, &ours, &open)? {}
}

/// The variables of this process, with those that came through the pipe.
pub fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    let received = RECEIVED.get().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
    env::vars_os().filter(|(name, _)| name != PIPE).chain(received)
}

fn become_with(
    program: &str,
    arguments: &[&str],
    secret: &BTreeMap<OsString, OsString>,
    open: &BTreeMap<OsString, OsString>,
) -> anyhow::Result<Infallible> {
    let descriptor = filled_pipe(secret).context("cannot hand the settings on")?;
    let failed: io::Error =
        Command::new(program).args(arguments).env_clear().envs(open).env(PIPE, descriptor.to_string()).exec();
    Err(failed).with_context(|| format!("cannot start `{program}`"))
}

/// A pipe with the variables in it, which ends after them, for the program that this process becomes.
fn filled_pipe(variables: &BTreeMap<OsString, OsString>) -> anyhow::Result<RawFd> {
    let text: BTreeMap<&str, &str> =
        variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?))).collect();
    let bytes = serde_json::to_vec(&text)?;
    let (reader, writer) = pipe()?;
    // Nobody reads yet: all of it must find room. Linux gives a megabyte to everyone.
    #[cfg(target_os = "linux")]
    fcntl(&writer, FcntlArg::F_SETPIPE_SZ(i32::try_from(bytes.len().max(4096))?))
        .context("they are too long for a pipe")?;
    fcntl(&writer, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    File::from(writer).write_all(&bytes)?;
    Ok(reader.into_raw_fd())
}

fn read(descriptor: RawFd) -> anyhow::Result<BTreeMap<OsString, OsString>> {
    // Opened again, since a number alone is no descriptor that one may own; then the inherited one is not handed on to anybody.
    let mut pipe = File::open(format!("/proc/self/fd/{descriptor}"))?;
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes)?;
    ensure!(pipe.as_raw_fd() != descriptor, "it is no descriptor of this process");
    close(descriptor)?;
    let variables: BTreeMap<String, String> = serde_json::from_slice(&bytes)?;
    Ok(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_does_not_stay_in_the_environment() {
        for (name, value) in [
            ("DATABASE_URL", "postgresql:///oddish"),
            ("ODDISH_SECRET_KEY", "x"),
            ("ODDISH_ATTEMPT_TOKEN", "x"),
            ("ANTHROPIC_API_KEY", "x"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"),
            ("HTTPS_PROXY", "http://me:word@proxy"),
        ] {
            assert!(is_secret(OsStr::new(name), OsStr::new(value)), "{name}");
        }
        for (name, value) in [("PATH", "/bin"), ("ODDISH_LOG", "info"), ("HTTPS_PROXY", "http://proxy")] {
            assert!(!is_secret(OsStr::new(name), OsStr::new(value)), "{name}");
        }
    }

    #[test]
    fn a_pipe_gives_once_what_was_put_into_it() {
        let long = "x".repeat(300_000);
        let variables = BTreeMap::from([("A".into(), "1".into()), ("B".into(), OsString::from(long))]);
        let descriptor = filled_pipe(&variables).unwrap();
        assert_eq!(read(descriptor).unwrap(), variables);
        assert!(read(descriptor).is_err());
    }
}
