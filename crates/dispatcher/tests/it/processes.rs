//! Runners as real processes: a shell script in the place of `oddish-runner`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use oddish_db::Db;
use oddish_db::jobs::{LiveAttempt, ProcessIdentity};
use oddish_db::queue::Claim;
use oddish_db::wake::Wakes;
use oddish_dispatcher::{Dispatcher, LaunchError, Launcher as _, ProcessLauncher, RunnerCommand};
use oddish_domain::status::JobKind;
use oddish_test_support::with_database;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::queue::{PATIENCE, Queue, closer, eventually, of_kind};

/// What every script begins with: the call that cleans up is only noted. It takes a moment, as removing containers does.
const NOTE_CLEAN_UP: &str = r#"#!/bin/sh
if [ "$1" = clean-up-ended ]; then echo look >> looks; cat left 2>/dev/null; exit; fi
if [ "$1" = clean-up ]; then sleep 0.5; echo "clean-up $ODDISH_TRIAL_ID $ODDISH_ATTEMPT" >> notes; exit; fi
echo "start $ODDISH_TRIAL_ID $ODDISH_ATTEMPT" >> notes
"#;

/// A launcher of scripts, and the folder in which they leave their notes.
pub(crate) struct Runners {
    folder: TempDir,
    command: RunnerCommand,
}

impl Runners {
    /// `script` is what a runner does.
    pub(crate) fn of(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("runner");
        let place = format!("cd {}\n", folder.path().display());
        fs::write(&program, NOTE_CLEAN_UP.replacen('\n', &format!("\n{place}"), 1) + script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let environment = BTreeMap::from([("PATH".into(), std::env::var_os("PATH").unwrap())]);
        Self { folder, command: RunnerCommand { program, environment, max_runners: 2 } }
    }

    pub(crate) fn launcher(&self, db: &Db) -> ProcessLauncher {
        ProcessLauncher::new(closer(db), self.command.clone())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a script wrote into a file, once it did.
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.file(name)).ok()
    }

    /// From now on there is no such program.
    pub(crate) fn remove_program(&self) {
        fs::remove_file(&self.command.program).unwrap();
    }

