//! Faults of host access, with their texts.

use thiserror::Error;

/// One thing that reaches beyond the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}{}: {key} {problem}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct HostAccess {
    /// The file that asks for it, relative to the task.
    pub path: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// Its place in the file, such as `services.main.privileged`.
    pub key: String,
    /// What is wrong with it; reads on from the place.
    pub problem: String,
}

/// A task that asks for access to the machine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "The task asks for access to the machine that runs its trials. {}. Change it, or, where all who submit are trusted with that machine, \
     set ODDISH_ALLOW_HOST_ACCESS=true",
    .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
)]
pub struct HostAccessRefused(pub Vec<HostAccess>);
