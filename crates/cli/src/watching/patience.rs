//! How long a watch goes on without an answer.

use std::time::Duration;

use tokio::time::Instant;

/// How long a watch goes without an answer where nobody looks at it.
const LIMIT: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// How long to go on without an answer, and how long to wait before the next try.
#[derive(Debug)]
pub(super) struct Patience {
    last_answer: Instant,
    pause: Duration,
    limit: Option<Duration>,
}

impl Patience {
    /// Gives up after a minute without an answer: a script must not hang.
    pub(super) fn of_a_script(now: Instant) -> Self {
        Self { last_answer: now, pause: Duration::from_secs(1), limit: Some(LIMIT) }
    }

    /// Never gives up: a person at a terminal sees that there is no answer, and leaves when they like.
    pub(super) fn of_a_person(now: Instant) -> Self {
        Self { limit: None, ..Self::of_a_script(now) }
    }

    pub(super) fn answered(&mut self, now: Instant) {
        *self = Self { limit: self.limit, ..Self::of_a_script(now) };
    }

    /// How long to wait after one more failure; nothing when it is time to give up.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Duration> {
        let pause = match self.limit {
            None => self.pause,
            Some(limit) => {
                let left = limit.checked_sub(now - self.last_answer).filter(|left| !left.is_zero())?;
                self.pause.min(left)
            }
        };
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Patience;

    #[test]
    fn patience_backs_off_and_ends_a_minute_after_the_last_answer() {
        let start = Instant::now();
        let mut patience = Patience::of_a_script(start);
        let mut waited = Vec::new();
        let mut now = start;
        while let Some(pause) = patience.failed(now) {
            waited.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(waited, [1, 2, 4, 8, 8, 8, 8, 8, 8, 5]);
        assert_eq!(now - start, Duration::from_mins(1));

        patience.answered(now);
        assert_eq!(patience.failed(now), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_person_waits_for_as_long_as_they_like() {
        let start = Instant::now();
        let mut patience = Patience::of_a_person(start);
        let pauses: Vec<u64> =
            (0..6).map(|hours| patience.failed(start + Duration::from_hours(hours)).unwrap().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 8, 8]);
    }
}
