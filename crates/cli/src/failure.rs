//! Why a command stops, and the exit status that goes with it.

use crate::exit_status::ExitStatus;

/// Why a command stops. The texts are already safe to print.
#[derive(Debug)]
pub(crate) struct Failure {
    faults: Vec<String>,
    hint: Option<String>,
    status: ExitStatus,
}

impl Failure {
    /// One fault, exit status 1.
    pub(crate) fn new(fault: impl Into<String>) -> Self {
        Self::all(vec![fault.into()])
    }

    /// Several faults, one line each, exit status 1.
    pub(crate) fn all(faults: Vec<String>) -> Self {
        Self { faults, hint: None, status: ExitStatus::Failure }
    }

    /// A command line or an environment that makes no sense, exit status 2.
    pub(crate) fn usage(fault: impl Into<String>) -> Self {
        Self { status: ExitStatus::Usage, ..Self::new(fault) }
    }

    /// Adds a line that says what to do next.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Nobody reads stdout any more (`| head`): there is nothing to say and nobody to say it to.
    pub(crate) fn stdout_closed() -> Self {
        Self { faults: Vec::new(), hint: None, status: ExitStatus::Success }
    }

    /// What happened, one line each.
    pub(crate) fn faults(&self) -> &[String] {
        &self.faults
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What the process exits with.
    pub(crate) fn status(&self) -> ExitStatus {
        self.status
    }
}
