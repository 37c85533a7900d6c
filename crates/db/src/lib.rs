//! Postgres: all SQL of the system, one module per aggregate, one named query per function.
//!
//! What is where: [`queue`] claims jobs, [`attempts`] is what a runner writes through its fencing token, [`leases`] tells which runners live,
//! [`cancelling`], [`retrying`], [`rejudging`] and [`deleting`] are what users do to trials ([`trial_selection`] says which),
//! [`trials`], [`tasks`], [`experiments`], [`task_versions`] and [`uploads`] are what the endpoints read and write, [`queue_keys`] holds the
//! limits, [`waiting`] says why trials wait, [`task_files`] and [`trial_artifacts`] say where files are, [`imports`] brings trials that ran elsewhere, [`stuck`] is what operators look at, [`idempotency`] keeps repeated requests from doing anything twice, [`wake`] tells dispatchers that there is work, [`schema`] migrates.
//! limits, [`sharing`] lets others look at an experiment, [`waiting`] says why trials wait, [`stuck`] is what operators look at, [`queue_metrics`] what is measured, [`idempotency`] keeps repeated requests from doing anything twice, [`wake`] tells dispatchers that there is work, [`schema`] migrates.
//!
//! Rules: every name is qualified with its schema and nothing relies on session state, so that a transaction-pooling proxy may sit in
//! between; the current time is a parameter; a transition names the states that it comes from; invariants are constraints
//! (`migrations/`). Must never depend on HTTP, storage or processes.

pub mod api_keys;
pub mod attempts;
mod breakers;
pub mod cancelling;
mod connection;
pub mod dashboard;
pub mod deleting;
pub mod dispatcher_call;
mod error;
pub mod experiment_summaries;
pub mod experiments;
pub mod idempotency;
pub mod imports;
pub mod judging;
pub mod leases;
pub mod paging;
pub mod queue;
pub mod queue_keys;
pub mod queue_metrics;
pub mod rejudging;
pub mod retrying;
pub mod runner_tasks;
pub mod schema;
pub mod sharing;
mod stages;
mod statements;
pub mod stuck;
pub mod sweeps;
mod tallies;
pub mod task_browsing;
pub mod task_files;
pub mod task_versions;
pub mod tasks;
pub mod trial_artifacts;
pub mod trial_selection;
pub mod trials;
pub mod uploads;
pub mod waiting;
pub mod wake;

pub use connection::{ConnectError, DATABASE_URL, DatabaseSettings, DatabaseUrl, NoDatabase, connect, connect_lazy};
pub use error::DbError;
pub use sqlx::PgPool;
