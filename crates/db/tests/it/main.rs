//! The queries against a real Postgres. `cargo xtask test` starts one and sets `DATABASE_URL`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod attempts;
mod breakers;
mod browsing;
mod cancelling;
mod claims;
mod connection;
mod deleting;
mod fairness;
mod idempotency;
mod leases;
mod limits;
mod model;
mod operations;
mod poolers;
mod queue_metrics;
mod races;
mod schema;
mod secret_fingerprint;
mod soak;
mod stages;
mod sweeps;
mod tallies;
mod tasks;
mod uploads;
mod waiting;
mod words;
