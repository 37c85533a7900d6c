#![doc = include_str!("../README.md")]

pub mod fields;
mod json_lines;
pub mod metrics;
pub mod outcomes;
mod settings;
mod start;

pub use json_lines::JsonLines;
pub use settings::{LogFormat, TelemetrySettings};
pub use start::{Output, logging, start};
