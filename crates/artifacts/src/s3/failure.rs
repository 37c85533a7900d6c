//! What the SDK's errors mean for a caller.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::key::Key;
use crate::store::StoreError;

/// Codes that say that the credentials are wrong or don't suffice, and that may come with another status than 403.
const DENIED: [&str; 3] = ["AccessDenied", "ExpiredToken", "InvalidToken"];
/// Codes of services other than AWS's that say that there is no space left, or that a quota is used up (`MinIO`, Ceph). Some come with status 403.
const FULL: [&str; 4] = ["InsufficientStorage", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull"];
/// The status that says the same, whatever the code is (507).
const INSUFFICIENT_STORAGE: u16 = 507;
/// Comes with status 403, and has nothing to do with credentials.
const WRONG_CLOCK: &str = "RequestTimeTooSkewed";

/// What was being done to what, and where: everything that a message about a failure needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) what: &'static str,
    pub(super) key: &'a str,
    pub(super) place: &'a str,
}

impl Attempt<'_> {
    /// Turns an error of the SDK into one of the store.
    pub(super) fn failed<E>(self, error: SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let (what, key, place) = (self.what, self.key.to_owned(), self.place.to_owned());
        let on_the_way = match &error {
            SdkError::TimeoutError(_) => true,
            SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout(),
            _ => false,
        };
        if on_the_way {
            return StoreError::Unreachable { what, key, place, source: error.into() };
        }
        // The answer to HEAD has no body, and so no code.
        let status = error.raw_response().map(|response| response.status().as_u16());
        let forbidden = status.is_some_and(|status| [401, 403].contains(&status));
        match error.code() {
            code if status == Some(INSUFFICIENT_STORAGE) || code.is_some_and(|code| FULL.contains(&code)) => {
                StoreError::Full { what, key, place, source: error.into() }
            }
            Some("NoSuchBucket") => StoreError::NoBucket { place },
            Some(WRONG_CLOCK) => StoreError::Service { what, key, place, source: error.into() },
            code if forbidden || code.is_some_and(|code| DENIED.contains(&code)) => {
                StoreError::Denied { what, key, place, source: error.into() }
            }
            _ => StoreError::Service { what, key, place, source: error.into() },
        }
    }

    /// As [`failed`](Self::failed), where the object itself may be absent.
    pub(super) fn failed_on<E>(self, object: &Key, error: SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if is(&error, "NoSuchKey") { StoreError::NotFound { key: object.clone() } } else { self.failed(error) }
    }

    /// The connection broke in the middle of an object.
    pub(super) fn broken(self, error: impl Error + Send + Sync + 'static) -> StoreError {
        let Self { what, key, place } = self;
        StoreError::Unreachable { what, key: key.to_owned(), place: place.to_owned(), source: error.into() }
    }

    /// The service answered, and the answer says that it failed.
    pub(super) fn refused(self, code: &str, message: &str) -> StoreError {
        let (what, key, place) = (self.what, self.key.to_owned(), self.place.to_owned());
        let source = format!("{code}: {message}").into();
        if DENIED.contains(&code) {
            StoreError::Denied { what, key, place, source }
        } else {
            StoreError::Service { what, key, place, source }
        }
    }
}

/// Whether the service answered with this code.
pub(super) fn is<E: ProvideErrorMetadata>(error: &SdkError<E>, code: &str) -> bool {
    error.code() == Some(code)
}
