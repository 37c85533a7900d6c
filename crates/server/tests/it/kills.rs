//! Everything is killed over and over while trials run: each of them ends, and none is recorded or paid for twice.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use uuid::Uuid;

use crate::stack::{Stack, eventually, hello};
use crate::stand_in;

const TRIALS: usize = 200;
const AT_ONCE: usize = 8;
/// How often each kind of kill comes.
const ROUNDS: usize = 2;

/// What is killed on the spot.
#[derive(Clone, Copy, Debug)]
enum Victim {
    /// Two runners, wherever they are in their work.
    Runners,
    /// The dispatching process, which is then started again.
    Dispatcher,
    /// The dispatching process and two runners, whose deaths so nobody sees.
    DispatcherAndRunners,
    /// Postgres, which is then started again.
    Postgres,
    /// A runner that has stored its outcome and cannot record it, since Postgres is away.
    FinishedRunner,
    /// The dispatching process, Postgres and all runners.
    Everything,
}

const VICTIMS: [Victim; 6] = [
    Victim::Runners,
    Victim::Dispatcher,
    Victim::FinishedRunner,
    Victim::DispatcherAndRunners,
    Victim::Postgres,
    Victim::Everything,
];

#[tokio::test]
async fn whatever_is_killed_every_trial_ends_and_is_recorded_once() {
    let mut scene = Scene::start().await;
    let kills = VICTIMS.len() * ROUNDS;
    for (number, victim) in VICTIMS.iter().cycle().take(kills).enumerate() {
        // Spread over the trials, and none in the last tenth of them: there must be something left to kill.
        scene.ended((number + 1) * (TRIALS - TRIALS / 10) / (kills + 1)).await;
        scene.kill(*victim).await;
    }
    scene.ended(TRIALS).await;
    scene.check().await;
}

struct Scene {
    stack: Stack,
    task_id: String,
    dispatcher: Pid,
    /// Trial and attempt of the runners that were killed before they could record.
    finished: Vec<(String, i32)>,
}

/// An attempt that has begun and not ended.
#[derive(sqlx::FromRow)]
struct Begun {
    trial_id: String,
    number: i32,
    pid: i32,
}

impl Scene {
    async fn start() -> Self {
        let mut stack = Stack::with_own_postgres().await;
        let stand_in = stand_in::install(&stack);
        stack.set("ODDISH_HARBOR_PYTHON", stand_in.to_str().unwrap());
        // A trial that loses its runner twice would else wait for a minute.
        stack.set("ODDISH_RETRY_BACKOFF_BASE", "0");
        // These trials have no containers, and asking Docker takes longer than a trial.
        stack.set("DOCKER_HOST", "unix:///nowhere");
        let limit = format!(r#"{{"default": {AT_ONCE}}}"#);
        stack.start_api(&["--no-workers", "--n-concurrent", &limit]).await;
        let task_id = stack.submit(&hello(), &["-a", "oracle", "--n-trials", &TRIALS.to_string()]).remove(0);
        let dispatcher = stack.start(&["worker"]);
        Self { stack, task_id, dispatcher, finished: Vec::new() }
    }

    /// Waits until so many trials have ended.
    async fn ended(&self, wanted: usize) {
        eventually(&format!("{wanted} trials to end"), async || {
            // What was claimed by a dispatcher that is gone, for a runner that is gone or never was, is given back at a deadline that is
            // minutes away: here seconds.
            sqlx::query(
                "update oddish.jobs j set begin_by = now() from oddish.attempts a
                where a.token = j.token and j.state = 'claimed' and j.begin_by > now() and a.claimed_at < now() - interval '5 s'",
            )
            .execute(&self.stack.db)
            .await
            .unwrap();
            let ended = self.count("select count(*) from oddish.trials where status in ('success', 'failed')").await;
            (ended >= wanted).then_some(())
        })
        .await;
    }

    async fn kill(&mut self, victim: Victim) {
        match victim {
            Victim::Runners => self.kill_runners(2),
            Victim::Dispatcher => {
                self.stack.kill(self.dispatcher);
                self.start_dispatcher();
            }
            Victim::DispatcherAndRunners => {
                self.stack.kill(self.dispatcher);
                self.kill_runners(2);
                self.start_dispatcher();
            }
            Victim::Postgres => {
                self.stack.postgres().kill().await;
                self.stack.postgres().start_again();
            }
            Victim::FinishedRunner => self.kill_a_finished_runner().await,
            Victim::Everything => {
                self.stack.kill(self.dispatcher);
                self.stack.postgres().kill().await;
                for runner in self.runners() {
                    let _ = killpg(runner, Signal::SIGKILL);
                }
                self.stack.postgres().start_again();
                self.start_dispatcher();
            }
        }
    }

    fn start_dispatcher(&mut self) {
        self.dispatcher = self.stack.start(&["worker"]);
    }

    /// The runners that live, those that have not begun among them.
    fn runners(&self) -> Vec<Pid> {
        let is_runner = |process: &Pid| {
            std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|words| words.ends_with(b"/oddish-runner\0"))
        };
        self.stack.processes().into_iter().filter(is_runner).collect()
    }

