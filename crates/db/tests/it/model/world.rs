//! How each operation is done to the database and to the model.

use oddish_db::attempts::{self, AfterLoss, Outcome};
use oddish_db::cancelling::Cancelled;
use oddish_db::jobs::{Fenced, Recorded};
use oddish_db::queue::Claim;
use oddish_db::{Db, cancelling, leases, queue, queue_keys, retrying};
use oddish_domain::failure::{Failure, Phase};
use oddish_domain::status::HarborStage;
use oddish_test_support::scene::{RULES, Scene, process, reward, trial_specs};
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use uuid::Uuid;

use super::KEYS;
use super::operations::{Operation, Write};
use super::protocol::{After, Job, Key, Model, Task, moment};

type Checked = Result<(), TestCaseError>;

/// The database and the model of it.
pub(super) struct World {
    pub(super) scene: Scene,
    pub(super) model: Model,
    tokens: Vec<Uuid>,
}

/// One of `all`, none if there are none.
fn one<T>(mut all: impl ExactSizeIterator<Item = T>, which: usize) -> Option<T> {
    let length = all.len();
    all.nth(which.checked_rem(length)?)
}

fn trial_of(claim: &Claim) -> &str {
    &claim.attempt.subject
}

fn accepted(fenced: Fenced) -> bool {
    fenced == Fenced::Accepted
}

impl World {
    pub(super) fn new(db: Db) -> Self {
        Self { scene: Scene::new(db), model: Model::default(), tokens: Vec::new() }
    }

    fn db(&self) -> Db {
        self.scene.db.clone()
    }

    pub(super) async fn apply(&mut self, operation: Operation) -> Checked {
        let (db, now) = (self.db(), moment(self.model.now));
        match operation {
            Operation::Submit { trials, key, high } => {
                let scene = Scene::new(db);
                let scene = if high { scene.high_priority() } else { scene };
                let task = scene.task(trials, KEYS[key]).await;
                self.model.tasks.insert(task.clone(), Task { status: "pending", high, ..Task::default() });
                self.submitted(&task, 0..trials, key);
            }
            Operation::Append { task, trials, key } => {
                let Some(task) = one(self.model.tasks.keys(), task).cloned() else { return Ok(()) };
                let first = self.model.trials.values().filter(|trial| trial.task == task).count();
                self.scene.append(&task, None, &trial_specs(trials, KEYS[key])).await.unwrap();
                let first = u32::try_from(first).unwrap();
                self.submitted(&task, first..first + trials, key);
                self.model.reopen(&task);
            }
            Operation::Limit { key, limit } => {
                queue_keys::set_limit(&db, KEYS[key], limit.into(), now).await.unwrap();
                self.key(key).limit = limit.into();
            }
            Operation::Pause { key } => {
                let known = queue_keys::pause(&db, KEYS[key], None, now).await.unwrap();
                prop_assert_eq!(known, self.model.keys[key].is_some());
                if let Some(key) = &mut self.model.keys[key] {
                    key.paused = true;
                }
            }
            Operation::Resume { key } => {
                queue_keys::resume(&db, KEYS[key], now).await.unwrap();
                if let Some(key) = &mut self.model.keys[key] {
                    key.paused = false;
                }
            }
            Operation::Claim { most } => self.claim(most).await?,
            Operation::Write { claim, write } => {
                if let Some(token) = one(self.tokens.iter().rev(), claim).copied() {
                    self.write(token, write).await?;
                }
            }
            Operation::CancelTrial { trial } => {
                let Some(id) = one(self.model.trials.keys(), trial).cloned() else { return Ok(()) };
                self.cancel(vec![id], None).await?;
            }
            Operation::CancelTask { task } => {
                let Some(task) = one(self.model.tasks.keys(), task).cloned() else { return Ok(()) };
                let trials = self.model.trials.iter().filter(|(_, trial)| trial.task == task);
                let ids = trials.map(|(id, _)| id.clone()).collect();
                self.cancel(ids, Some(task)).await?;
            }
            Operation::Retry { trial } => {
                let Some(id) = one(self.model.trials.keys(), trial).cloned() else { return Ok(()) };
                let requeued = retrying::retry(&db, std::slice::from_ref(&id), now).await.unwrap();
                prop_assert_eq!(requeued.queued == [&*id], self.model.retry(&id));
            }
            Operation::Advance { seconds } => self.model.now += seconds * 1000,
            Operation::Tidy => self.tidy().await?,
        }
        Ok(())
    }

    fn key(&mut self, key: usize) -> &mut Key {
        self.model.keys[key].get_or_insert(Key { limit: 8, paused: false })
    }

    fn submitted(&mut self, task: &str, indices: std::ops::Range<u32>, key: usize) {
        self.key(key);
        for index in indices {
            self.model.submit(format!("{task}-{index}"), task, key);
        }
    }

