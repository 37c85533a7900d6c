//! What surrounds the endpoints.

mod answers;
mod auth;
pub(crate) mod bodies;
mod browsers;
mod hostile;
mod idempotency;
pub(crate) mod listing;
mod names;
mod observability;
pub(crate) mod openapi;
mod routes;
mod slashes;
