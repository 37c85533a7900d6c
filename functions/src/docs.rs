//! The documentation of the API.

pub mod get_docs;
pub mod get_docs_file;
pub mod get_openapi;
