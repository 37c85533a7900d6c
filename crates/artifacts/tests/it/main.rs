//! Tests of the crate from outside, in one binary.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in what it calls")]

mod archive_accepted;
mod archive_refused;
mod conformance;
mod fixture;
mod folder;
mod hash;
mod key;
mod log_text;
mod pack;
mod settings;
