//! HTTP around handlers: what they extract, how they refuse, and the layers that every request passes.

pub mod answer;
pub mod auth;
pub mod browsers;
#[cfg(feature = "document")]
pub mod document;
pub mod error;
pub mod extract;
pub mod files;
pub mod idempotency;
pub mod layers;
pub(crate) mod media;
pub(crate) mod paging;
mod query_text;
pub mod range;
pub mod router;
pub(crate) mod safe_headers;
mod slashes;
pub mod unread;
pub mod validators;
