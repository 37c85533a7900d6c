//! The protocol of claims, attempts and ends in memory, without anything that happens at the same time.

use std::time::Duration;

use oddish_domain::failure::Failure;
use oddish_domain::retry::{self, Counted, Decision, Ending};
use oddish_test_support::scene::{NOW, RULES};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{KEYS, Rows};

/// Milliseconds since the scene began.
pub(super) type Time = i64;

/// What a claim has until its launcher answers, and from then on.
const BEGIN_AT_ONCE: Time = 60_000;
const BEGIN_WITHIN: Time = 300_000;
const LEASE: Time = 300_000;
const SUSPICION: Time = 30_000;

pub(super) fn moment(time: Time) -> OffsetDateTime {
    NOW + time::Duration::milliseconds(time)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// Due at some time; the model learns when from the database, within bounds.
    Waiting {
        due: Time,
    },
    Ready,
    Claimed {
        begin_by: Time,
    },
    Begun {
        lease_until: Time,
        suspect_since: Option<Time>,
    },
}

#[derive(Debug)]
pub(super) struct Trial {
    pub(super) task: String,
    pub(super) key: usize,
    pub(super) high: bool,
    pub(super) status: &'static str,
    pub(super) attempts: i32,
    pub(super) cancelled: bool,
    /// Of its earlier attempts since a user last had it run again.
    failures: Vec<Counted>,
    /// Number of its newest claim.
    pub(super) number: i32,
    pub(super) job: Option<Job>,
    pub(super) token: Option<Uuid>,
}

#[derive(Debug, Default)]
pub(super) struct Task {
    pub(super) status: &'static str,
    pub(super) cancelled: bool,
    pub(super) high: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) limit: i32,
    pub(super) paused: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) trials: Rows<TrialView>,
    pub(super) tasks: Rows<String>,
    pub(super) keys: Rows<KeyView>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TrialView {
    pub(super) status: String,
    pub(super) attempts: i32,
    pub(super) cancelled: bool,
    pub(super) job: Option<JobView>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct JobView {
    pub(super) state: String,
    pub(super) number: i32,
    pub(super) time: Option<Time>,
    pub(super) suspect: Option<Time>,
    /// Whether its token is that of its trial's open attempt; none has none.
    pub(super) has_open_attempt: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeyView {
    pub(super) limit: i32,
    pub(super) running: i64,
    pub(super) paused: bool,
}

/// What becomes of a trial after a failure or loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It has ended.
    Over,
    Cancelled,
    /// Tried again, after a wait between these.
    Again {
        soonest: Time,
        latest: Time,
    },
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) now: Time,
    pub(super) trials: Rows<Trial>,
    pub(super) tasks: Rows<Task>,
    pub(super) keys: [Option<Key>; KEYS.len()],
}

impl Model {
    pub(super) fn submit(&mut self, trial_id: String, task: &str, key: usize) {
        let high = self.tasks[task].high;
        let trial = Trial {
            task: task.to_owned(),
            key,
            high,
            status: "queued",
            attempts: 0,
            cancelled: false,
            failures: Vec::new(),
            number: 0,
            job: Some(Job::Ready),
            token: None,
        };
        self.trials.insert(trial_id, trial);
    }

    /// The trial that this token may write for, if any.
    pub(super) fn holder(&mut self, token: Uuid) -> Option<(String, Job)> {
        let (id, trial) = self.trials.iter().find(|(_, trial)| trial.token == Some(token))?;
        Some((id.clone(), trial.job?))
    }

    pub(super) fn trial(&mut self, id: &str) -> &mut Trial {
        self.trials.get_mut(id).unwrap()
    }

    pub(super) fn running(&self, key: usize) -> usize {
        self.trials.values().filter(|trial| trial.key == key && trial.token.is_some()).count()
    }

    /// Retries whose time has come become ready when somebody claims.
    pub(super) fn wake(&mut self) {
        for trial in self.trials.values_mut() {
            if matches!(trial.job, Some(Job::Waiting { due }) if due <= self.now) {
                trial.job = Some(Job::Ready);
            }
        }
    }

    pub(super) fn claim(&mut self, id: &str, token: Uuid) {
        let begin_by = self.now + BEGIN_AT_ONCE;
        let trial = self.trial(id);
        trial.number += 1;
        (trial.job, trial.token) = (Some(Job::Claimed { begin_by }), Some(token));
    }

    pub(super) fn launched(&mut self, id: &str) {
        self.trial(id).job = Some(Job::Claimed { begin_by: self.now + BEGIN_WITHIN });
    }

    /// Whether it began.
    pub(super) fn begin(&mut self, id: &str) -> bool {
        if self.trial(id).cancelled {
            self.end(id, "failed");
            return false;
        }
        self.renew(id);
        let trial = self.trial(id);
        trial.status = "running";
        trial.attempts += 1;
        let task = trial.task.clone();
        let task = self.tasks.get_mut(&task).unwrap();
        if task.status == "pending" {
            task.status = "running";
        }
        true
    }

    pub(super) fn renew(&mut self, id: &str) {
        self.trial(id).job = Some(Job::Begun { lease_until: self.now + LEASE, suspect_since: None });
    }

    /// A failure was recorded.
    pub(super) fn fail(&mut self, id: &str, failure: Failure) -> After {
        self.retry_or_end(id, Ending::Failed(failure))
    }

