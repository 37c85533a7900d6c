//! Why a service did not do what it was asked for.

use std::fmt;

use oddish_artifacts::{InvalidKey, StoreError};
use oddish_db::DbError;
use serde_json::Value;

/// Why a service did not do what it was asked for.
///
/// The first variants are for whoever asked: their text says what is wrong and what to do. The last four are failures of the system, whose
/// text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thing does not exist.
    #[error("{text}")]
    NotFound {
        /// Which thing, and what to do.
        text: String,
        /// A URL where the content is found instead.
        link: Option<String>,
    },
    /// The request cannot be done as things are, or its input as a whole is wrong.
    #[error("{0}")]
    Refused(String),
    /// A field of the input breaks its rule.
    #[error(transparent)]
    Invalid(#[from] InvalidField),
    /// The input is well-formed and asks for what this deployment does not allow.
    #[error("{0}")]
    NotAllowed(String),
    /// The request contradicts what is stored, or another request that is under way.
    #[error("{0}")]
    Conflict(String),
    /// The input or the answer is too large.
    #[error("{text}")]
    TooLarge {
        /// What is too large, and what to do.
        text: String,
        /// A URL where the content is found instead.
        link: Option<String>,
    },
    /// A query failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The artifact store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key of the artifact store, made from ids that were checked before, is invalid.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// Anything else failed, such as a temporary file.
    #[error(transparent)]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// [`Error::NotFound`] without a link.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::NotFound { text: text.into(), link: None }
    }

    /// [`Error::Refused`].
    pub fn refused(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }

    /// [`Error::Conflict`].
    pub fn conflict(text: impl Into<String>) -> Self {
        Self::Conflict(text.into())
    }

    /// [`Error::TooLarge`] without a link.
    pub fn too_large(text: impl Into<String>) -> Self {
        Self::TooLarge { text: text.into(), link: None }
    }

    /// [`Error::Invalid`] for a field at the top of the input. The rule names the field.
    pub fn invalid(field: &str, rule: impl fmt::Display) -> Self {
        Self::invalid_at([field], rule)
    }

    /// [`Error::Invalid`] for a field within others, outermost first; none for the input as a whole.
    pub fn invalid_at<F: Into<Value>>(field: impl IntoIterator<Item = F>, rule: impl fmt::Display) -> Self {
        let field = field.into_iter().map(Into::into).collect();
        Self::Invalid(InvalidField { field, rule: rule.to_string() })
    }

    /// [`Error::Internal`].
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }
}

/// A field of a service's input that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct InvalidField {
    /// The names of the fields around it and its own, outermost first; a number is a place in a list. Empty for the input as a whole.
    pub field: Vec<Value>,
    /// The rule, in words that name the field.
    pub rule: String,
}
