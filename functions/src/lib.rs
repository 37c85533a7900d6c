//! HTTP and Lambda: every endpoint is a small handler over the services of the crate `oddish`.
//!
//! [`endpoints`] is the one list of endpoints. A handler's signature says who may call it ([`auth::Authed`]) and what it works with
//! ([`state`]); it calls one service and answers with a type of `oddish-api-types`. [`lambda`] has the programs that Lambda runs, and the
//! local server runs [`router::router`]. Handlers must never depend on the dispatcher, and nothing here on the runner.

pub mod admin;
pub mod answer;
pub mod api_keys;
pub mod auth;
pub mod browsers;
pub mod capabilities;
pub mod dashboard;
pub mod docs;
mod document;
pub mod endpoints;
pub mod error;
pub mod experiments;
pub mod extract;
pub mod health;
pub mod http;
pub mod idempotency;
pub mod lambda;
pub mod layers;
mod media;
mod paging;
pub mod public;
mod query_text;
pub mod queues;
pub mod router;
mod safe_headers;
mod slashes;
pub mod state;
pub mod tasks;
pub mod trials;
pub mod unread;
mod validators;
