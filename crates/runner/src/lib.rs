//! Runs one attempt of a trial with Harbor and records what came of it.
//!
//! [`run::run`] begins the attempt, fetches the task, lets Harbor's own interpreter run the trial through a small
//! driver ([`harbor_process`]), streams stages and logs while it runs, uploads the trial's folder and records the
//! outcome. [`clean_up::clean_up`] removes what a killed attempt left behind. The crate must never depend on the
//! endpoints, the dispatcher or the client: it is told which attempt to run, and nothing else.

pub mod attempt;
pub mod clean_up;
mod closing;
pub mod confinement;
mod contact;
pub mod container;
pub mod docker;
pub mod driver_environment;
mod error_message;
mod following;
mod foreign_json;
pub mod harbor_config;
pub mod harbor_process;
pub mod harbor_python;
pub mod harbor_result;
pub mod host_access;
mod identity;
mod json_values;
mod left_tree;
pub mod live_log;
mod preparation;
pub mod redaction;
pub mod run;
mod running;
mod scrubbed_file;
pub mod secrets;
pub mod settings;
mod stop_signal;
mod tail;
pub mod task_folder;
pub mod time_limit;
mod trial_tree;
pub mod upload;
mod watch;
