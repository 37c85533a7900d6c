//! The endpoints over a real Postgres and a folder store. `cargo xtask test` starts the Postgres and sets `DATABASE_URL`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod admin;
mod agent_env;
mod answers;
mod api;
mod api_keys;
mod auth;
mod bodies;
mod cancel;
mod deleting;
#[path = "../../../crates/telemetry/tests/it/emf.rs"]
mod emf;
mod hostile;
mod idempotency;
mod imports;
mod judging;
mod kept_log;
mod lambda_events;
mod lists;
mod logs;
mod migrate;
mod names;
mod not_found;
mod observability;
mod openapi;
mod permissions;
mod public;
mod queues;
mod retry;
mod routes;
mod sharing;
mod stages;
mod sweeps;
mod task_files;
mod tasks;
mod template;
mod trial_files;
mod trials;
mod uploads;
mod versions;
mod watched_store;
