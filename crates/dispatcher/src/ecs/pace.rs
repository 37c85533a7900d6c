//! How fast tasks are started.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Each refusal makes the pause twice as long, up to so many times the first.
const LONGEST: u32 = 12;

/// Spaces out launches, and stops them for a while when there is no room.
pub(super) struct Pace {
    spacing: Duration,
    first_pause: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: Option<Instant>,
    paused_until: Option<Instant>,
    pause: Duration,
}

impl Pace {
    pub(super) fn new(per_second: u32, first_pause: Duration) -> Self {
        Self { spacing: Duration::from_secs(1) / per_second.max(1), first_pause, state: Mutex::default() }
    }

    /// Whether launches are stopped at the moment.
    pub(super) fn is_paused(&self) -> bool {
        self.state().paused_until.is_some_and(|until| Instant::now() < until)
    }

    /// Takes the next turn, and waits for it.
    pub(super) async fn turn(&self) {
        let turn = {
            let mut state = self.state();
            let turn = state.next.unwrap_or_else(Instant::now).max(Instant::now());
            state.next = Some(turn + self.spacing);
            turn
        };
        tokio::time::sleep_until(turn.into()).await;
    }

    /// There was room. What was asked for before a refusal, and granted after it, says nothing about the next.
    pub(super) fn granted(&self) {
        if !self.is_paused() {
            self.state().pause = Duration::ZERO;
        }
    }

    /// There was none. What was asked for meanwhile and refused as well is the same refusal.
    pub(super) fn refused(&self) {
        if self.is_paused() {
            return;
        }
        let mut state = self.state();
        state.pause = (state.pause * 2).clamp(self.first_pause, self.first_pause * LONGEST);
        state.paused_until = Some(Instant::now() + state.pause);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_stops_launches_and_a_success_lets_them_go_on() {
        let pace = Pace::new(10, Duration::from_secs(5));
        assert!(!pace.is_paused());
        pace.refused();
        assert!(pace.is_paused());
        let pause = pace.state().pause;
        pace.refused();
        assert_eq!(pace.state().pause, pause, "one refusal counts once");
        pace.state().paused_until = None;
        pace.refused();
        assert_eq!(pace.state().pause, 2 * pause);
        pace.granted();
        assert!(pace.is_paused(), "it was asked for before");
        pace.state().paused_until = None;
        pace.granted();
        pace.refused();
        assert_eq!(pace.state().pause, pause, "the next is a first one again");
    }

    #[tokio::test(start_paused = true)]
    async fn launches_are_spaced_out() {
        let pace = Pace::new(10, Duration::from_secs(5));
        let begun = tokio::time::Instant::now();
        for _ in 0..21 {
            pace.turn().await;
        }
        // Real time hardly passes meanwhile, so that each turn is a whole spacing after the one before.
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(1900) && took < Duration::from_millis(2500), "{took:?}");
    }
}
