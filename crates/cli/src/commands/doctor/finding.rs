//! What a check found.

use serde::Serialize;

/// One thing that was looked at, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) state: State,
    pub(super) found: String,
    /// What to do, mostly a command; null where there is nothing to do.
    pub(super) mend: Option<String>,
}

/// How it is with what was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ok,
    /// Runs are possible, and something may not be as it should.
    Warning,
    /// Runs need it, and it is not there.
    Missing,
    /// Trials do without it.
    NotNeeded,
}

impl Finding {
    pub(super) fn new(check: &'static str, state: State, found: impl Into<String>) -> Self {
        Self { check, state, found: found.into(), mend: None }
    }

    pub(super) fn mended_by(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }
}
