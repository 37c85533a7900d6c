//! Tests of the crate from outside, in one binary.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in what it calls")]

mod archive_accepted;
mod archive_bombs;
mod archive_refused;
mod bucket;
mod conformance;
mod conformance_urls;
mod file_pack;
mod fixture;
mod folder;
mod folder_server;
mod hash;
mod key;
mod log_text;
mod pack;
mod s3;
mod settings;
mod signing;
