//! Postgres: all SQL of the system, one module for each aggregate or deed, one named query for each function.
//!
//! | Room | Purpose |
//! |---|---|
//! | [`Db`], [`Tx`] | pool and transaction: every statement runs on one of them (`database.rs`); `direct.rs` lists what needs a session |
//! | [`schema`] | migrations |
//! | [`queue`] | claims; jobs, leases, limits, breakers, waking, why jobs wait, what operators look at |
//! | [`attempts`] | what a runner writes through its fencing token, and what follows for the trial |
//! | [`judging`] | analyses, verdicts, and the stages of a task |
//! | `changes/` | what users do: upload, submit, import, cancel, retry, share, delete |
//! | `reading/` | what endpoints show: lists, counts, files |
//! | [`api_keys`] | who may call |
//! | [`secret_fingerprint`] | which secret the programs of a deployment share |
//!
//! Rules: every name is qualified with its schema and nothing relies on session state, so that a pooler in transaction mode may sit in
//! between; the current time is a parameter; a transition names the states that it comes from; invariants are constraints
//! (`docs/schema.md`). This crate must never depend on HTTP, storage or processes.

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
    dashboard, experiment_summaries, paging, task_browsing, task_files, task_versions, tasks, trial_artifacts,
    trial_selection, trials,
};
