//! Starting Harbor's process as it is to be confined.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use oddish_artifacts::own_folder;
use tokio::process::Command;

use super::docker_config::DockerConfig;
use super::home::{HarborHome, expanded, hand_over};
use super::readable::readable;
use super::user_ids::UserId;
use super::{ConfinementSettings, Plan, Unconfinable, Way};
use crate::attempt::Scratch;
use crate::driver_environment::{driver_environment, is_from_the_start};
use crate::harbor_process::{DRIVER, HarborProcess, Surroundings};

/// The daemon's socket, where no variable names another.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// What is started, and with what.
#[derive(Debug)]
pub struct Launch<'a> {
    /// `oddish-runner`, which confines itself and becomes Harbor's interpreter.
    pub program: &'a Path,
    /// Harbor's interpreter.
    pub python: &'a Path,
    /// How it is confined.
    pub settings: &'a ConfinementSettings,
    /// The runner's own variables.
    pub variables: &'a [(OsString, OsString)],
    /// Names of further variables among them that Harbor may see.
    pub pass_env: &'a [String],
}

/// Harbor's process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// It cannot be confined.
    #[error(transparent)]
    Unconfinable(#[from] Unconfinable),
    /// There is no such interpreter.
    #[error("Harbor's interpreter `{}` is not there or cannot be executed", .0.display())]
    NoInterpreter(PathBuf),
    /// A file or the process failed.
    #[error("cannot start Harbor's interpreter `{}` in `{}`", python.display(), folder.display())]
    System {
        /// The interpreter.
        python: PathBuf,
        /// The attempt's folder.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Launch<'_> {
    /// Starts it in the attempt's folder, which is made. It imports Harbor and waits for [`HarborProcess::begin`].
    pub fn start(&self, scratch: &Scratch) -> Result<HarborProcess, LaunchError> {
        let way = self.settings.mode.way()?;
        let is_there = fs::metadata(self.python).is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0);
        if !is_there {
            return Err(LaunchError::NoInterpreter(self.python.to_path_buf()));
        }
        self.spawn(way, scratch).map_err(|source| LaunchError::System {
            python: self.python.to_path_buf(),
            folder: scratch.root().to_path_buf(),
            source,
        })
    }

    fn spawn(&self, way: Way, scratch: &Scratch) -> io::Result<HarborProcess> {
        let passed = driver_environment(self.variables.iter().cloned(), self.pass_env);
        // Harbor may be another user, who has to get through to the attempt's folder.
        own_folder::make_passable(scratch.root().parent().unwrap_or(scratch.root())).map_err(io::Error::other)?;
        let home = HarborHome::make(scratch)?;
        let docker = DockerConfig::find(&passed);
        let user_home = variable(&passed, "HOME").map(PathBuf::from).unwrap_or_default();
        let more: Vec<PathBuf> = self.settings.read.iter().map(|path| expanded(path, &user_home)).collect();
        let mut plan = Plan {
            way,
            read: Vec::new(),
            write: vec![scratch.root().to_path_buf()],
            user: None,
            memory_bytes: self.settings.memory_bytes,
        };
        let mut user = None;
        let own = match way {
            Way::Landlock => {
                plan.read = readable(self.python, &passed, &docker);
                plan.read.extend(more.iter().cloned());
                home.link(&more, &user_home)?;
                home.furnish(&docker)?
            }
            Way::Uid => {
                let taken = UserId::take(scratch.root().parent().unwrap_or(scratch.root()))?;
                plan.user = Some((taken.id(), docker_group(&passed).into_iter().collect()));
                home.copy(&more, &user_home)?;
                let own = home.furnish(&docker)?;
                hand_over(scratch.root(), taken.id())?;
                user = Some(taken);
                own
            }
            Way::Off => BTreeMap::from([("TMPDIR".into(), home.temporary().into())]),
        };
        let mut environment: BTreeMap<OsString, OsString> = passed.into_iter().collect();
        environment.extend(own);
        let (from_the_start, later) = split(environment);
        let mut command = Command::new(self.program);
        command
            .arg("confine")
            .arg(serde_json::to_string(&plan)?)
            .arg("--")
            .arg(self.python)
            // Without -P Python would also import modules from the folder that it works in.
            .args(["-P", "-c", DRIVER])
            .env_clear()
            .envs(from_the_start);
        HarborProcess::spawn(command, later, Surroundings { home, _user: user })
    }
}

/// What Harbor's interpreter starts with, and what it is told later: all that may be secret and is text.
fn split(environment: BTreeMap<OsString, OsString>) -> (BTreeMap<OsString, OsString>, BTreeMap<String, String>) {
    let mut from_the_start = BTreeMap::new();
    let mut later = BTreeMap::new();
    for (name, value) in environment {
        match (name.to_str(), value.to_str()) {
            (Some(name), Some(value)) if !is_from_the_start(name) => {
                later.insert(name.to_owned(), value.to_owned());
            }
            _ => {
                from_the_start.insert(name, value);
            }
        }
    }
    (from_the_start, later)
}

fn variable<'a>(variables: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    variables.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_os_str())
}

/// The group that may use Docker's socket.
fn docker_group(variables: &[(OsString, OsString)]) -> Option<u32> {
    let named = variable(variables, "DOCKER_HOST").and_then(OsStr::to_str).filter(|host| !host.is_empty());
    let socket = named.map_or(Some(DOCKER_SOCKET), |host| host.strip_prefix("unix://"))?;
    fs::metadata(socket).ok().map(|socket| socket.gid())
}
