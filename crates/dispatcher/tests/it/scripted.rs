//! A launcher whose answers are laid out beforehand, and a dispatcher that uses it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_trait::async_trait;
use oddish_db::jobs::LiveAttempt;
use oddish_db::queue::Claim;
use oddish_db::{Db, DbError};
use oddish_dispatcher::{CloseError, Closer, Dispatched, Dispatcher, LaunchError, Launcher, Lost};
use oddish_domain::status::JobKind;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::queue::{PATIENCE, closer};

/// What the dispatcher did.
#[derive(Debug)]
pub(crate) enum Step {
    /// It began a pass.
    Pass,
    /// It had a runner started.
    Launch(Claim),
    /// It had what was left of a dead runner ended.
    Clear(LiveAttempt),
    /// It had the runners stopped.
    Stop,
}

/// A launcher with a number of places, each of which a launched claim takes for good.
pub(crate) struct Scripted {
    places: AtomicU32,
    watching: AtomicBool,
    /// The answers to the next launches; after them each is started.
    answers: Mutex<VecDeque<LaunchError>>,
    /// The faults of the next passes.
    faults: Mutex<VecDeque<DbError>>,
    steps: mpsc::UnboundedSender<Step>,
    closer: Closer,
    /// Whose runners live, in the order of their launches.
    living: Mutex<Vec<Claim>>,
    /// Whose runners are gone, without anybody having noticed.
    gone: Mutex<Vec<Claim>>,
}

/// A dispatcher at work, and what it does.
pub(crate) struct Running {
    pub(crate) launcher: Arc<Scripted>,
    steps: mpsc::UnboundedReceiver<Step>,
    shutdown: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What a test lays out before the dispatcher starts.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) places: u32,
    pub(crate) watching: bool,
    pub(crate) answers: Vec<LaunchError>,
    pub(crate) faults: Vec<DbError>,
}

impl Script {
    /// Has a dispatcher do what can be done now.
    pub(crate) async fn dispatch(self, db: &Db) -> Dispatched {
        let (launcher, _steps) = self.launcher(closer(db));
        Dispatcher::new(closer(db), launcher).dispatch(Instant::now() + PATIENCE).await.unwrap()
    }

    pub(crate) fn start(self, db: &Db) -> Running {
        let (launcher, steps) = self.launcher(closer(db));
        let dispatcher = Dispatcher::new(closer(db), launcher.clone());
        let (shutdown, stopped) = watch::channel(false);
        let task = tokio::spawn(async move { dispatcher.run(stopped).await });
        Running { launcher, steps, shutdown, task }
    }

    fn launcher(self, closer: Closer) -> (Arc<Scripted>, mpsc::UnboundedReceiver<Step>) {
        let (sender, steps) = mpsc::unbounded_channel();
        let launcher = Arc::new(Scripted {
            places: AtomicU32::new(self.places),
            watching: AtomicBool::new(self.watching),
            answers: Mutex::new(self.answers.into()),
            faults: Mutex::new(self.faults.into()),
            steps: sender,
            closer,
            living: Mutex::default(),
            gone: Mutex::default(),
        });
        (launcher, steps)
    }
}

impl Scripted {
    /// One that no dispatcher uses.
    pub(crate) fn alone(closer: Closer) -> Arc<Self> {
        Script { places: 8, ..Script::default() }.launcher(closer).0
    }

    /// Answers the next launch so.
    pub(crate) fn refuse(&self, error: LaunchError) {
        self.answers.lock().unwrap().push_back(error);
    }

    /// The claims whose runners live.
    pub(crate) fn launched(&self) -> Vec<Claim> {
        self.living.lock().unwrap().clone()
    }

    pub(crate) fn lives(&self, token: Uuid) -> bool {
        self.living.lock().unwrap().iter().any(|claim| claim.attempt.token == token)
    }

    /// The runner of this attempt ends without a word.
    pub(crate) fn die(&self, token: Uuid) {
        let dead = self.living.lock().unwrap().extract_if(.., |claim| claim.attempt.token == token).collect::<Vec<_>>();
        self.gone.lock().unwrap().extend(dead);
    }

    pub(crate) fn add_places(&self, places: u32) {
        self.places.fetch_add(places, Ordering::SeqCst);
    }

    fn tell(&self, step: Step) {
        let _a_test_that_has_ended = self.steps.send(step);
    }
}

#[async_trait]
impl Launcher for Scripted {
    fn room(&self) -> u32 {
        self.places.load(Ordering::SeqCst)
    }

    async fn launch(&self, claim: &Claim) -> Result<(), LaunchError> {
        self.tell(Step::Launch(claim.clone()));
        if let Some(error) = self.answers.lock().unwrap().pop_front() {
            return Err(error);
        }
        if claim.attempt.kind != JobKind::Trial {
            return Err(LaunchError::Never { reason: format!("there are no runners for {}", claim.attempt.kind) });
        }
        let before = self.places.fetch_sub(1, Ordering::SeqCst);
        assert!(before > 0, "more was claimed than there is room for");
        self.living.lock().unwrap().push(claim.clone());
        Ok(())
    }

    async fn reconcile(&self) -> Result<bool, CloseError> {
        self.tell(Step::Pass);
        let gone = std::mem::take(&mut *self.gone.lock().unwrap());
        for Claim { attempt, .. } in gone {
            self.closer.lost(Lost { attempt: &attempt, how: "so it was scripted" }).await?;
        }
        match self.faults.lock().unwrap().pop_front() {
            Some(fault) => Err(fault.into()),
            None => Ok(self.watching.load(Ordering::SeqCst)),
        }
    }

    async fn clear(&self, dead: &LiveAttempt) {
        self.tell(Step::Clear(dead.clone()));
        self.living.lock().unwrap().retain(|claim| claim.attempt.token != dead.attempt.token);
    }

    async fn stop(&self) {
        self.tell(Step::Stop);
    }
}

impl Running {
    async fn step(&mut self) -> Step {
        let step = tokio::time::timeout(PATIENCE, self.steps.recv()).await;
        step.expect("the dispatcher does nothing").expect("the dispatcher is gone")
    }

    /// The next claim that is launched.
    pub(crate) async fn launched(&mut self) -> Claim {
        loop {
            if let Step::Launch(claim) = self.step().await {
                return claim;
            }
        }
    }

    /// The next dead runner that is cleared away.
    pub(crate) async fn cleared(&mut self) -> LiveAttempt {
        loop {
            if let Step::Clear(dead) = self.step().await {
                return dead;
            }
        }
    }

    /// Waits until the next pass begins, before which nothing may be launched.
    pub(crate) async fn pass(&mut self) {
        let step = self.step().await;
        assert!(matches!(step, Step::Pass), "{step:?}");
    }

    /// Tells the dispatcher to stop, waits until it has, and tells what it did meanwhile.
    pub(crate) async fn stop(mut self) -> Vec<Step> {
        self.shutdown.send_replace(true);
        tokio::time::timeout(PATIENCE, self.task).await.expect("the dispatcher does not stop").unwrap();
        let mut rest = Vec::new();
        while let Ok(step) = self.steps.try_recv() {
            rest.push(step);
        }
        rest
    }
}
