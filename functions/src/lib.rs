//! HTTP and Lambda: every endpoint is a small handler over the services of the crate `oddish`.
//!
//! [`endpoints`] is the one list of endpoints. A handler's signature says who may call it ([`http::auth::Authed`]) and what it works with
//! ([`state`]); it calls one service and answers with a type of `oddish-api-types`. [`lambda`] has the programs that Lambda runs, and the
//! local server runs [`http::router::router`]. Handlers must never depend on the dispatcher, and nothing here on the runner.

pub mod admin;
pub mod api_keys;
pub mod capabilities;
pub mod dashboard;
pub mod docs;
pub mod endpoints;
pub mod experiments;
pub mod health;
pub mod http;
pub mod lambda;
pub mod public;
pub mod queues;
pub mod state;
pub mod tasks;
pub mod trials;
