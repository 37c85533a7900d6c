//! What the database answered to those who take part: what it said once must stay true.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;

use oddish_db::DbError;
use uuid::Uuid;

/// Whether a write counted, as the database said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted,
    Stale,
    /// The connection broke: it may have counted or not.
    Unknown,
}

#[derive(Default)]
pub(super) struct Ledger(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    /// How often each kind of thing happened.
    counts: BTreeMap<&'static str, u64>,
    begun: HashSet<Uuid>,
    /// The attempts that ended, and how.
    ended: HashMap<Uuid, &'static str>,
    /// The rewards of the recorded successes.
    rewards: HashMap<Uuid, f64>,
    /// The attempts that may have begun or ended without anybody having heard of it.
    unknown: HashSet<Uuid>,
    violations: Vec<String>,
}

impl Ledger {
    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap()
    }

    pub(super) fn count(&self, what: &'static str, times: usize) {
        *self.entries().counts.entry(what).or_default() += u64::try_from(times).unwrap();
    }

    pub(super) fn violation(&self, what: String) {
        self.entries().violations.push(what);
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.entries().violations.clone()
    }

    /// What a dispatcher was answered, none if its connection broke. Its writes fail for no other reason.
    pub(super) fn heard<T>(&self, what: &'static str, answer: Result<T, DbError>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) if error.is_unreachable() => {
                self.count("broken off", 1);
                None
            }
            Err(error) => {
                self.violation(format!("{what}: {error}: {:?}", std::error::Error::source(&error)));
                None
            }
        }
    }

    pub(super) fn begun(&self, token: Uuid, answer: Answer) {
        let mut entries = self.entries();
        match answer {
            Answer::Accepted if !entries.begun.insert(token) => {
                entries.violations.push(format!("attempt {token} began twice"));
            }
            Answer::Accepted => *entries.counts.entry("begun").or_default() += 1,
            Answer::Stale => {}
            Answer::Unknown => {
                entries.unknown.insert(token);
            }
        }
    }

    /// Somebody ended an attempt as `how`. An attempt ends once.
    pub(super) fn ended(&self, token: Uuid, how: &'static str, answer: Answer) {
        let mut entries = self.entries();
        match answer {
            Answer::Accepted => {
                *entries.counts.entry(how).or_default() += 1;
                if let Some(before) = entries.ended.insert(token, how) {
                    entries.violations.push(format!("attempt {token} was {before} and then {how}"));
                }
            }
            Answer::Stale => *entries.counts.entry("refused as stale").or_default() += 1,
            Answer::Unknown => {
                entries.unknown.insert(token);
            }
        }
    }

    /// Which reward an attempt is about to record. What it tries to record after that must not count.
    pub(super) fn reward(&self, token: Uuid, reward: f64) {
        self.entries().rewards.entry(token).or_insert(reward);
    }

    /// Any attempt that has ended.
    pub(super) fn some_stale(&self, random: &mut fastrand::Rng) -> Option<Uuid> {
        let entries = self.entries();
        let skipped = random.usize(..entries.ended.len().clamp(1, 100));
        entries.ended.keys().nth(skipped).copied()
    }

    /// Compares an attempt's row with what was heard of it.
    pub(super) fn compare(&self, token: Uuid, outcome: &str) {
        let mut entries = self.entries();
        let heard = entries.ended.get(&token).copied();
        // A cancelled trial's attempt ends when it is told to begin, without anybody having asked for that.
        let agrees = match heard {
            Some(heard) => heard == outcome,
            None => outcome == "cancelled" || entries.unknown.contains(&token),
        };
        if !agrees {
            entries.violations.push(format!("attempt {token} is {outcome}, and was heard to be {heard:?}"));
        }
    }

    /// Compares a trial's reward with what its newest recorded attempt gave.
    pub(super) fn compare_reward(&self, token: Uuid, reward: Option<f64>) {
        let mut entries = self.entries();
        let given = entries.rewards.get(&token).copied();
        if given.is_none() || given != reward {
            entries.violations.push(format!("attempt {token} gave {given:?}, and its trial has {reward:?}"));
        }
    }

    pub(super) fn counted(&self, what: &str) -> u64 {
        self.entries().counts.get(what).copied().unwrap_or_default()
    }

    pub(super) fn summary(&self) -> String {
        let entries = self.entries();
        let counts: Vec<String> = entries.counts.iter().map(|(what, times)| format!("{what} {times}")).collect();
        format!("{}, violations {}", counts.join(", "), entries.violations.len())
    }
}
