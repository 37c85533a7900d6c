//! The rules of Oddish, and nothing else: ids and names, statuses and their transitions, queue keys, the agents and
//! environments of Harbor, sweep expansion, task checks, failures and retries, concurrency limits, statistics, the sealing
//! of secrets, and the reading of settings.
//!
//! Every function here is a pure function of its arguments (ids, generated names and nonces also draw on the
//! operating system's random source). This crate must never depend on an async runtime, a database, HTTP, or the file system.

pub mod agent;
pub mod agent_env;
pub mod api_key;
pub mod attempt_settings;
pub mod breaker;
pub mod client_settings;
pub mod database_url;
pub mod environment;
pub mod experiment;
pub mod failure;
pub mod harbor_settings;
pub mod host_access;
pub mod id;
pub mod label;
pub mod limits;
mod model;
pub mod omitted_files;
pub mod queue_key;
pub mod random;
pub mod retry;
pub mod sealing;
pub mod settings;
pub mod share_token;
pub mod statistics;
pub mod status;
pub mod sweep;
pub mod task_toml;
pub mod whole;
