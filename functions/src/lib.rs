//! Every endpoint as a small handler, every function as a tiny binary.
//!
//! A handler's signature says who may call it ([`auth::Authed`]) and what it needs ([`state`]); it makes one or two domain calls and
//! answers with a type of `oddish-api-types`. [`routes`] lists them all; [`lambda`] runs one of them on Lambda, and the local server
//! runs [`router::router`]. [`dispatch`], [`reconcile`] and [`migrate`] are no endpoints: they are invoked by events. Handlers must never depend on the dispatcher, and nothing
//! here on the runner.

pub mod admin;
pub mod answer;
pub mod api_keys;
pub mod auth;
pub mod browsers;
pub mod dashboard;
pub mod dispatch;
pub mod docs;
mod document;
pub mod error;
pub mod experiments;
pub mod extract;
pub mod health;
pub mod idempotency;
pub mod lambda;
mod latency;
pub mod layers;
pub mod listing;
mod media;
pub mod migrate;
pub mod not_found;
mod paging;
mod payload;
pub mod public;
mod query_text;
pub mod queues;
pub mod reconcile;
pub mod router;
pub mod routes;
mod safe_headers;
mod slashes;
pub mod state;
pub mod tasks;
pub mod trials;
pub mod unread;
mod validators;
