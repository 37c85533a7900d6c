//! A dispatcher and its runners, any of which may go without a word.

use std::sync::Arc;
use std::time::Duration;

use oddish_db::attempts::{self, AfterLoss, Outcome, Standing};
use oddish_db::jobs::{Fenced, Recorded};
use oddish_db::judging::{self, JudgingError};
use oddish_db::{Db, DbError, leases, queue};
use oddish_domain::retry::RetrySettings;
use oddish_domain::status::{HarborStage, JobKind};
use oddish_test_support::scene::{process, reward};
use serde_json::json;
use uuid::Uuid;

use super::Soak;
use super::ledger::Answer;

/// What the database knows its connections as.
pub(super) const NAME: &str = "dispatcher";

/// Waits are short, so that all trials end soon after all is calm.
const RULES: RetrySettings =
    RetrySettings { max_attempts: 6, backoff_base: Duration::from_secs(10), backoff_max: Duration::from_mins(2) };

/// Of each kind of cause one: tests, sandbox, provider, account, task.
const ERRORS: [&str; 5] =
    ["RewardMissing", "NetworkConnectionError", "ApiRateLimitError", "ApiUsageLimitError", "SandboxBuildFailedError"];

struct Dispatcher {
    soak: Arc<Soak>,
    db: Db,
    random: fastrand::Rng,
    runners: Vec<Runner>,
}

#[derive(Clone, Copy)]
struct Runner {
    kind: JobKind,
    token: Uuid,
    begun: bool,
}

/// Works until nothing is left to do.
pub(super) async fn dispatch(soak: Arc<Soak>, db: Db, random: fastrand::Rng) {
    let mut dispatcher = Dispatcher { soak, db, random, runners: Vec::new() };
    while !dispatcher.soak.is_drained() {
        let roll = dispatcher.random.u8(..100);
        match roll {
            0 if !dispatcher.soak.is_calm() => {
                dispatcher.runners.clear();
                dispatcher.soak.ledger.count("dispatchers killed", 1);
            }
            0..4 => dispatcher.tidy().await,
            4..12 => dispatcher.write_stale().await,
            12..30 => dispatcher.claim().await,
            _ if dispatcher.runners.is_empty() => dispatcher.claim().await,
            _ => dispatcher.go_on().await,
        }
    }
}

fn fenced(answer: Option<Fenced>) -> Answer {
    match answer {
        Some(Fenced::Accepted) => Answer::Accepted,
        Some(Fenced::Stale) => Answer::Stale,
        None => Answer::Unknown,
    }
}

