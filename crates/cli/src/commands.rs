//! The commands, each in a folder of its own with its arguments. What several commands need lies above.

pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod clean;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod delete;
pub(crate) mod doctor;
pub(crate) mod experiments;
pub(crate) mod fail_under;
pub(crate) mod keys;
pub(crate) mod logs;
pub(crate) mod open;
pub(crate) mod queues;
pub(crate) mod results;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod watch;
