//! What handlers answer when they cannot do what was asked: one type, one conversion.

use std::io::ErrorKind;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use oddish::{DbError, InvalidField};
use oddish_api_types::{Detail, ErrorBody, FieldFault};
use oddish_artifacts::{InvalidKey, StoreError};

/// An answer with a status of 400 or above. The text is for the client: it says what happened and what to do.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    detail: Detail,
    /// Where else to find what was asked for.
    link: Option<String>,
}

impl ApiError {
    /// An error of the client's.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: Detail::Text(detail.into()), link: None }
    }

    /// 400.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// Tells in a `Link` header, in addition to the text, where else to find what was asked for.
    #[must_use]
    pub fn with_link(mut self, url: String) -> Self {
        self.link = Some(url);
        self
    }

    /// 422, naming the field that is at fault.
    pub fn field(kind: &str, loc: Vec<serde_json::Value>, msg: impl Into<String>) -> Self {
        let fault = FieldFault { kind: kind.to_owned(), loc, msg: msg.into() };
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail: Detail::Fields(vec![fault]), link: None }
    }

    /// 422 for a rule that the body as a whole breaks (docs/compatibility.md, 1.1).
    pub fn value_error(loc: Vec<serde_json::Value>, msg: impl std::fmt::Display) -> Self {
        Self::field("value_error", loc, format!("Value error, {msg}"))
    }

    /// What a service refused, where its input came from the query.
    pub fn in_query(error: oddish::Error) -> Self {
        Self::of_service("query", error)
    }

    /// What a service refused, where its input came from the path.
    pub fn in_path(error: oddish::Error) -> Self {
        Self::of_service("path", error)
    }

    /// What a service refused. `place` is the part of the request that its input came from.
    fn of_service(place: &str, error: oddish::Error) -> Self {
        use oddish::Error;
        let (status, text, link) = match error {
            Error::NotFound { text, link } => (StatusCode::NOT_FOUND, text, link),
            Error::Refused(text) => (StatusCode::BAD_REQUEST, text, None),
            Error::NotAllowed(text) => (StatusCode::UNPROCESSABLE_ENTITY, text, None),
            Error::Conflict(text) => (StatusCode::CONFLICT, text, None),
            Error::TooLarge { text, link } => (StatusCode::PAYLOAD_TOO_LARGE, text, link),
            Error::Invalid(InvalidField { field, rule }) => {
                let loc = std::iter::once(place.into()).chain(field).collect();
                return Self::value_error(loc, rule);
            }
            Error::Db(error) => return error.into(),
            Error::Store(error) => return error.into(),
            Error::Key(error) => return error.into(),
            Error::Internal(error) => return Self::internal(error.as_ref()),
        };
        Self { status, detail: Detail::Text(text), link }
    }

    /// 500. The cause goes to the log, with the id of the request that the log line belongs to, and never to the client.
    ///
    /// A full disk somewhere below is a 507: whoever runs the server can mend that, and is told where.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        if is_disk_full(error) {
            tracing::error!(error, "the disk is full");
            return Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "The server's disk is full: nothing was stored. Free space where it keeps artifacts (ODDISH_LOCAL_STORAGE_DIR) and temporary \
                 files (TMPDIR), then send this again.",
            );
        }
        tracing::error!(error, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong on the server. The log has the cause under the id in the x-request-id header of this answer.",
        )
    }
}

/// Whether the disk, or the user's share of it, is full, according to an error or to what caused it.
fn is_disk_full(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| {
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        matches!(kind, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
    })
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ErrorBody { detail: self.detail })).into_response();
        let header = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Some((http::header::RETRY_AFTER, "5")),
            StatusCode::UNAUTHORIZED => Some((http::header::WWW_AUTHENTICATE, "Bearer")),
            // How a body may be encoded: not at all (RFC 9110, 15.5.16).
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Some((http::header::ACCEPT_ENCODING, "identity")),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        let link = self.link.and_then(|url| http::HeaderValue::try_from(format!("<{url}>; rel=\"alternate\"")).ok());
        if let Some(link) = link {
            response.headers_mut().insert(http::header::LINK, link);
        }
        response
    }
}

/// For input that came from the body, or from nowhere in the request.
impl From<oddish::Error> for ApiError {
    fn from(error: oddish::Error) -> Self {
        Self::of_service("body", error)
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        if matches!(error, DbError::Nul { .. }) {
            Self::bad_request("A text in the request holds a NUL character (\\u0000). Remove it.")
        } else if error.is_disk_full() {
            tracing::error!(error = &error as &dyn std::error::Error, "the database's disk is full");
            Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "The database's disk is full: nothing was stored. Free space there or enlarge it, then send this again.",
            )
        } else if error.is_unreachable() {
            tracing::error!(error = &error as &dyn std::error::Error, "the database is not reachable");
            // Published clients know the text (docs/compatibility.md, 1.2).
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "Temporary database connectivity issue. Please retry.")
        } else {
            Self::internal(&error)
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSigning => Self::new(
                StatusCode::NOT_IMPLEMENTED,
                "This deployment gives no upload URLs: it needs S3, or ODDISH_SECRET_KEY and ODDISH_PUBLIC_URL.",
            ),
            StoreError::Full { .. } => {
                tracing::error!(error = &error as &dyn std::error::Error, "the artifact store is full");
                Self::new(
                    StatusCode::INSUFFICIENT_STORAGE,
                    "The artifact store has no space left, or its bucket is over its quota: nothing was stored. Free space there or raise \
                     the quota (ODDISH_S3_BUCKET names the bucket), then send this again.",
                )
            }
            _ => Self::internal(&error),
        }
    }
}

/// The parts of a key come from ids that were checked when they were made: one that fails now is our fault.
impl From<InvalidKey> for ApiError {
    fn from(error: InvalidKey) -> Self {
        Self::internal(&error)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn status(error: StoreError) -> u16 {
        ApiError::from(error).into_response().status().as_u16()
    }

    #[test]
    fn a_full_disk_is_a_507_wherever_it_is_met() {
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            assert_eq!(status(StoreError::io("storing", "k", kind.into())), 507);
            let deep = io::Error::other(StoreError::io("writing", "k", kind.into()));
            assert_eq!(ApiError::internal(&deep).into_response().status().as_u16(), 507);
        }
        let full =
            StoreError::Full { what: "storing", key: "k".to_owned(), place: "b".to_owned(), source: "quota".into() };
        assert_eq!(status(full), 507);
        assert_eq!(status(StoreError::io("storing", "k", ErrorKind::PermissionDenied.into())), 500);
    }
}
