//! The endpoints over a real Postgres and a folder store. `cargo xtask test` starts the Postgres and sets `DATABASE_URL`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod admin;
mod api_keys;
mod dashboard;
mod deleting;
mod docs;
mod experiments;
mod health;
mod http;
mod lambda;
mod public;
mod queues;
mod shapes;
mod tasks;
mod trials;