    fn kill_runners(&self, count: usize) {
        let mut runners = self.runners();
        for _ in 0..count.min(runners.len()) {
            let chosen = usize::try_from(Uuid::new_v4().as_u128() % runners.len() as u128).unwrap();
            // It may have ended meanwhile.
            let _ = kill(runners.swap_remove(chosen), Signal::SIGKILL);
        }
    }

    async fn kill_a_finished_runner(&mut self) {
        // What runs now does not end before Postgres is away, however long it takes to kill that. What was about to end does so meanwhile.
        let hold = self.stack.folder().join("hold");
        std::fs::write(&hold, "").unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let begun = eventually("runners to begin", async || {
            let begun: Vec<Begun> = sqlx::query_as(
                "select trial_id, number, pid from oddish.attempts where ended_at is null and pid is not null",
            )
            .fetch_all(&self.stack.db)
            .await
            .unwrap();
            (begun.len() >= AT_ONCE / 2).then_some(begun)
        })
        .await;
        self.stack.postgres().kill().await;
        std::fs::remove_file(hold).unwrap();
        let finished = eventually("a runner that lives to store its outcome", async || {
            let stored = |attempt: &&Begun| self.outcome_file(&attempt.trial_id, attempt.number).is_file();
            begun.iter().filter(stored).find(|attempt| kill(Pid::from_raw(attempt.pid), Signal::SIGKILL).is_ok())
        })
        .await;
        self.finished.push((finished.trial_id.clone(), finished.number));
        self.stack.postgres().start_again();
    }

    fn outcome_file(&self, trial_id: &str, number: i32) -> PathBuf {
        let trials = self.stack.storage().join("tasks").join(&self.task_id).join("trials");
        trials.join(trial_id).join(format!("attempt-{number}.outcome.json"))
    }

    async fn count(&self, query: &'static str) -> usize {
        let count: i64 = sqlx::query_scalar(query).fetch_one(&self.stack.db).await.unwrap();
        usize::try_from(count).unwrap()
    }

    async fn check(&self) {
        let graded = "select count(*) from oddish.trials where status = 'success' and reward = 1";
        assert_eq!(self.count(graded).await, TRIALS, "every trial succeeds in the end");
        let left = [
            "select count(*) from oddish.attempts where ended_at is null",
            "select count(*) from oddish.jobs",
            "select count(*) from oddish.trials t where (
                select count(*) from oddish.attempts a where a.trial_id = t.id and a.outcome = 'recorded') <> 1",
            // What a client is shown is what the recorded attempt left.
            "select count(*) from oddish.trials t join oddish.attempts a on a.trial_id = t.id and a.outcome = 'recorded'
            where t.artifact_prefix not like '%/attempt-' || a.number || '/'",
        ];
        for query in left {
            assert_eq!(self.count(query).await, 0, "{query}");
        }
        let task = self.stack.completed(&self.task_id).await;
        assert_eq!((&task["completed"], &task["failed"]), (&TRIALS.into(), &0.into()));

        let unrecorded: Vec<(String, i32, String)> =
            sqlx::query_as("select trial_id, number, outcome from oddish.attempts where outcome <> 'recorded'")
                .fetch_all(&self.stack.db)
                .await
                .unwrap();
        assert!(unrecorded.iter().any(|(.., outcome)| outcome == "lost"), "nobody was killed: {unrecorded:?}");
        for (trial_id, number, outcome) in &unrecorded {
            let file = self.outcome_file(trial_id, *number);
            assert!(
                !file.exists(),
                "{trial_id} had finished, and was paid for again: its attempt {number} is {outcome}"
            );
        }
        assert_eq!(self.finished.len(), ROUNDS, "a runner is killed between finishing and recording in each round");
        for (trial_id, number) in &self.finished {
            let recorded = unrecorded.iter().all(|(trial, attempt, _)| (trial, attempt) != (trial_id, number));
            assert!(recorded, "attempt {number} of {trial_id} had stored its outcome");
        }
    }
}
