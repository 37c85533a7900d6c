//! The whole system from outside: the real programs, a real Postgres, real Harbor and Docker.
//!
//! `cargo xtask test` builds the programs and sets `DATABASE_URL`, `ODDISH_HARBOR_PYTHON`, `SCHEMATHESIS`, the names of
//! the images that it has built, and a `PATH` with Docker.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod administration;
mod bad_input;
mod browsers;
mod caller;
mod cancel;
mod compose;
mod connections;
mod database;
mod deaths;
mod deleting;
mod dispatchers;
mod ended_trials;
mod fargate;
mod folders;
mod full_streams;
mod functions;
mod fuzzed;
mod images;
mod keys;
mod kills;
mod leftovers;
mod live_view;
mod many_tasks;
mod memory;
mod moto;
mod outage;
mod outcomes;
mod own_postgres;
mod private_postgres;
mod replay;
mod same_tasks;
mod secrets;
mod stack;
mod stage;
mod stand_in;
mod terminal;
