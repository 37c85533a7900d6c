//! How many runners, and of which program.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use oddish_domain::settings::{Choice, Group, Reader, Setting};

use crate::RunnerCommand;

/// Name of the runner's program.
const PROGRAM: &str = "oddish-runner";

pub(crate) const LAUNCHER: Setting<LauncherKind> = Setting::new("ODDISH_LAUNCHER", LauncherKind::Process)
    .doc("Where the function `dispatch` starts runners: `process`, as its own child processes, or `ecs`.");
const MAX_RUNNERS: Setting<u32> = Setting::new("ODDISH_MAX_RUNNERS", 32)
    .within(1, 10_000)
    .unit("runners")
    .doc("Most trials that run on this machine at the same time, over all models. Each takes 200 to 300 MB in addition to its containers.");
const RUNNER: Setting<Option<PathBuf>> = Setting::optional("ODDISH_RUNNER")
    .doc("Path of the program oddish-runner. Unset: the one in the folder of the program that starts it, or else the one on PATH.");

/// Where runners are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LauncherKind {
    /// As child processes.
    Process,
    /// As tasks of ECS.
    Ecs,
}

impl Choice for LauncherKind {
    const WORDS: &'static [(&'static str, Self)] = &[("process", Self::Process), ("ecs", Self::Ecs)];
}

impl LauncherKind {
    /// Reads `ODDISH_LAUNCHER`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        reader.get(&LAUNCHER)
    }
}

/// How many runners, and of which program.
#[derive(Clone, Debug)]
pub struct LauncherSettings {
    /// Most runners at once.
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
        "found no oddish-runner in the folder of this program or on PATH: build it with `cargo build -p oddish-runner`, or name it in \
         ODDISH_RUNNER"
    )]
    NotFound,
}

impl LauncherSettings {
    /// Their settings and that of [`LauncherKind`], for the documents.
    pub const GROUP: Group = Group {
        title: "Starting runners",
        read_by: "`oddish-server`, `dispatch`, the library",
        settings: &[&LAUNCHER, &MAX_RUNNERS, &RUNNER],
    };

    /// Reads the settings of [`Self::GROUP`] that hold for runners as processes.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self { max_runners: reader.get(&MAX_RUNNERS), runner: reader.get(&RUNNER) }
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
