//! The services of Oddish: what may be done with tasks, trials, experiments, queues and keys.
//!
//! An HTTP handler, a page, a command of the server and a program that links this crate call the same functions, so each rule is written
//! once. A service takes typed input, the current time and the capabilities that it needs ([`capabilities`]) as parameters, and returns a
//! value of `oddish-api-types` or an [`Error`]. It knows neither HTTP nor Lambda.

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
mod listing;
pub mod paging;
pub mod public;
pub mod queues;
mod submission;
pub mod sweeps;
pub mod tasks;
pub mod trials;
pub mod uploads;

pub use error::{Error, InvalidField};
pub use oddish_db::Db;
pub use submission::Submission;