    pub(super) fn lose(&mut self, id: &str) -> After {
        let trial = self.trial(id);
        if trial.status != "running" {
            trial.attempts += 1;
        }
        self.retry_or_end(id, Ending::Lost)
    }

    fn retry_or_end(&mut self, id: &str, ending: Ending) -> After {
        let trial = self.trial(id);
        let earlier = trial.failures.iter().copied().collect();
        let wait = |random| match retry::decide(ending, &earlier, RULES.max_attempts, &RULES, random) {
            Decision::Retry { after } => Some(milliseconds(after)),
            Decision::Fail => None,
        };
        let bounds = wait(0.0).zip(wait(1.0));
        let agent_began = matches!(ending, Ending::Failed(Failure { agent_began: true, .. }));
        trial.failures.extend(ending.class().map(|class| Counted { class, agent_began, count: 1 }));
        if trial.cancelled {
            self.end(id, "failed");
            return After::Cancelled;
        }
        let Some((soonest, latest)) = bounds else {
            self.end(id, "failed");
            return After::Over;
        };
        if trial.status == "running" {
            trial.status = "retrying";
        }
        trial.token = None;
        trial.job = Some(if latest == 0 { Job::Ready } else { Job::Waiting { due: Time::MIN } });
        After::Again { soonest: self.now + soonest, latest: self.now + latest }
    }

    /// Back into the queue, as if it had not been claimed.
    pub(super) fn put_back(&mut self, id: &str) {
        let trial = self.trial(id);
        if trial.cancelled {
            return self.end(id, "failed");
        }
        if trial.status == "running" {
            trial.status = "queued";
            trial.attempts -= 1;
        }
        (trial.job, trial.token) = (Some(Job::Ready), None);
    }

    pub(super) fn end(&mut self, id: &str, status: &'static str) {
        let trial = self.trial(id);
        (trial.status, trial.job, trial.token) = (status, None, None);
        let task = trial.task.clone();
        let over = self.trials.values().filter(|trial| trial.task == task).all(|trial| trial.job.is_none());
        let task = self.tasks.get_mut(&task).unwrap();
        if over {
            task.status = if task.cancelled { "failed" } else { "completed" };
        }
    }

    /// Asks for a trial's end; true if it ended then and there.
    pub(super) fn cancel(&mut self, id: &str) -> bool {
        let trial = self.trial(id);
        trial.cancelled |= trial.job.is_some();
        let waits = matches!(trial.job, Some(Job::Waiting { .. } | Job::Ready));
        if waits {
            self.end(id, "failed");
        }
        waits
    }

    /// Has a trial that ended run again; true if it had ended.
    pub(super) fn retry(&mut self, id: &str) -> bool {
        let trial = self.trial(id);
        if trial.job.is_some() {
            return false;
        }
        (trial.status, trial.attempts, trial.cancelled, trial.job) = ("queued", 0, false, Some(Job::Ready));
        trial.failures.clear();
        let task = trial.task.clone();
        self.reopen(&task);
        true
    }

    pub(super) fn reopen(&mut self, task: &str) {
        let task = self.tasks.get_mut(task).unwrap();
        if matches!(task.status, "completed" | "failed") {
            (task.status, task.cancelled) = ("running", false);
        }
    }

    /// Marks leases that ran out, and tells which runners are dead and which claims overdue.
    pub(super) fn tidy(&mut self) -> (Vec<String>, Vec<String>) {
        let now = self.now;
        let (mut dead, mut overdue) = (Vec::new(), Vec::new());
        for (id, trial) in &mut self.trials {
            match &mut trial.job {
                Some(Job::Begun { lease_until, suspect_since }) => {
                    if *lease_until < now {
                        suspect_since.get_or_insert(now);
                    }
                    if suspect_since.is_some_and(|since| since + SUSPICION <= now) {
                        dead.push(id.clone());
                    }
                }
                Some(Job::Claimed { begin_by }) if *begin_by < now => overdue.push(id.clone()),
                _ => {}
            }
        }
        (dead, overdue)
    }

    pub(super) fn view(&self) -> View {
        let trials = self.trials.iter().map(|(id, trial)| {
            let job = trial.job.map(|job| {
                let (state, time, suspect) = match job {
                    Job::Waiting { due } => ("waiting", Some(due), None),
                    Job::Ready => ("ready", None, None),
                    Job::Claimed { begin_by } => ("claimed", Some(begin_by), None),
                    Job::Begun { lease_until, suspect_since } => ("begun", Some(lease_until), suspect_since),
                };
                JobView { state: state.to_owned(), number: trial.number, time, suspect, has_open_attempt: true }
            });
            let Trial { attempts, cancelled, .. } = *trial;
            (id.clone(), TrialView { status: trial.status.to_owned(), attempts, cancelled, job })
        });
        let keys = self.keys.iter().zip(KEYS).enumerate().filter_map(|(at, (key, name))| {
            let Key { limit, paused } = (*key)?;
            let running = i64::try_from(self.running(at)).unwrap();
            Some((name.to_owned(), KeyView { limit, running, paused }))
        });
        let tasks = self.tasks.iter().map(|(id, task)| (id.clone(), task.status.to_owned()));
        View { trials: trials.collect(), tasks: tasks.collect(), keys: keys.collect() }
    }
}

fn milliseconds(duration: Duration) -> Time {
    Time::try_from(duration.as_millis()).unwrap()
}
