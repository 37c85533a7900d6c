//! The commands, each in a folder of its own with its arguments. What several commands need lies above.

pub(crate) mod compare;
pub(crate) mod fail_under;
pub(crate) mod results;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod watch;
