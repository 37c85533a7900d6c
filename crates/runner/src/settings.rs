//! What a runner is configured with.

use std::env;
use std::path::{Path, PathBuf};

use oddish_domain::settings::{Reader, Variable};

/// What the launcher says. These are no settings: a person has no reason to set them.
pub const ATTEMPT_VARIABLES: &[Variable] = &[
    Variable { name: "ODDISH_TRIAL_ID", default: "", secret: false, doc: "The trial." },
    Variable { name: "ODDISH_ATTEMPT", default: "", secret: false, doc: "Number of the attempt, from 1." },
    Variable {
        name: "ODDISH_ATTEMPT_TOKEN",
        default: "",
        secret: false,
        doc: "Fencing token of the attempt; `clean-up` needs none.",
    },
];

/// The variables that [`RunnerSettings`] reads.
pub const RUNNER_VARIABLES: &[Variable] = &[
    Variable {
        name: "ODDISH_HARBOR_JOBS_DIR",
        default: "/tmp/harbor-jobs",
        secret: false,
        doc: "Folder for what running trials need on the disk. Each attempt's own folder in it goes when the attempt ends.",
    },
    Variable {
        name: "ODDISH_HARBOR_PYTHON",
        default: "",
        secret: false,
        doc: "Python interpreter that has Harbor installed. Unset: the one that the `harbor` command on the PATH uses.",
    },
    Variable {
        name: "ODDISH_DEFAULT_AGENT_TIMEOUT_SEC",
        default: "3600",
        secret: false,
        doc: "Seconds that an agent may take where neither the task nor the submission says so; Harbor would set no limit.",
    },
    Variable {
        name: "ODDISH_MIN_FREE_GB",
        default: "5",
        secret: false,
        doc: "GB (10^9 bytes) that must be free in ODDISH_HARBOR_JOBS_DIR for a trial to start.",
    },
    Variable {
        name: "ODDISH_RUNNER_PASS_ENV",
        default: "",
        secret: false,
        doc: "More environment variables that Harbor and its agents may see, separated by commas. Provider and sandbox keys \
              of the usual names are passed anyway.",
    },
];

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
    /// Names of further variables that Harbor may see.
    pub pass_env: Vec<String>,
}

impl RunnerSettings {
    /// Reads [`RUNNER_VARIABLES`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let default_agent_timeout_sec = reader.within("ODDISH_DEFAULT_AGENT_TIMEOUT_SEC", 3600.0, 1.0..=31_536_000.0);
        let min_free_gb: u64 = reader.within("ODDISH_MIN_FREE_GB", 5, 0..=1_000_000);
        let python = reader.text("ODDISH_HARBOR_PYTHON", "");
        Self {
            jobs_dir: absolute(&reader.text("ODDISH_HARBOR_JOBS_DIR", "/tmp/harbor-jobs")),
            harbor_python: (!python.is_empty()).then(|| absolute(&python)),
            default_agent_timeout_sec,
            min_free_bytes: min_free_gb * 1_000_000_000,
            pass_env: reader
                .text("ODDISH_RUNNER_PASS_ENV", "")
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }
}

fn absolute(path: &str) -> PathBuf {
    let path = Path::new(path);
    // Without a current folder there is nothing better than the path as given.
    if path.is_absolute() { path.to_path_buf() } else { env::current_dir().unwrap_or_default().join(path) }
}
