//! What web pages may send and read, where their origin is let in at all: the same from the local server and from API Gateway, which answers
//! browsers itself.

/// Request headers that a page may send. The API's keys come in the first or in `x-authorization` (docs/compatibility.md, 1.2).
pub const REQUEST_HEADERS: [&str; 8] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "range",
    "x-authorization",
    "x-request-id",
    "x-share-token",
];

/// Answer headers that a page may read in addition to those that every page may.
pub const ANSWER_HEADERS: [&str; 6] =
    ["content-disposition", "etag", "link", "x-next-cursor", "x-request-id", "x-total-count"];
