//! Why requests fail.

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::StatusCode;

use super::object_store::StoreError;
use crate::failure::Failure;

/// Why a request got no useful answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No connection: nothing was sent.
    #[error("cannot reach the server at {server}: {reason}")]
    Unreachable { server: String, reason: String },
    /// The connection broke or ran out of time after something may have been sent.
    #[error("no answer from {server}: {reason}")]
    Interrupted { server: String, reason: String },
    /// The server answered with an error.
    #[error("{detail}")]
    Refused {
        status: StatusCode,
        detail: String,
        /// How long it says to wait.
        retry_after: Option<Duration>,
    },
    /// The port speaks http where https was asked for, or the other way round.
    #[error("{server} speaks {speaks}")]
    OtherScheme { server: String, speaks: &'static str },
    /// The server, or something before it, answered with what no Oddish server answers.
    #[error("{server} answered with something that is not Oddish's: {reason}")]
    Foreign { server: String, reason: String },
    /// The server knows no uploads in two steps.
    #[error("{server} has no `POST /tasks/upload/init`: it is too old for this `oddish`, or this is not its address")]
    TooOld { server: String },
    /// The store took no archive.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ClientError {
    /// Whether the same request may well succeed a little later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Interrupted { .. } => true,
            Self::Refused { status, .. } => {
                // A full disk stays full for longer than anybody here waits.
                let passing = status.is_server_error() && *status != StatusCode::INSUFFICIENT_STORAGE;
                passing || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Store(error) => error.is_passing(),
            Self::OtherScheme { .. } | Self::Foreign { .. } | Self::TooOld { .. } => false,
        }
    }

    /// Whether the server did nothing, since it was asked too often.
    pub(super) fn is_turned_away(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::TOO_MANY_REQUESTS, .. })
    }

    /// This error after so many tries.
    pub(super) fn after(mut self, tries: usize) -> Self {
        if let (
            2..,
            Self::Unreachable { reason: text, .. }
            | Self::Interrupted { reason: text, .. }
            | Self::Refused { detail: text, .. },
        ) = (tries, &mut self)
        {
            let _ = write!(text, " (tried {tries} times)");
        }
        self
    }

    /// Whether there was no connection, so that others need not try either.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Store(StoreError::Unreachable { .. }))
    }

    /// Whether the server, or its store, failed: what was asked of it is not at fault.
    pub(crate) fn is_fault_of_server(&self) -> bool {
        match self {
            Self::Refused { status, .. } | Self::Store(StoreError::Refused { status, .. }) => status.is_server_error(),
            _ => false,
        }
    }

    /// Whether the server does not know the place from which a list is to go on.
    pub(crate) fn is_stale_cursor(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY, .. })
    }

    /// Whether the server says that there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }

    /// What the user may do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => {
                Some("start it with `oddish-server api`, or set ODDISH_API_URL to a server that runs")
            }
            Self::Refused { status: StatusCode::UNAUTHORIZED, .. } => {
                Some("set ODDISH_API_KEY to a key of this server")
            }
            Self::Refused { status: StatusCode::FORBIDDEN, .. } => Some("the key in ODDISH_API_KEY may not do this"),
            Self::Refused { status: StatusCode::TOO_MANY_REQUESTS, .. } => Some("wait a little, then try again"),
            Self::OtherScheme { speaks: "http", .. } => Some("change https:// to http:// in ODDISH_API_URL or --api"),
            Self::OtherScheme { .. } => Some("change http:// to https:// in ODDISH_API_URL or --api"),
            Self::Foreign { .. } => Some("check ODDISH_API_URL"),
            Self::TooOld { .. } => Some("update the server, or check ODDISH_API_URL"),
            Self::Store(StoreError::Unreachable { .. }) => {
                Some("the server names this address for uploads: this machine must be able to reach it")
            }
            Self::Interrupted { .. } | Self::Refused { .. } | Self::Store(_) => None,
        }
    }

    /// This error as the end of a command that was doing `what`.
    pub(crate) fn while_doing(&self, what: &str) -> Failure {
        let failure = Failure::new(format!("{what}: {self}"));
        match self.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
