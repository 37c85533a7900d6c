//! The services as a program calls them, without HTTP. `cargo xtask test` starts the Postgres and sets `DATABASE_URL`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod submitting;