    /// Whom the free slots go to among equals is tested elsewhere; here, how many and of which class.
    async fn claim(&mut self, most: u32) -> Checked {
        let (db, now) = (self.db(), moment(self.model.now));
        self.model.wake();
        let room = |model: &Model, key: usize| match model.keys[key] {
            Some(Key { limit, paused: false }) => usize::try_from(limit).unwrap().saturating_sub(model.running(key)),
            _ => 0,
        };
        let ready = |model: &Model, key: usize| {
            model.trials.values().filter(|trial| trial.key == key && trial.job == Some(Job::Ready)).count()
        };
        let possible: usize = (0..KEYS.len()).map(|key| room(&self.model, key).min(ready(&self.model, key))).sum();
        let claims = queue::claim(&db, most, now).await.unwrap();
        prop_assert_eq!(claims.len(), possible.min(most.try_into().unwrap()), "claims of {} possible", possible);
        for claim in &claims {
            let trial = &self.model.trials[trial_of(claim)];
            prop_assert_eq!(trial.job, Some(Job::Ready));
            prop_assert_eq!((claim.attempt.number, &*claim.queue_key), (trial.number + 1, KEYS[trial.key]));
            prop_assert!(room(&self.model, trial.key) > 0, "{} has no room", claim.queue_key);
            self.model.claim(trial_of(claim), claim.attempt.token);
            self.tokens.push(claim.attempt.token);
        }
        for claim in &claims {
            let claimed = &self.model.trials[trial_of(claim)];
            let passed_over = self.model.trials.iter().find(|(_, trial)| {
                trial.key == claimed.key && trial.high && !claimed.high && trial.job == Some(Job::Ready)
            });
            prop_assert!(passed_over.is_none(), "{:?} was claimed before {:?}", claim, passed_over);
        }
        Ok(())
    }

    async fn write(&mut self, token: Uuid, write: Write) -> Checked {
        let (db, now) = (&self.db(), moment(self.model.now));
        let holder = self.model.holder(token);
        let claimed = holder.clone().filter(|(_, job)| matches!(job, Job::Claimed { .. })).map(|(id, _)| id);
        let begun = holder.clone().filter(|(_, job)| matches!(job, Job::Begun { .. })).map(|(id, _)| id);
        match write {
            Write::Launched => {
                queue::launched(db, &[token], now).await.unwrap();
                if let Some(id) = &claimed {
                    self.model.launched(id);
                }
            }
            Write::Begin => {
                let assignment = attempts::begin(db, token, &process(), now).await.unwrap();
                let begins = claimed.filter(|id| self.model.begin(id));
                prop_assert_eq!(assignment.map(|assignment| assignment.attempt.subject), begins);
            }
            Write::Renew => {
                let renewed = leases::renew(db, token, now).await.unwrap();
                prop_assert_eq!(accepted(renewed), begun.is_some());
                if let Some(id) = &begun {
                    self.model.renew(id);
                }
            }
            Write::Stage => {
                let told = attempts::set_stage(db, token, HarborStage::AgentRunning, now).await.unwrap();
                prop_assert_eq!(accepted(told), begun.is_some());
            }
            Write::Succeed => {
                let recorded = attempts::record(db, token, &reward(1.0), &RULES, now).await.unwrap();
                prop_assert_eq!(recorded, if begun.is_some() { Recorded::Ended } else { Recorded::Stale });
                if let Some(id) = &begun {
                    self.model.end(id, "success");
                }
            }
            Write::Fail { error_type, agent_began } => {
                let outcome = Outcome { error_type: Some(error_type.to_owned()), agent_began, ..Outcome::default() };
                let recorded = attempts::record(db, token, &outcome, &RULES, now).await.unwrap();
                let Some(id) = begun else {
                    prop_assert_eq!(recorded, Recorded::Stale);
                    return Ok(());
                };
                let phase = if agent_began { Phase::SinceAgent } else { Phase::BeforeAgent };
                let after = self.model.fail(&id, Failure::during(phase, error_type, "", now));
                let again = matches!(after, After::Again { .. });
                prop_assert_eq!(matches!(recorded, Recorded::Retried { .. }), again, "{:?}, {:?}", recorded, after);
                self.learn_wait(&id, after).await?;
            }
            Write::Lose => {
                let lost = attempts::lose(db, token, "gone", &RULES, now).await.unwrap();
                self.lost(holder.map(|(id, _)| id), lost).await?;
            }
            Write::Interrupt => {
                let interrupted = attempts::interrupt(db, token, "stop", now).await.unwrap();
                prop_assert_eq!(accepted(interrupted), begun.is_some());
                if let Some(id) = &begun {
                    self.model.put_back(id);
                }
            }
            Write::GiveBack => {
                let given = attempts::give_back(db, token, "no room", now).await.unwrap();
                prop_assert_eq!(accepted(given), claimed.is_some());
                if let Some(id) = &claimed {
                    self.model.put_back(id);
                }
            }
            Write::LaunchFailed => {
                let failed = attempts::launch_failed(db, token, "no program", now).await.unwrap();
                prop_assert_eq!(accepted(failed), claimed.is_some());
                if let Some(id) = &claimed {
                    self.model.end(id, "failed");
                }
            }
            Write::Cancelled => {
                let stopped = attempts::cancelled(db, token, now).await.unwrap();
                let asked = begun.filter(|id| self.model.trials[id].cancelled);
                prop_assert_eq!(accepted(stopped), asked.is_some());
                if let Some(id) = &asked {
                    self.model.end(id, "failed");
                }
            }
        }
        Ok(())
    }

