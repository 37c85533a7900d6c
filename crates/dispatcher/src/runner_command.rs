//! How to start a runner.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// How to start a runner.
#[derive(Clone, Debug)]
pub struct RunnerCommand {
    /// The `oddish-runner` binary.
    pub program: PathBuf,
    /// Its whole environment, to which the attempt is added.
    pub environment: BTreeMap<OsString, OsString>,
    /// Most runners at once.
    pub max_runners: u32,
}
