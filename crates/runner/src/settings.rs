//! Settings of the runner.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oddish_artifacts::home::folder_or_below_home;
use oddish_domain::attempt_settings::{ATTEMPT, ATTEMPT_TOKEN, TRIAL_ID};
use oddish_domain::host_access::ALLOW_HOST_ACCESS;
use oddish_domain::settings::{Group, Reader, Setting};
use oddish_domain::task_toml::AGENT_TIMEOUT_SEC;
use uuid::Uuid;

use crate::confinement::ConfinementSettings;

/// Names the folder of the attempts' scratch folders.
pub const JOBS_DIR: Setting<Option<PathBuf>> = Setting::optional("ODDISH_HARBOR_JOBS_DIR").doc(
    "Folder for the files of running trials. Only this user may have write access. The folder of each attempt is deleted when the \
     attempt ends. Unset: harbor-jobs in ODDISH_HOME.",
);
const PYTHON: Setting<Option<PathBuf>> = Setting::optional("ODDISH_HARBOR_PYTHON")
    .doc("Python interpreter that has Harbor installed. Unset: the interpreter of the command `harbor` on PATH.");
const MIN_FREE_GB: Setting<u64> = Setting::new("ODDISH_MIN_FREE_GB", 5)
    .within(0, 1_000_000)
    .unit("GB")
    .doc("GB (10^9 bytes) that must be free in ODDISH_HARBOR_JOBS_DIR for a trial to start.");
const PASS_ENV: Setting<Vec<String>> = Setting::new("ODDISH_RUNNER_PASS_ENV", "").doc(
    "Further environment variables that Harbor and its agents receive, separated by commas. Provider and sandbox keys \
     with known names are always passed.",
);
const SILENCE: Setting<f64> = Setting::new("ODDISH_HARBOR_SILENCE_SEC", 60.0).within(5.0, 86_400.0).unit("seconds").doc(
    "Seconds without a sign of life of Harbor's event loop after which its trial is stopped: files that a sandbox leaves can \
     block it forever. Ten times as long while an environment starts or files are copied.",
);
const GRACE: Setting<f64> = Setting::new("ODDISH_TRIAL_GRACE_SEC", 1800.0).within(0.0, 31_536_000.0).unit("seconds").doc(
    "Seconds that each step of a trial may take in addition to the time-outs of its phases, for work that Harbor does not limit: \
     copying files, set-up of a step, removing containers. After it, the trial is stopped.",
);
const MAX_BYTES: Setting<u64> =
    Setting::new("ODDISH_TRIAL_MAX_BYTES", 5_000_000_000).within(1_000_000, 5_000_000_000_000).unit("bytes").doc(
        "Most bytes of files that are kept of one attempt; sparse files count with their full length. Files beyond it are left out \
         and listed in the trial's omitted.json. Results, logs and trajectories are kept first.",
    );
const MAX_FILES: Setting<usize> =
    Setting::new("ODDISH_TRIAL_MAX_FILES", 100_000).within(100, 10_000_000).unit("files").doc(
        "Most files that are kept of one attempt. Files beyond it are left out and listed in the trial's omitted.json.",
    );

/// What a runner is configured with.
#[derive(Clone, Debug)]
pub struct RunnerSettings {
    /// Folder of the attempts' scratch folders; absolute.
    pub jobs_dir: PathBuf,
    /// Harbor's interpreter, if it is not to be found through the `harbor` command.
    pub harbor_python: Option<PathBuf>,
    /// Seconds for an agent that nobody gave a time-out.
    pub default_agent_timeout_sec: f64,
    /// Bytes that must be free in `jobs_dir`.
    pub min_free_bytes: u64,
    /// Whether tasks and submissions may ask for access to this machine.
    pub allow_host_access: bool,
    /// Names of further variables that Harbor may see.
    pub pass_env: Vec<String>,
    /// How Harbor's process is confined.
    pub confinement: ConfinementSettings,
    /// How long Harbor may be silent.
    pub silence: Duration,
    /// How much longer than its time-outs each step of a trial may take.
    pub grace: Duration,
    /// What is kept of an attempt's files.
    pub tree_bounds: TreeBounds,
}

/// What is kept of an attempt's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeBounds {
    /// Most bytes of all of them together.
    pub bytes: u64,
    /// Most files.
    pub files: usize,
}

impl RunnerSettings {
    /// Their settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Running trials",
        read_by: "`oddish-runner`; `oddish-server` checks them when it starts",
        settings: &[
            &JOBS_DIR,
            &PYTHON,
            &AGENT_TIMEOUT_SEC,
            &SILENCE,
            &GRACE,
            &MAX_BYTES,
            &MAX_FILES,
            &MIN_FREE_GB,
            &PASS_ENV,
        ],
    };

    /// Reads [`Self::GROUP`], and whether access to this machine is allowed.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            jobs_dir: folder_or_below_home(reader, &JOBS_DIR, "harbor-jobs"),
            harbor_python: reader.get(&PYTHON).map(|python| absolute(&python)),
            default_agent_timeout_sec: reader.get(&AGENT_TIMEOUT_SEC),
            min_free_bytes: reader.get(&MIN_FREE_GB) * 1_000_000_000,
            allow_host_access: reader.get(&ALLOW_HOST_ACCESS),
            pass_env: reader.get(&PASS_ENV),
            confinement: ConfinementSettings::read(reader),
            silence: Duration::from_secs_f64(reader.get(&SILENCE)),
            grace: Duration::from_secs_f64(reader.get(&GRACE)),
            tree_bounds: TreeBounds { bytes: reader.get(&MAX_BYTES), files: reader.get(&MAX_FILES) },
        }
    }
}

/// Reads the trial's id and the number of the attempt, as the launcher says them.
pub fn read_attempt(reader: &mut Reader<'_>) -> (String, i32) {
    let trial_id = reader.get(&TRIAL_ID).unwrap_or_default();
    if trial_id.is_empty() {
        reader.reject(&TRIAL_ID, "must be the id of a trial");
    }
    let number: Option<i32> = reader.get(&ATTEMPT).and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    if number.is_none() {
        reader.reject(&ATTEMPT, "must be a whole number above 0");
    }
    (trial_id, number.unwrap_or_default())
}

/// Reads the attempt's fencing token, if the launcher says one.
pub fn read_token(reader: &mut Reader<'_>) -> Option<Uuid> {
    let token = reader.get(&ATTEMPT_TOKEN)?;
    token.parse().map_err(|error: uuid::Error| reader.reject(&ATTEMPT_TOKEN, error.to_string())).ok()
}

fn absolute(path: &Path) -> PathBuf {
    // Without a current folder there is nothing better than the path as given.
    if path.is_absolute() { path.to_path_buf() } else { env::current_dir().unwrap_or_default().join(path) }
}
