//! The `oddish` binary as a user meets it, against the real endpoints, and against servers that answer what the test says.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_raw_string_hashes, reason = "snapshots are rewritten in this form")]

mod administration;
mod answers;
mod binary;
mod cancelling;
mod deleting;
mod doctor;
mod harbor_jobs;
mod help;
mod hostile_text;
mod local_commands;
mod logs;
mod naming;
mod operations;
mod refusals;
mod retrying;
mod schemas;
mod served;
mod servers;
mod statistics;
mod status;
mod submission;
mod sweep_files;
mod uploads;
mod usage;
mod watching;
mod watching_experiments;
