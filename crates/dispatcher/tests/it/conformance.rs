//! What every launcher must keep to, asked of each: child processes, tasks of ECS, and the one that tests script.

use std::sync::Arc;

use async_trait::async_trait;
use oddish_db::Db;
use oddish_db::jobs::{LiveAttempt, ProcessIdentity};
use oddish_db::queue::Claim;
use oddish_dispatcher::{EcsLauncher, LaunchError, Launcher, TaskStateChange};
use oddish_domain::status::JobKind;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::fake_ecs::{FakeEcs, failures, variable};
use crate::processes::Runners;
use crate::queue::{Queue, closer, eventually, of_kind};
use crate::scripted::Scripted;

/// A launcher, and the world in which its runners run.
#[async_trait(?Send)]
trait Rig {
    async fn of(queue: &Queue) -> Self
    where
        Self: Sized;

    fn launcher(&self) -> &dyn Launcher;

    /// Trial, number and token of each attempt that a runner was told, in order.
    async fn told(&self) -> Vec<(String, String, String)>;

    /// The next runner cannot be started, now or ever.
    fn refuse(&mut self, for_good: bool);

    /// The identity that the runner of this attempt would state.
    fn identity(&self, token: Uuid) -> ProcessIdentity;

    /// The runner of this attempt ends without a word.
    async fn die(&self, token: Uuid);

    /// Whether a runner of this attempt lives.
    fn lives(&self, token: Uuid) -> bool;
}

struct Tasks {
    ecs: FakeEcs,
    launcher: EcsLauncher,
    db: Db,
}

#[async_trait(?Send)]
impl Rig for Tasks {
    async fn of(queue: &Queue) -> Self {
        let ecs = FakeEcs::start().await;
        Self { launcher: ecs.launcher(&queue.db), ecs, db: queue.db.clone() }
    }

    fn launcher(&self) -> &dyn Launcher {
        &self.launcher
    }

    async fn told(&self) -> Vec<(String, String, String)> {
        let told = |task: &serde_json::Value| {
            let [trial, number, token] = ["ODDISH_TRIAL_ID", "ODDISH_ATTEMPT", "ODDISH_ATTEMPT_TOKEN"];
            (variable(task, trial), variable(task, number), variable(task, token))
        };
        self.ecs.tasks().iter().map(told).collect()
    }

    fn refuse(&mut self, for_good: bool) {
        self.ecs.answer_next("RunTask", failures(if for_good { "ATTRIBUTE" } else { "RESOURCE:CPU" }));
    }

    fn identity(&self, token: Uuid) -> ProcessIdentity {
        ProcessIdentity { host: token.to_string(), pid: 1, started_at: OffsetDateTime::now_utc() }
    }

    async fn die(&self, token: Uuid) {
        let arn = self.ecs.task_of(&token)["taskArn"].as_str().unwrap().to_owned();
        let event = self.ecs.end(&arn, "EssentialContainerExited", "it crashed", Some(137));
        let change: TaskStateChange = serde_json::from_value(event["detail"].clone()).unwrap();
        change.note(&closer(&self.db)).await.unwrap();
    }

    fn lives(&self, token: Uuid) -> bool {
        self.ecs.task_of(&token)["lastStatus"] != "STOPPED"
    }
}

struct Processes {
    runners: Runners,
    db: Db,
    launcher: oddish_dispatcher::ProcessLauncher,
}

#[async_trait(?Send)]
impl Rig for Processes {
    async fn of(queue: &Queue) -> Self {
        let script = "echo $$ > $ODDISH_ATTEMPT_TOKEN\n\
                      echo \"$ODDISH_TRIAL_ID $ODDISH_ATTEMPT $ODDISH_ATTEMPT_TOKEN\" >> told; exec sleep 600";
        let runners = Runners::of(script);
        Self { launcher: runners.launcher(&queue.db), runners, db: queue.db.clone() }
    }

    fn launcher(&self) -> &dyn Launcher {
        &self.launcher
    }

    async fn told(&self) -> Vec<(String, String, String)> {
        let whole = |told: String| told.ends_with('\n').then_some(told);
        let told =
            eventually("a runner to say what it was told", async || self.runners.read("told").and_then(whole)).await;
        let words = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            (words[0].clone(), words[1].clone(), words[2].clone())
        };
        told.lines().map(words).collect()
    }

    fn refuse(&mut self, for_good: bool) {
        if for_good {
            self.runners.remove_program();
        } else {
            self.runners.empty_program();
        }
        self.launcher = self.runners.launcher(&self.db);
    }

    fn identity(&self, token: Uuid) -> ProcessIdentity {
        self.runners.identity(&token.to_string())
    }

    async fn die(&self, token: Uuid) {
        self.runners.kill(&token.to_string());
    }

    fn lives(&self, token: Uuid) -> bool {
        self.runners.lives(&token.to_string())
    }
}

struct Fake(Arc<Scripted>);

#[async_trait(?Send)]
impl Rig for Fake {
    async fn of(queue: &Queue) -> Self {
        Self(Scripted::alone(closer(&queue.db)))
    }

    fn launcher(&self) -> &dyn Launcher {
        &*self.0
    }

