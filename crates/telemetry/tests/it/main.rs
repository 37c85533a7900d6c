//! Log lines and metrics as they are written.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lines;
mod metrics;
