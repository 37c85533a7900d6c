//! When a request is sent again, and after how long.

use std::time::Duration;

use super::error::ClientError;

/// Waits before a connection is tried again: where none came about, nothing was sent.
const RECONNECT_PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
/// Waits before a request is sent again that may have arrived.
const REPEAT_PAUSES: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];
/// Longest wait that a server is granted when it names one.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// From when on a request is not sent again: whoever waits has waited long enough for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whether a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Doing it twice is doing it once.
    Harmless,
    /// Only if it did not arrive, or was turned away unread.
    Unsent,
    /// The caller does that.
    Never,
}

impl Repeat {
    /// How long to wait before the next try, after so many that failed; nothing where that was the last.
    pub(super) fn pause(self, error: &ClientError, tries: usize, elapsed: Duration) -> Option<Duration> {
        let after = tries.checked_sub(1)?;
        let asked = match error {
            ClientError::Refused { retry_after, .. } => *retry_after,
            _ => None,
        };
        let pause = match self {
            Self::Never => None,
            _ if error.is_unreachable() => RECONNECT_PAUSES.get(after),
            _ if error.is_turned_away() => REPEAT_PAUSES.get(after),
            Self::Harmless if error.is_passing() => REPEAT_PAUSES.get(after),
            Self::Harmless | Self::Unsent => None,
        }?;
        let pause = asked.unwrap_or(*pause);
        (pause <= LONGEST_WAIT && elapsed + pause < PATIENCE).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::StatusCode;

    use super::super::error::ClientError;
    use super::{PATIENCE, Repeat};

    fn refused(status: u16, retry_after: Option<u64>) -> ClientError {
        let (status, retry_after) = (StatusCode::from_u16(status).unwrap(), retry_after.map(Duration::from_secs));
        ClientError::Refused { status, detail: String::new(), retry_after }
    }

    fn pauses(repeat: Repeat, error: &ClientError) -> Vec<u128> {
        let pause = |tries| repeat.pause(error, tries, Duration::ZERO);
        (1..).map_while(pause).map(|pause| pause.as_millis()).take(9).collect()
    }

    #[test]
    fn what_is_harmless_is_sent_again_after_longer_and_longer_waits() {
        let lost = ClientError::Interrupted { server: String::new(), reason: String::new() };
        for error in [lost, refused(500, None), refused(503, None), refused(429, None)] {
            assert_eq!(pauses(Repeat::Harmless, &error), [250, 1000, 3000], "{error:?}");
            assert_eq!(pauses(Repeat::Never, &error), [0; 0], "{error:?}");
        }
        for status in [400, 401, 403, 404, 409, 422, 507] {
            assert_eq!(pauses(Repeat::Harmless, &refused(status, None)), [0; 0], "{status}");
        }
    }

    #[test]
    fn what_may_have_been_done_is_not_sent_again() {
        let lost = ClientError::Interrupted { server: String::new(), reason: String::new() };
        for error in [lost, refused(500, None), refused(503, Some(1))] {
            assert_eq!(pauses(Repeat::Unsent, &error), [0; 0], "{error:?}");
        }
        assert_eq!(pauses(Repeat::Unsent, &refused(429, None)), [250, 1000, 3000]);
        let absent = ClientError::Unreachable { server: String::new(), reason: String::new() };
        assert_eq!(pauses(Repeat::Unsent, &absent), [250, 1000]);
        assert_eq!(pauses(Repeat::Harmless, &absent), [250, 1000]);
    }

    #[test]
    fn a_server_says_how_long_to_wait_within_reason() {
        assert_eq!(pauses(Repeat::Unsent, &refused(429, Some(7))), [7000; 3]);
        assert_eq!(pauses(Repeat::Harmless, &refused(503, Some(0))), [0; 3]);
        assert_eq!(pauses(Repeat::Harmless, &refused(429, Some(31))), [0; 0]);
        assert_eq!(Repeat::Harmless.pause(&refused(500, None), 1, PATIENCE), None);
    }
}
