//! One client, and for how long it has kept the server waiting.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Bytes of a body that a client must move for its time to start again. A single byte now and then is no progress.
const PROGRESS: u64 = 16 << 10;

/// Whose turn it is on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The client's, to send a request's head.
    Head,
    /// The client's, to send more of a request's body.
    Receiving,
    /// The server's.
    Working,
    /// The client's, to take more of the answer.
    Answering,
}

/// A client, as its connection's parts see it.
#[derive(Debug)]
pub(super) struct Client {
    state: Mutex<State>,
    close: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Whether bytes are left that the client does not take.
    blocked: bool,
    /// Since when it is the client's turn.
    since: Option<Instant>,
    /// For how long it was the client's turn before that, since it last made progress.
    before: Duration,
    /// Bytes of bodies that were moved since then.
    moved: u64,
}

/// For how long a client has kept the server waiting without progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waited {
    /// Whether it is a new request that is waited for.
    pub(super) for_head: bool,
    pub(super) time: Duration,
}

impl Waited {
    /// The greater, the less is lost with the connection: one between two requests is easily made again.
    pub(super) fn weight(self) -> Duration {
        if self.for_head { self.time * 4 } else { self.time }
    }
}

impl Client {
    /// One that has just connected.
    pub(super) fn new(now: Instant) -> Self {
        let state = State { phase: Phase::Head, blocked: false, since: Some(now), before: Duration::ZERO, moved: 0 };
        Self { state: Mutex::new(state), close: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is someone else's turn, or the client's for something else.
    pub(super) fn enter(&self, phase: Phase) {
        self.enter_at(phase, Instant::now());
    }

    fn enter_at(&self, phase: Phase, now: Instant) {
        let mut state = self.state();
        if state.phase == phase {
            return;
        }
        // A request begins with a new account, and so does the wait for the next one.
        if state.phase == Phase::Head || phase == Phase::Head {
            state.begin_anew(now);
        }
        state.phase = phase;
        state.note_whose_turn(now);
    }

    /// So many bytes went over the connection.
    pub(super) fn moved(&self, bytes: usize) {
        self.moved_at(bytes, Instant::now());
    }

    fn moved_at(&self, bytes: usize, now: Instant) {
        let mut state = self.state();
        state.moved += bytes as u64;
        if state.moved >= PROGRESS {
            state.begin_anew(now);
            state.note_whose_turn(now);
        }
    }

    /// Whether there are bytes that the client does not take.
    pub(super) fn blocks(&self, blocked: bool) {
        let mut state = self.state();
        if state.blocked != blocked {
            state.blocked = blocked;
            state.note_whose_turn(Instant::now());
        }
    }

    /// Whether a request's head is read, which has a time of its own.
    pub(super) fn sends_head(&self) -> bool {
        self.state().phase == Phase::Head
    }

    /// For how long it has kept the server waiting; none when it is the server's turn.
    pub(super) fn waited(&self, now: Instant) -> Option<Waited> {
        let state = self.state();
        let time = state.before + now.saturating_duration_since(state.since?);
        Some(Waited { for_head: state.phase == Phase::Head && !state.blocked, time })
    }

    /// Asks the connection to end.
    pub(super) fn close(&self) {
        self.close.notify_one();
    }

    /// Ready once the connection is to end.
    pub(super) async fn closed(&self) {
        self.close.notified().await;
    }
}

impl State {
    fn begin_anew(&mut self, now: Instant) {
        (self.before, self.moved) = (Duration::ZERO, 0);
        self.since = self.since.map(|_| now);
    }

    fn note_whose_turn(&mut self, now: Instant) {
        let clients = self.phase != Phase::Working || self.blocked;
        match (self.since, clients) {
            (None, true) => self.since = Some(now),
            (Some(since), false) => {
                self.before += now.saturating_duration_since(since);
                self.since = None;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waited(client: &Client, at: Instant) -> Option<u64> {
        client.waited(at).map(|waited| waited.time.as_secs())
    }

    #[test]
    fn only_the_clients_own_time_counts() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let client = Client::new(begin);
        assert_eq!(client.waited(at(5)), Some(Waited { for_head: true, time: Duration::from_secs(5) }));
        client.enter_at(Phase::Working, at(5));
        assert_eq!(waited(&client, at(100)), None, "the server works");
        client.enter_at(Phase::Receiving, at(100));
        assert_eq!(client.waited(at(103)), Some(Waited { for_head: false, time: Duration::from_secs(3) }));
        client.enter_at(Phase::Working, at(103));
        client.enter_at(Phase::Receiving, at(200));
        assert_eq!(waited(&client, at(204)), Some(7), "what it took before counts");
        client.enter_at(Phase::Working, at(204));
        client.enter_at(Phase::Answering, at(300));
        assert_eq!(waited(&client, at(301)), Some(8));
        client.enter_at(Phase::Head, at(301));
        assert_eq!(waited(&client, at(302)), Some(1), "the next request has a new account");
    }

    #[test]
    fn single_bytes_are_no_progress() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let client = Client::new(begin);
        client.enter_at(Phase::Working, begin);
        for second in 0..100 {
            client.enter_at(Phase::Receiving, at(second));
            client.moved_at(1, at(second + 1));
            client.enter_at(Phase::Working, at(second + 1));
        }
        client.enter_at(Phase::Receiving, at(100));
        assert_eq!(waited(&client, at(100)), Some(100));
        client.moved_at(16 << 10, at(100));
        assert_eq!(waited(&client, at(101)), Some(1));
    }
}