impl Dispatcher {
    async fn claim(&mut self) {
        if self.runners.len() > 4 {
            return;
        }
        let Soak { ledger, .. } = &*self.soak;
        let most = self.random.u32(1..5);
        let claims = ledger.heard("claim", queue::claim(&self.db, most, self.soak.now()).await).unwrap_or_default();
        ledger.count("claims", claims.len());
        if claims.is_empty() {
            // A machine of two cores has others to serve.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.runners.extend(claims.iter().map(|claim| Runner {
            kind: claim.attempt.kind,
            token: claim.attempt.token,
            begun: false,
        }));
    }

    /// As a pass of the real one.
    async fn tidy(&self) {
        let Soak { ledger, .. } = &*self.soak;
        let (db, now) = (&self.db, self.soak.now());
        ledger.heard("suspect", leases::suspect(db, now).await);
        for dead in ledger.heard("look for the dead", leases::dead(db, now).await).unwrap_or_default() {
            let reaped = attempts::reap(db, dead.attempt.token, "reaped", &RULES, now).await;
            ledger.ended(dead.attempt.token, "lost", self.after_loss(reaped));
        }
        for claim in ledger.heard("look for the overdue", queue::overdue(db, now).await).unwrap_or_default() {
            let given = ledger.heard("give back", attempts::give_back(db, claim.attempt.token, "overdue", now).await);
            ledger.ended(claim.attempt.token, "given_back", fenced(given));
        }
    }

    /// An attempt that has ended stays as it is, whatever its runner still writes.
    async fn write_stale(&mut self) {
        let Some(token) = self.soak.ledger.some_stale(&mut self.random) else { return };
        let (db, now) = (&self.db, self.soak.now());
        let ended = match self.random.u8(..7) {
            0 => attempts::begin(db, token, &process(), now)
                .await
                .map(|begun| if begun.is_some() { Fenced::Accepted } else { Fenced::Stale }),
            1 => {
                let outcome = self.success();
                return self.record(JobKind::Trial, token, outcome).await;
            }
            2 => return self.lose(token).await,
            3 => attempts::interrupt(db, token, "told to stop", now).await,
            4 => attempts::give_back(db, token, "no room", now).await,
            5 => leases::renew(db, token, now).await,
            _ => attempts::set_stage(db, token, HarborStage::Verification, now).await,
        };
        if self.soak.ledger.heard("write after the end", ended) == Some(Fenced::Accepted) {
            self.soak.ledger.violation(format!("attempt {token} wrote after its end"));
        }
        self.soak.ledger.count("stale writes tried", 1);
    }

    /// One of the runners does something.
    async fn go_on(&mut self) {
        let at = self.random.usize(..self.runners.len());
        let Runner { kind, token, begun } = self.runners[at];
        let (db, now, calm) = (&self.db, self.soak.now(), self.soak.is_calm());
        let ledger = &self.soak.ledger;
        let roll = self.random.u8(..100);
        // Most steps are the runner's last.
        if begun {
            match roll {
                0..25 => {
                    ledger.heard("renew", leases::renew(db, token, now).await);
                    return;
                }
                25..35 => {
                    ledger.heard("tell", attempts::set_stage(db, token, HarborStage::AgentRunning, now).await);
                    return;
                }
                35..45 => {
                    let standing = ledger.heard("ask", attempts::standing(db, token).await);
                    if standing != Some(Standing::CancelRequested) {
                        return;
                    }
                    let cancelled = ledger.heard("stop", attempts::cancelled(db, token, now).await);
                    ledger.ended(token, "cancelled", fenced(cancelled));
                }
                45..60 if !calm => {
                    let outcome = self.failure();
                    self.record(kind, token, outcome).await;
                }
                60..65 if !calm => self.lose(token).await,
                65..70 if !calm => {
                    let interrupted = ledger.heard("interrupt", attempts::interrupt(db, token, "stop", now).await);
                    ledger.ended(token, "interrupted", fenced(interrupted));
                }
                70..75 if !calm => {
                    let outcome = self.success();
                    tokio::join!(self.record(kind, token, outcome), self.lose(token));
                }
                _ => {
                    let outcome = self.success();
                    self.record(kind, token, outcome).await;
                }
            }
        } else {
            match roll {
                0..5 if !calm => self.lose(token).await,
                5..10 if !calm => {
                    let given = ledger.heard("give back", attempts::give_back(db, token, "no room", now).await);
                    ledger.ended(token, "given_back", fenced(given));
                }
                10..13 if !calm => {
                    let failed = attempts::launch_failed(db, token, "no program", now).await;
                    ledger.ended(token, "launch_failed", fenced(ledger.heard("fail a launch", failed)));
                }
                13..20 if !calm => {
                    tokio::join!(self.begin(kind, token), self.begin(kind, token));
                    self.runners[at].begun = true;
                    return;
                }
                20..30 => {
                    ledger.heard("launched", queue::launched(db, &[token], now).await);
                    return;
                }
                _ => {
                    self.begin(kind, token).await;
                    self.runners[at].begun = true;
                    return;
                }
            }
        }
        self.runners.swap_remove(at);
    }

    async fn begin(&self, kind: JobKind, token: Uuid) {
        let (db, process, now) = (&self.db, process(), self.soak.now());
        let begun = if kind == JobKind::Trial {
            attempts::begin(db, token, &process, now).await.map(|begun| begun.is_some())
        } else {
            judging::begin(db, token, &process, now).await.map(|begun| begun.is_some())
        };
        let answer = match self.soak.ledger.heard("begin", begun) {
            Some(true) => Answer::Accepted,
            Some(false) => Answer::Stale,
            None => Answer::Unknown,
        };
        self.soak.ledger.begun(token, answer);
    }

    fn success(&mut self) -> Outcome {
        reward(self.random.f64())
    }

    fn failure(&mut self) -> Outcome {
        let error_type = self.random.choice(ERRORS).map(String::from);
        Outcome { error_type, error_message: Some("it failed".to_owned()), ..Outcome::default() }
    }

    async fn record(&self, kind: JobKind, token: Uuid, outcome: Outcome) {
        if let Some(reward) = outcome.reward {
            self.soak.ledger.reward(token, reward);
        }
        let (db, now) = (&self.db, self.soak.now());
        let recorded = if kind == JobKind::Trial {
            attempts::record(db, token, &outcome, &RULES, now).await
        } else {
            let text = |field: Option<String>| field.unwrap_or_default();
            let error = JudgingError { error_type: text(outcome.error_type), message: text(outcome.error_message) };
            let judged = if outcome.succeeded { Ok(json!({})) } else { Err(error) };
            judging::record(db, token, &judged, &RULES, now).await
        };
        let answer = match self.soak.ledger.heard("record", recorded) {
            Some(Recorded::Ended | Recorded::Retried { .. }) => Answer::Accepted,
            Some(Recorded::Stale) => Answer::Stale,
            None => Answer::Unknown,
        };
        self.soak.ledger.ended(token, "recorded", answer);
    }

    async fn lose(&self, token: Uuid) {
        let lost = attempts::lose(&self.db, token, "gone", &RULES, self.soak.now()).await;
        self.soak.ledger.ended(token, "lost", self.after_loss(lost));
    }

    fn after_loss(&self, lost: Result<AfterLoss, DbError>) -> Answer {
        match self.soak.ledger.heard("lose", lost) {
            Some(AfterLoss::Retried | AfterLoss::Failed | AfterLoss::Cancelled) => Answer::Accepted,
            Some(AfterLoss::Stale) => Answer::Stale,
            None => Answer::Unknown,
        }
    }
}
