//! The answer of a list that is a bare array, with its paging in headers.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Uri, header};
use oddish::paging::Listing;
use serde::Serialize;

const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// An answer that is a bare array, as older clients want it: where it goes on, and how much there is, is in headers.
pub(crate) fn array<T: Serialize>(listing: &Listing<T>, uri: &Uri) -> Response {
    let mut response = Json(&listing.items).into_response();
    let headers = response.headers_mut();
    if let Some(cursor) = &listing.next_cursor {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let kept = pairs.filter(|(name, _)| name != "cursor" && name != "offset");
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("cursor", cursor).finish();
        // Relative to the address that was asked for, whatever stands before its path.
        let link = HeaderValue::from_str(&format!("<?{query}>; rel=\"next\""));
        for (name, value) in [(NEXT_CURSOR, HeaderValue::from_str(cursor)), (header::LINK, link)] {
            if let Ok(value) = value {
                headers.insert(name, value);
            }
        }
    }
    if let Some(total) = listing.total {
        headers.insert(TOTAL_COUNT, HeaderValue::from(total));
    }
    response
}
