//! Requests that create something.

use crate::idempotency::IdempotencyKey;

/// A request that creates something, and who makes it.
#[derive(Debug)]
pub struct Submission<'a, T> {
    /// The things to create.
    pub input: &'a T,
    /// Owner of the API key, where the request has a key: jobs count for this owner.
    pub key_owner: Option<&'a str>,
    /// Makes the request safe to repeat.
    pub idempotency_key: Option<&'a IdempotencyKey>,
}

impl<'a, T> Submission<'a, T> {
    /// A submission without API key, that creates things each time it is made.
    pub fn of(input: &'a T) -> Self {
        Self { input, key_owner: None, idempotency_key: None }
    }
}
