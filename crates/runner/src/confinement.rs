//! Confining Harbor's process.
//!
//! Harbor's Python opens files by names that the sandbox chooses: a link in the trial's folder may lead anywhere. So Harbor runs with less
//! than the runner may do. [`Way`] says by what means: Landlock, by which the kernel refuses every file but those of a list, or a user
//! id of its own. The runner makes a [`Plan`] and starts itself as `oddish-runner confine`, which has one thread, gives up what the plan
//! does not allow ([`confined`]) and then becomes Harbor's interpreter.

pub mod confined;
mod copying;
pub mod docker_config;
pub mod home;
mod kernel;
pub mod launch;
pub mod readable;
pub mod user_ids;

use std::path::PathBuf;

use oddish_domain::settings::{Choice, Group, Reader, Setting};
use serde::{Deserialize, Serialize};

const MODE: Setting<Mode> = Setting::new("ODDISH_CONFINEMENT", Mode::Auto).doc(
    "How Harbor's process is kept from the runner's files: `landlock`, by the kernel (Linux 6.2 or newer); `uid`, by a user id of its own, \
     which needs a runner that is root or may change its user; `auto`, the first of these that works on this machine; `off`, not at all. The \
     runner refuses trials where it can't do what is set.",
);
const READ: Setting<Vec<String>> = Setting::new("ODDISH_CONFINEMENT_READ", "").doc(
    "Further files and folders that Harbor's confined process may read, separated by commas, such as `~/.modal.toml`. Paths below the \
     home folder appear at the same place below Harbor's own home folder.",
);
const MEMORY_MB: Setting<u64> = Setting::new("ODDISH_HARBOR_MEMORY_MB", 4096)
    .within(256, 16_000_000)
    .unit("MiB")
    .doc("Most memory of Harbor's process and of each program that it starts (RLIMIT_DATA). Sandboxes have their own limits.");

/// What is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The first way that works.
    #[default]
    Auto,
    /// By Landlock or not at all.
    Landlock,
    /// By a user id or not at all.
    Uid,
    /// Not at all, though it could be.
    Off,
}

impl Choice for Mode {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("landlock", Self::Landlock), ("uid", Self::Uid), ("off", Self::Off)];
}

/// How Harbor's process is kept from the runner's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The kernel refuses all files that are not listed.
    Landlock,
    /// It is another user.
    Uid,
    /// It is not.
    Off,
}

/// Harbor cannot be confined as it is set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unconfinable {
    /// Landlock is asked for.
    #[error(
        "ODDISH_CONFINEMENT=landlock, and this kernel has no Landlock of Linux 6.2 or newer; with ODDISH_CONFINEMENT=off trials run unconfined"
    )]
    NoLandlock,
    /// A user id is asked for.
    #[error(
        "ODDISH_CONFINEMENT=uid, and this process may not change its user; start it as root, or with ODDISH_CONFINEMENT=off trials run unconfined"
    )]
    NoUid,
    /// Neither works.
    #[error(
        "Harbor cannot be kept from this machine's files: the kernel has no Landlock of Linux 6.2 or newer, and this process may not change its \
         user; start it as root, or set ODDISH_CONFINEMENT=off to run trials unconfined, where you trust every agent and task as yourself"
    )]
    Neither,
}

/// Becomes another user for good, and keeps what it takes to run Harbor as a third one where Harbor is confined so.
pub fn take_user(user: u32, group: u32, groups: &[u32], mode: Mode) -> std::io::Result<()> {
    let by_uid = mode == Mode::Uid || (mode == Mode::Auto && !kernel::has_landlock());
    kernel::take_user(user, group, groups, by_uid)
}

impl Mode {
    /// The mode that a word of the setting names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word.trim()).map(|(_, mode)| *mode)
    }

    /// The way to go here.
    pub fn way(self) -> Result<Way, Unconfinable> {
        let by_landlock = matches!(self, Self::Auto | Self::Landlock) && kernel::has_landlock();
        let by_user = matches!(self, Self::Auto | Self::Uid) && kernel::may_change_user();
        match self {
            Self::Off => Ok(Way::Off),
            _ if by_landlock => Ok(Way::Landlock),
            _ if by_user => Ok(Way::Uid),
            Self::Landlock => Err(Unconfinable::NoLandlock),
            Self::Uid => Err(Unconfinable::NoUid),
            Self::Auto => Err(Unconfinable::Neither),
        }
    }
}

/// What a runner is told of confinement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfinementSettings {
    /// How.
    pub mode: Mode,
    /// What else Harbor may read.
    pub read: Vec<String>,
    /// Most memory of a process, in bytes.
    pub memory_bytes: u64,
}

impl ConfinementSettings {
    /// Their settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Confining Harbor",
        read_by: "`oddish-runner`; `oddish-server` checks them when it starts",
        settings: &[&MODE, &READ, &MEMORY_MB],
    };

    /// Reads [`Self::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self { mode: reader.get(&MODE), read: reader.get(&READ), memory_bytes: reader.get(&MEMORY_MB) << 20 }
    }
}

/// What `oddish-runner confine` gives up before it becomes another program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// How it is confined.
    pub way: Way,
    /// Files and folders that it may read; those that are not there are passed over.
    pub read: Vec<PathBuf>,
    /// Folders in which it may do everything.
    pub write: Vec<PathBuf>,
    /// The user that it becomes, and the groups that it is in besides its own, which has the user's number.
    pub user: Option<(u32, Vec<u32>)>,
    /// Most memory, in bytes.
    pub memory_bytes: u64,
}
