//! The dispatcher on a real Postgres, with runners that do as they are told. `cargo xtask test` starts the Postgres and sets
//! `DATABASE_URL`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod chaos;
mod conformance;
mod ecs;
mod fake_ecs;
mod metrics;
mod passes;
mod processes;
mod queue;
mod scripted;
