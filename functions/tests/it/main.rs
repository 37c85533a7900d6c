//! The endpoints over a real Postgres and a folder store. `cargo xtask test` starts the Postgres and sets `DATABASE_URL`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod admin;
mod agent_env;
mod answers;
mod api;
mod api_keys;
mod auth;
mod cancel;
mod idempotency;
mod lambda_events;
mod lists;
mod openapi;
mod queues;
mod retry;
mod routes;
mod stages;
mod sweeps;
mod tasks;
mod trials;
mod uploads;