    /// From now on the program is one that the system cannot run.
    pub(crate) fn empty_program(&self) {
        fs::write(&self.command.program, [0x7f, b'E', b'L', b'F']).unwrap();
        fs::set_permissions(&self.command.program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Of the process whose id a script has written into a file.
    pub(crate) fn identity(&self, file: &str) -> ProcessIdentity {
        identity(read_pid(&self.file(file)).unwrap())
    }

    pub(crate) fn kill(&self, file: &str) {
        killpg(read_pid(&self.file(file)).unwrap(), Signal::SIGKILL).unwrap();
    }

    pub(crate) fn lives(&self, file: &str) -> bool {
        read_pid(&self.file(file)).is_some_and(is_alive)
    }

    fn notes(&self) -> String {
        fs::read_to_string(self.file("notes")).unwrap_or_default()
    }

    /// The process whose id a script has written into a file.
    async fn process(&self, file: &str) -> Pid {
        eventually(file, async || read_pid(&self.file(file))).await
    }
}

fn read_pid(file: &Path) -> Option<Pid> {
    // Without its line's end it may be half a number.
    fs::read_to_string(file).ok()?.strip_suffix('\n')?.parse().ok().map(Pid::from_raw)
}

async fn gone(pid: Pid) {
    eventually("a process to go", async || (!is_alive(pid)).then_some(())).await;
}

/// A process that nobody has waited for yet keeps its entry, and is gone all the same.
fn is_alive(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

async fn ended(queue: &Queue, claim: &Claim) -> String {
    eventually("the attempt to end", async || {
        let sql = "select outcome from oddish.attempts where token = $1 and ended_at is not null";
        sqlx::query_scalar(sql).bind(claim.attempt.token).fetch_optional(&queue.db).await.unwrap()
    })
    .await
}

#[with_database]
async fn what_a_runner_leaves_that_recorded_nothing_is_killed_and_cleaned_up(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 2).await;
    let claim = queue.claim().await;
    let runners = Runners::of("sleep 600 & echo $! > left; exit 7");
    runners.launcher(&queue.db).launch(&claim).await.unwrap();
    let left = runners.process("left").await;
    assert_eq!(ended(&queue, &claim).await, "lost");
    gone(left).await;
    let trial_id = &claim.attempt.subject;
    assert_eq!(runners.notes(), format!("start {trial_id} 1\nclean-up {trial_id} 1\n"));
    let error: String = sqlx::query_scalar("select error from oddish.attempts").fetch_one(&queue.db).await.unwrap();
    assert_eq!(error, "The runner was lost: it ended with exit status: 7 and recorded nothing.");
}

/// The next attempt must not meet anything of the one before.
#[with_database]
async fn an_attempt_begins_when_the_lost_one_before_it_is_cleaned_up(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 2).await;
    let runners = Runners::of("exit 1");
    let dispatcher = Dispatcher::new(closer(&queue.db), std::sync::Arc::new(runners.launcher(&queue.db)));
    let (shutdown, stopped) = watch::channel(false);
    let running = tokio::spawn(async move { dispatcher.run(stopped).await });
    // The first loss is tried again at once, the second after a while.
    let lost = async || (queue.outcomes().await == ["lost", "lost"]).then_some(());
    eventually("two runners to be lost", lost).await;
    shutdown.send_replace(true);
    running.await.unwrap();
    let (status, attempts, error) = queue.trials().await.remove(0);
    assert_eq!((status.as_str(), attempts), ("queued", 2));
    assert!(error.unwrap().contains("The runner was lost"));
    let steps: Vec<String> =
        runners.notes().lines().map(|line| line.split_whitespace().step_by(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(steps, ["start 1", "clean-up 1", "start 2", "clean-up 2"]);
}

/// An analysis that nobody can make fails with its reason, instead of being given back for ever.
#[with_database]
async fn work_that_is_no_trial_is_never_launched(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let runners = Runners::of("exit 0");
    for kind in [JobKind::Analysis, JobKind::Verdict] {
        let claim = of_kind(&queue.claim().await, kind);
        let refused = runners.launcher(&queue.db).launch(&claim).await;
        let Err(LaunchError::Never { reason }) = refused else { panic!("{refused:?}") };
        assert!(reason.contains(kind.as_str()), "{reason}");
        oddish_db::attempts::give_back(&queue.db, claim.attempt.token, "not launched", OffsetDateTime::now_utc())
            .await
            .unwrap();
    }
    assert_eq!(runners.notes(), "", "no runner started");
}

#[with_database]
async fn a_runner_that_recorded_is_not_lost(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 6).await;
    let claim = queue.claim().await;
    let runners = Runners::of("echo $$ > runner.pid; while [ ! -e recorded ]; do sleep 0.01; done; exit 1");
    let launcher = runners.launcher(&queue.db);
    launcher.launch(&claim).await.unwrap();
    let runner = runners.process("runner.pid").await;
    assert_eq!(launcher.room(), 1);
    queue.begin(&claim, &identity(runner)).await;
    // A runner of ones own is looked after by waiting for it.
    assert!(!launcher.reconcile().await.unwrap());
    queue.record(&claim).await;
    let mut wakes = Wakes::listen(&queue.db).await.unwrap();
    fs::write(runners.file("recorded"), "").unwrap();
    tokio::time::timeout(PATIENCE, wakes.next()).await.expect("nobody was told of its place").unwrap();
    assert_eq!(launcher.room(), 2);
    assert_eq!(queue.outcomes().await, ["recorded"]);
    assert!(!runners.notes().contains("clean-up"), "{}", runners.notes());
}

/// Its attempt went with the trial, but not its containers.
#[with_database]
async fn what_a_killed_runner_of_a_deleted_trial_left_is_removed(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 6).await;
    let claim = queue.claim().await;
    let runners = Runners::of("echo $$ > runner.pid; sleep 600");
    let launcher = runners.launcher(&queue.db);
    launcher.launch(&claim).await.unwrap();
    let runner = runners.process("runner.pid").await;
    queue.begin(&claim, &identity(runner)).await;
    queue.change("delete from oddish.tasks").await;
    killpg(runner, Signal::SIGKILL).unwrap();
    let clean_up = format!("clean-up {} 1", claim.attempt.subject);
    eventually("the clean-up", async || runners.notes().contains(&clean_up).then_some(())).await;
    eventually("its place", async || (launcher.room() == 2).then_some(())).await;
}

#[with_database]
async fn a_runner_has_a_group_of_its_own_and_the_environment_that_it_was_given(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let claim = queue.claim().await;
    let mut runners = Runners::of("env > environment; cut -d ' ' -f 5 /proc/$$/stat > group; echo $$ > runner.pid");
    runners.command.environment.insert("GIVEN".into(), "a value".into());
    runners.launcher(&queue.db).launch(&claim).await.unwrap();
    let runner = runners.process("runner.pid").await;
    assert_eq!(read_pid(&runners.file("group")), Some(runner));
    let environment = fs::read_to_string(runners.file("environment")).unwrap();
    let mut names: Vec<&str> = environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // The shell's own.
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["GIVEN", "ODDISH_ATTEMPT", "ODDISH_ATTEMPT_TOKEN", "ODDISH_TRIAL_ID", "PATH"]);
    assert!(environment.contains(&format!("ODDISH_ATTEMPT_TOKEN={}\n", claim.attempt.token)), "{environment}");
    ended(&queue, &claim).await;
}

