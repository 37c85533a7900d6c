//! How many runners, and of which program.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use oddish_domain::settings::{Reader, Variable};

use crate::RunnerCommand;

const LAUNCHER: &str = "ODDISH_LAUNCHER";
const MAX_RUNNERS: &str = "ODDISH_MAX_RUNNERS";
const RUNNER: &str = "ODDISH_RUNNER";
const PROGRAM: &str = "oddish-runner";

/// The variables that [`LauncherKind`] and [`LauncherSettings`] read.
pub const LAUNCHER_VARIABLES: &[Variable] = &[
    Variable {
        name: LAUNCHER,
        default: "process",
        secret: false,
        doc: "Where the function `dispatch` starts runners: `process`, as its own child processes, or `ecs`.",
    },
    Variable {
        name: MAX_RUNNERS,
        default: "32",
        secret: false,
        doc: "Trials at once on this machine, over all models; each takes 200 to 300 MB beside its containers.",
    },
    Variable {
        name: RUNNER,
        default: "",
        secret: false,
        doc: "The oddish-runner program. Unset: the one beside the program that starts it, else the one on PATH.",
    },
];

/// Where runners are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LauncherKind {
    /// As child processes.
    Process,
    /// As tasks of ECS.
    Ecs,
}

impl LauncherKind {
    /// Reads `ODDISH_LAUNCHER`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        match reader.text(LAUNCHER, "process").as_str() {
            "process" => Self::Process,
            "ecs" => Self::Ecs,
            _ => {
                reader.reject(LAUNCHER, "must be `process` or `ecs`");
                Self::Process
            }
        }
    }
}

/// How many runners, and of which program.
#[derive(Clone, Debug)]
pub struct LauncherSettings {
    /// Runners at once, at the most.
    pub max_runners: u32,
    /// The program, if one is named.
    pub runner: Option<PathBuf>,
}

/// There is no runner to start.
#[derive(Debug, thiserror::Error)]
pub enum RunnerMissing {
    /// The one that was named is not there.
    #[error("ODDISH_RUNNER names {}, which is not a file", .0.display())]
    Named(PathBuf),
    /// None was named, and none was found.
    #[error(
        "found no oddish-runner beside this program or on PATH: build it with `cargo build -p oddish-runner`, or name it in \
         ODDISH_RUNNER"
    )]
    NotFound,
}

impl LauncherSettings {
    /// Reads [`LAUNCHER_VARIABLES`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self { max_runners: reader.within(MAX_RUNNERS, 32, 1..=10_000), runner: reader.optional(RUNNER) }
    }

    /// How to start a runner that sees the variables of `environment` and no others.
    pub fn command(&self, environment: BTreeMap<OsString, OsString>) -> Result<RunnerCommand, RunnerMissing> {
        let program = match &self.runner {
            Some(named) if named.is_file() => named.clone(),
            Some(named) => return Err(RunnerMissing::Named(named.clone())),
            None => find(&environment).ok_or(RunnerMissing::NotFound)?,
        };
        Ok(RunnerCommand { program, environment, max_runners: self.max_runners })
    }
}

fn find(environment: &BTreeMap<OsString, OsString>) -> Option<PathBuf> {
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(|own| own.parent()).map(|folder| folder.join(PROGRAM));
    let path = environment.get(&OsString::from("PATH"));
    let on_path = path.into_iter().flat_map(|path| std::env::split_paths(path)).map(|folder| folder.join(PROGRAM));
    beside.into_iter().chain(on_path).find(|candidate| candidate.is_file())
}
