#![doc = include_str!("../README.md")]

pub mod admin;
pub mod answer;
pub mod api_keys;
pub mod caller;
mod cancelling;
pub mod capabilities;
pub mod dashboard;
mod deleting;
mod error;
pub mod experiments;
mod fields;
pub mod health;
pub mod idempotency;
pub mod imports;
pub mod judging;
mod library;
mod listing;
mod naming;
pub mod paging;
pub mod public;
pub mod queues;
pub mod results;
mod submission;
pub mod sweeps;
pub mod tasks;
pub mod trials;
pub mod uploads;

pub use error::{Error, InvalidField};
pub use library::{Oddish, OpenError, Settings};
#[cfg(feature = "worker")]
pub use library::{RunnerMissing, Worker, WorkerBroke, WorkerSettings};
pub use oddish_api_types as schemas;
pub use oddish_db::{self as db, Db, DbError};
pub use submission::Submission;