    async fn lost(&mut self, id: Option<String>, lost: AfterLoss) -> Checked {
        let Some(id) = id else {
            prop_assert_eq!(lost, AfterLoss::Stale);
            return Ok(());
        };
        let after = self.model.lose(&id);
        let expected = match after {
            After::Over => AfterLoss::Failed,
            After::Cancelled => AfterLoss::Cancelled,
            After::Again { .. } => AfterLoss::Retried,
        };
        prop_assert_eq!(lost, expected);
        self.learn_wait(&id, after).await
    }

    /// Waits are spread at random: the model takes over what the database chose, if it was allowed to.
    async fn learn_wait(&mut self, id: &str, after: After) -> Checked {
        let After::Again { soonest, latest } = after else { return Ok(()) };
        if self.model.trials[id].job == Some(Job::Ready) {
            return Ok(());
        }
        let due = super::view(&self.scene.db).await.trials[id].job.as_ref().and_then(|job| job.time);
        prop_assert!(due.is_some_and(|due| (soonest..=latest).contains(&due)), "due {:?}, not {:?}", due, after);
        self.model.trial(id).job = due.map(|due| Job::Waiting { due });
        Ok(())
    }

    async fn cancel(&mut self, ids: Vec<String>, whole_task: Option<String>) -> Checked {
        let whole_tasks: Vec<String> = whole_task.into_iter().collect();
        let mut expected = Cancelled::default();
        // The whole task is marked before any of its trials ends it.
        for task in &whole_tasks {
            let marked = self.model.tasks.get_mut(task).unwrap();
            if !marked.cancelled && !matches!(marked.status, "completed" | "failed") {
                marked.cancelled = true;
                expected.tasks.push(task.clone());
            }
        }
        for id in &ids {
            let trial = &self.model.trials[id];
            let (asked_before, over) = (trial.cancelled, trial.job.is_none());
            let place = if over {
                &mut expected.over
            } else if self.model.cancel(id) {
                &mut expected.ended
            } else if asked_before {
                &mut expected.stopping_already
            } else {
                &mut expected.stopping
            };
            place.push(id.clone());
        }
        let done = cancelling::cancel(&self.scene.db, &ids, &whole_tasks, moment(self.model.now)).await.unwrap();
        let sorted = |mut cancelled: Cancelled| {
            let Cancelled { ended, stopping, stopping_already, over, .. } = &mut cancelled;
            for ids in [ended, stopping, stopping_already, over] {
                ids.sort();
            }
            cancelled
        };
        prop_assert_eq!(sorted(done), sorted(expected));
        Ok(())
    }

    async fn tidy(&mut self) -> Checked {
        let (db, now) = (&self.db(), moment(self.model.now));
        let (mut dead, mut overdue) = self.model.tidy();
        leases::suspect(db, now).await.unwrap();
        for found in leases::dead(db, now).await.unwrap() {
            let id = self.model.holder(found.attempt.token).map(|(id, _)| id);
            prop_assert!(id.as_ref().is_some_and(|id| dead.contains(id)), "{:?} is not dead", found);
            dead.retain(|other| Some(other) != id.as_ref());
            let reaped = attempts::reap(db, found.attempt.token, "gone", &RULES, now).await.unwrap();
            self.lost(id, reaped).await?;
        }
        for claim in queue::overdue(db, now).await.unwrap() {
            let id = self.model.holder(claim.attempt.token).map(|(id, _)| id);
            prop_assert!(id.as_ref().is_some_and(|id| overdue.contains(id)), "{:?} is not overdue", claim);
            overdue.retain(|other| Some(other) != id.as_ref());
            prop_assert!(accepted(attempts::give_back(db, claim.attempt.token, "late", now).await.unwrap()));
            if let Some(id) = &id {
                self.model.put_back(id);
            }
        }
        prop_assert_eq!((dead, overdue), (Vec::new(), Vec::new()), "nobody found them");
        Ok(())
    }
}