#[with_database]
async fn told_to_stop_it_tells_its_runners_and_waits_for_them(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 6).await;
    let claim = queue.claim().await;
    let runners = Runners::of(
        "trap 'sleep 0.3; echo told >> notes; kill $!; exit 0' TERM\n\
         sleep 600 & echo $$ > runner.pid; wait",
    );
    let launcher = runners.launcher(&queue.db);
    launcher.launch(&claim).await.unwrap();
    let runner = runners.process("runner.pid").await;
    // Less than the time after which it would kill them.
    tokio::time::timeout(Duration::from_secs(30), launcher.stop())
        .await
        .expect("it does not notice that they are gone");
    assert!(runners.notes().contains("told\n"), "{}", runners.notes());
    assert!(!is_alive(runner));
    assert_eq!(launcher.room(), 2);
}

#[with_database]
async fn a_program_that_is_not_there_can_never_be_launched(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let mut runners = Runners::of("");
    runners.command.program = runners.file("nowhere");
    let launcher = runners.launcher(&queue.db);
    let error = launcher.launch(&queue.claim().await).await.unwrap_err();
    assert!(matches!(error, LaunchError::Never { .. }) && error.to_string().contains("nowhere"), "{error}");
    assert_eq!(launcher.room(), 2);
}

/// The identity of a process of this host, as a runner would state it.
fn identity(pid: Pid) -> ProcessIdentity {
    let id = sysinfo::Pid::from_u32(pid.as_raw().try_into().unwrap());
    let mut system = System::new().unwrap();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), true, ProcessRefreshKind::nothing());
    let started = system.process(id).unwrap().start_time();
    ProcessIdentity {
        host: System::host_name().unwrap(),
        pid: pid.as_raw(),
        started_at: OffsetDateTime::from_unix_timestamp(started.try_into().unwrap()).unwrap(),
    }
}

/// A process that leads a group, as a runner of an earlier server does.
struct Stranger(Child);

impl Stranger {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").process_group(0).spawn().unwrap())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().try_into().unwrap())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

#[with_database]
async fn a_runner_of_an_earlier_server_is_left_alone_until_it_is_gone(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let claim = queue.claim().await;
    let stranger = Stranger::start();
    queue.begin(&claim, &identity(stranger.pid())).await;
    let runners = Runners::of("");
    let launcher = runners.launcher(&queue.db);
    assert!(launcher.reconcile().await.unwrap(), "it lives, and must be looked after");
    assert_eq!(queue.outcomes().await, ["open"]);
    // Nobody waits for it, so that it stays as a zombie.
    kill(stranger.pid(), Signal::SIGKILL).unwrap();
    gone(stranger.pid()).await;
    let mut wakes = Wakes::listen(&queue.db).await.unwrap();
    assert!(!launcher.reconcile().await.unwrap());
    tokio::time::timeout(PATIENCE, wakes.next()).await.expect("other dispatchers were not told of its slot").unwrap();
    assert_eq!(queue.outcomes().await, ["lost"]);
    assert_eq!(runners.notes(), format!("clean-up {} 1\n", claim.attempt.subject));
}

/// Process ids are used again.
#[with_database]
async fn a_runner_whose_process_id_another_process_has_now_is_gone(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let claim = queue.claim().await;
    let innocent = Stranger::start();
    let now = identity(innocent.pid());
    queue.begin(&claim, &ProcessIdentity { started_at: now.started_at - time::Duration::HOUR, ..now }).await;
    assert!(!Runners::of("").launcher(&queue.db).reconcile().await.unwrap());
    assert_eq!(queue.outcomes().await, ["lost"]);
    assert!(is_alive(innocent.pid()), "it was killed, and has nothing to do with the runner");
}

/// One that hangs is still there when its lease has run out; a stranger may have the number of one that is gone.
#[with_database]
async fn what_is_left_of_a_dead_runner_is_ended_and_nothing_else(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let claim = queue.claim().await;
    let runners = Runners::of("");
    let launcher = runners.launcher(&queue.db);
    let dead = |process| LiveAttempt { attempt: claim.attempt.clone(), process };
    let process = Stranger::start();
    let now = identity(process.pid());
    let elsewhere = ProcessIdentity { host: "elsewhere".to_owned(), ..now.clone() };
    launcher.clear(&dead(elsewhere)).await;
    assert_eq!(runners.notes(), "", "what runs elsewhere is out of reach");
    let earlier = ProcessIdentity { started_at: now.started_at - time::Duration::HOUR, ..now.clone() };
    launcher.clear(&dead(earlier)).await;
    assert!(is_alive(process.pid()), "it was killed, and has nothing to do with the runner");
    launcher.clear(&dead(now)).await;
    gone(process.pid()).await;
    assert_eq!(runners.notes().matches("clean-up").count(), 2);
}

#[with_database]
async fn the_runners_of_another_host_are_its_own_affair(db: Db) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 1).await;
    let claim = queue.claim().await;
    let elsewhere = ProcessIdentity { host: "elsewhere".to_owned(), pid: 1, started_at: OffsetDateTime::UNIX_EPOCH };
    queue.begin(&claim, &elsewhere).await;
    assert!(!Runners::of("").launcher(&queue.db).reconcile().await.unwrap());
    assert_eq!(queue.outcomes().await, ["open"]);
}
