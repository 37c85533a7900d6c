//! When a trial is tried again.

/// How many attempts a trial has unless told otherwise (contract 3.7).
pub const MAX_ATTEMPTS_DEFAULT: u32 = 6;

/// Whether a trial whose attempt was lost runs again, having begun `attempts` of at most `max_attempts`.
///
/// An attempt that recorded an outcome never comes here: a trial that finished is not paid for twice.
pub fn retry_after_loss(attempts: u32, max_attempts: u32) -> bool {
    attempts < max_attempts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempt_is_the_last() {
        assert!(retry_after_loss(5, MAX_ATTEMPTS_DEFAULT));
        assert!(!retry_after_loss(6, MAX_ATTEMPTS_DEFAULT));
        assert!(!retry_after_loss(7, MAX_ATTEMPTS_DEFAULT), "a lowered maximum also ends it");
    }
}
