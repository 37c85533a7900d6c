//! What operators watch: log lines and metrics, in one form for all programs.
//!
//! [`start()`] is called once, when a program begins. After that lines are written with `tracing` ([`fields`] names what they
//! have in common), and metrics with [`metrics::Document`]. Must never depend on the database, HTTP or storage.

pub mod fields;
mod json_lines;
pub mod metrics;
pub mod outcomes;
mod settings;
mod start;

pub use json_lines::JsonLines;
pub use settings::{LogFormat, TelemetrySettings};
pub use start::{Output, logging, start};
