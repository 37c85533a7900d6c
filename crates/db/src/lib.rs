#![doc = include_str!("../README.md")]

pub mod api_keys;
pub mod attempts;
mod changes;
mod connection;
mod database;
mod direct;
mod error;
pub mod judging;
pub mod queue;
mod reading;
pub mod schema;
pub mod secret_fingerprint;
mod word;

pub use changes::{cancelling, deleting, experiments, idempotency, imports, retrying, sharing, sweeps, uploads};
pub use connection::{ConnectError, DATABASE_URL, DatabaseSettings, DatabaseUrl, NoDatabase, connect, connect_lazy};
pub use database::{Db, Tx};
pub use error::DbError;
pub use judging::rejudging;
pub(crate) use judging::stages;
pub(crate) use queue::breakers;
pub use queue::jobs::{self, AttemptRef};
pub use queue::{dispatcher_call, leases, queue_keys, queue_metrics, runner_tasks, stuck, waiting, wake};
pub use reading::tallies::{self, Tally};
pub use reading::{
    dashboard, data_version, experiment_summaries, paging, task_browsing, task_files, task_versions, tasks,
    trial_artifacts, trial_changes, trial_outcomes, trial_selection, trials,
};