    async fn told(&self) -> Vec<(String, String, String)> {
        let told =
            |claim: Claim| (claim.attempt.subject, claim.attempt.number.to_string(), claim.attempt.token.to_string());
        self.0.launched().into_iter().map(told).collect()
    }

    fn refuse(&mut self, for_good: bool) {
        let reason = "so it was scripted".to_owned();
        self.0.refuse(if for_good { LaunchError::Never { reason } } else { LaunchError::Busy { reason } });
    }

    fn identity(&self, token: Uuid) -> ProcessIdentity {
        ProcessIdentity { host: token.to_string(), pid: 1, started_at: OffsetDateTime::now_utc() }
    }

    async fn die(&self, token: Uuid) {
        self.0.die(token);
    }

    fn lives(&self, token: Uuid) -> bool {
        self.0.lives(token)
    }
}

/// A launcher and a claim to launch.
async fn rig<R: Rig>(db: Db) -> (Queue, R, Claim) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(2, 6).await;
    let claim = queue.claim().await;
    let rig = R::of(&queue).await;
    (queue, rig, claim)
}

async fn a_runner_is_told_its_attempt<R: Rig>(db: Db) {
    let (_, rig, claim) = rig::<R>(db).await;
    assert!(rig.launcher().room() > 0);
    rig.launcher().launch(&claim).await.unwrap();
    assert_eq!(rig.told().await, [(claim.attempt.subject.clone(), "1".to_owned(), claim.attempt.token.to_string())]);
    assert!(rig.lives(claim.attempt.token));
    rig.die(claim.attempt.token).await;
}

async fn what_cannot_start_now_is_busy_and_what_never_can_is_never<R: Rig>(db: Db) {
    let (queue, mut rig, claim) = rig::<R>(db).await;
    rig.refuse(true);
    let refused = rig.launcher().launch(&claim).await.unwrap_err();
    assert!(matches!(refused, LaunchError::Never { .. }), "{refused}");
    rig.refuse(false);
    let refused = rig.launcher().launch(&claim).await.unwrap_err();
    assert!(matches!(refused, LaunchError::Busy { .. }), "{refused}");
    assert_eq!(queue.outcomes().await, ["open"], "what becomes of the claim is the dispatcher's");
}

async fn work_that_is_no_trial_never_starts<R: Rig>(db: Db) {
    let (_, rig, claim) = rig::<R>(db).await;
    for kind in [JobKind::Analysis, JobKind::Verdict] {
        let refused = rig.launcher().launch(&of_kind(&claim, kind)).await.unwrap_err();
        assert!(matches!(refused, LaunchError::Never { .. }), "{refused}");
    }
}

async fn a_runner_that_dies_is_lost_and_its_trial_tried_again<R: Rig>(db: Db) {
    let (queue, rig, claim) = rig::<R>(db).await;
    rig.launcher().launch(&claim).await.unwrap();
    rig.told().await;
    queue.begin(&claim, &rig.identity(claim.attempt.token)).await;
    rig.launcher().reconcile().await.unwrap();
    assert_eq!(queue.outcomes().await, ["open"], "it lives");
    rig.die(claim.attempt.token).await;
    eventually("the attempt to be closed", async || {
        rig.launcher().reconcile().await.unwrap();
        (queue.outcomes().await == ["lost"]).then_some(())
    })
    .await;
    assert_eq!(queue.trials().await[0].0, "retrying");
}

async fn what_is_cleared_away_is_gone<R: Rig>(db: Db) {
    let (queue, rig, claim) = rig::<R>(db).await;
    rig.launcher().launch(&claim).await.unwrap();
    rig.told().await;
    let process = rig.identity(claim.attempt.token);
    queue.begin(&claim, &process).await;
    let token = claim.attempt.token;
    rig.launcher().clear(&LiveAttempt { attempt: claim.attempt, process }).await;
    eventually("the runner to go", async || (!rig.lives(token)).then_some(())).await;
}

/// Whoever stops the dispatcher waits for this.
async fn stopping_comes_to_an_end<R: Rig>(db: Db) {
    let (_, rig, claim) = rig::<R>(db).await;
    rig.launcher().launch(&claim).await.unwrap();
    rig.told().await;
    rig.launcher().stop().await;
    rig.launcher().stop().await;
}

macro_rules! every_launcher {
    ($($rule:ident),+ $(,)?) => {
        every_launcher!(@of processes Processes: $($rule),+);
        every_launcher!(@of tasks Tasks: $($rule),+);
        every_launcher!(@of fake Fake: $($rule),+);
    };
    (@of $module:ident $rig:ident: $($rule:ident),+) => {
        mod $module {
            use oddish_db::Db;
            use oddish_test_support::with_database;
            $(#[with_database]
            async fn $rule(db: Db) {
                super::$rule::<super::$rig>(db).await;
            })+
        }
    };
}

every_launcher!(
    a_runner_is_told_its_attempt,
    what_cannot_start_now_is_busy_and_what_never_can_is_never,
    work_that_is_no_trial_never_starts,
    a_runner_that_dies_is_lost_and_its_trial_tried_again,
    what_is_cleared_away_is_gone,
    stopping_comes_to_an_end,
);
