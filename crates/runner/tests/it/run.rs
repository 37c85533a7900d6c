//! A whole attempt over a real database and a real store, with a shell script in Harbor's place.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use oddish_artifacts::key::attempt_outcome_key;
use oddish_artifacts::{FolderStore, Key, SharedStore, archive, hash, list_all};
use oddish_db::attempts::{self, AfterLoss, StoredOutcome};
use oddish_db::wake::Wakes;
use oddish_db::{AttemptRef, Db, queue, queue_keys};
use oddish_domain::agent_env::AgentEnv;
use oddish_domain::retry::RetrySettings;
use oddish_domain::sealing::{SealedEnv, SealingKey, SecretKey};
use oddish_runner::attempt::Scratch;
use oddish_runner::confinement::Mode;
use oddish_runner::run::{Ending, RunError, Runner, run};
use oddish_runner::settings::{RunnerSettings, TreeBounds};
pub(crate) use oddish_test_support::hello_task as hello;
use oddish_test_support::{QueuedTrials, with_database};
use oddish_wake::Wake;
use time::OffsetDateTime;

use crate::confinement;

/// How long anything may take that is waited for; nothing takes as long unless it never comes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Says that Harbor is imported, and waits for the trial.
const READY: &str = r#"#!/bin/sh
echo '{"ready": 0.0}'
read -r line || exit 130
config=$(printf '%s' "$line" | sed 's/^{"config":"\([^"]*\)".*/\1/')
echo "$config" > began
"#;

/// Waits until the test lets it go on.
const WAIT: &str = "while [ ! -e go-on ]; do sleep 0.01; done\n";

/// Leaves a result with a reward of 1.
pub(crate) const SUCCEED: &str = r#"
mkdir -p "$TRIAL/verifier"
echo 1 > "$TRIAL/verifier/reward.txt"
echo '{"trial_name": "some", "verifier_result": {"rewards": {"reward": 1.0}}}' > "$TRIAL/result.json"
echo '{"done": true}'
"#;

/// A claimed attempt, and a runner for it.
pub(crate) struct Rig {
    folder: tempfile::TempDir,
    pub(crate) runner: Runner,
    pub(crate) attempt: AttemptRef,
    scratch: Scratch,
}

/// Queues a trial of the example task and claims it. `script` is what stands in for Harbor.
pub(crate) async fn rig(db: Db, script: &str) -> Rig {
    scripted(rig_of(db, &hello()).await, script)
}

/// Puts a script in Harbor's place.
pub(crate) fn scripted(rig: Rig, script: &str) -> Rig {
    let python = rig.file("harbor");
    let place = format!("cd {}\nTRIAL={}\n", rig.folder.path().display(), rig.scratch.trial().display());
    fs::write(&python, READY.replacen('\n', &format!("\n{place}"), 1) + script).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    rig
}

/// Queues a trial of a task and claims it.
pub(crate) async fn rig_of(db: Db, task: &Path) -> Rig {
    rig_of_trial(db, task, 0).await
}

/// The same, where the trial has this index: containers are told apart by it.
pub(crate) async fn rig_of_trial(db: Db, task: &Path, index: i32) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let jobs_dir = folder.path().join("jobs");
    let store: SharedStore = Arc::new(FolderStore::open(folder.path().join("store")).unwrap());
    let archive_sha256 = store_task(&store, task, folder.path()).await;
    queue_keys::set_limit(&db, "k", 1, OffsetDateTime::now_utc()).await.unwrap();
    let trial = QueuedTrials { indexes: index..index + 1, archive_sha256, ..QueuedTrials::new(1, "k") };
    trial.insert(&db).await;
    let claim = queue::claim(&db, 1, OffsetDateTime::now_utc()).await.unwrap().pop().expect("a claim");

    let scratch = Scratch::new(&jobs_dir, &claim.attempt.subject, claim.attempt.number);
    let settings = RunnerSettings {
        jobs_dir,
        harbor_python: Some(folder.path().join("harbor")),
        default_agent_timeout_sec: 60.0,
        min_free_bytes: 0,
        allow_host_access: false,
        pass_env: Vec::new(),
        // The stand-in speaks to the test by files outside the attempt's folder.
        confinement: confinement(Mode::Off),
        silence: Duration::from_mins(1),
        grace: Duration::from_mins(30),
        tree_bounds: TreeBounds { bytes: 5_000_000_000, files: 100_000 },
    };
    let retries = RetrySettings::default();
    let runner = Runner {
        wake: Wake::through(db.clone()),
        db,
        store,
        settings,
        retries,
        variables: std::env::vars_os().collect(),
        program: env!("CARGO_BIN_EXE_oddish-runner").into(),
    };
    let attempt = claim.attempt;
    Rig { folder, runner, attempt, scratch }
}

/// Stores a task, and returns its archive's SHA-256.
async fn store_task(store: &SharedStore, task: &Path, folder: &Path) -> String {
    let mut bytes = Vec::new();
    archive::pack(task, &mut bytes).await.unwrap();
    let file = folder.join("archive");
    fs::write(&file, bytes).unwrap();
    store.put_file(&QueuedTrials::ARCHIVE.parse().unwrap(), &file).await.unwrap();
    hash::sha256_file(&file).await.unwrap()
}

impl Rig {
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    fn go_on(&self) {
        fs::write(self.file("go-on"), "").unwrap();
    }

    pub(crate) async fn run(&self) -> Result<Ending, RunError> {
        tokio::time::timeout(PATIENCE, Box::pin(run(&self.runner, &self.attempt))).await.expect("it does not end")
    }

    /// Text of one column of the trial.
    pub(crate) async fn trial(&self, column: &str) -> Option<String> {
        let sql = format!("select {column}::text from oddish.trials");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.runner.db).await.unwrap()
    }

    /// Waits until a column of the trial has this value.
    pub(crate) async fn until_trial(&self, column: &str, value: &str) {
        let looking = async {
            while self.trial(column).await.as_deref() != Some(value) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{column} never became {value}"));
    }

    /// What is stored of the attempt.
    pub(crate) async fn stored(&self) -> Vec<Key> {
        let objects = list_all(&*self.runner.store, "tasks/some-task/trials/").await.unwrap();
        objects.into_iter().map(|object| object.key).collect()
    }
}

#[with_database]
async fn an_attempt_shows_what_it_does_and_leaves_its_result(db: Db) {
    let events = r#"
echo '{"event": "agent-start", "at": "2026-01-31T10:00:00Z"}'
echo '{"log": "agent", "stream": "stdout", "text": "said in the sandbox"}'
"#;
    let rig = rig(db, &[events, WAIT, SUCCEED].concat()).await;
    let mut wakes = Wakes::listen(&rig.runner.db).await.unwrap();
    let watching = async {
        rig.until_trial("harbor_stage", "agent_running").await;
        assert_eq!(rig.trial("status").await.as_deref(), Some("running"));
        rig.go_on();
    };
    let (ending, ()) = tokio::join!(rig.run(), watching);
    assert_eq!(ending.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("status").await.as_deref(), Some("success"));
    assert_eq!(rig.trial("reward").await.as_deref(), Some("1"));
    let prefix = rig.trial("artifact_prefix").await.unwrap();
    let stored = rig.stored().await;
    assert!(stored.iter().any(|key| key.as_str() == format!("{prefix}result.json")), "{stored:?}");
    let mut log = String::new();
    for key in stored.iter().filter(|key| key.as_str().contains("attempt-1.log/")) {
        log += std::str::from_utf8(&rig.runner.store.get(key).await.unwrap()).unwrap();
    }
    assert!(log.contains("agent-start") && log.contains("said in the sandbox"), "{log}");
    assert!(!rig.scratch.root().exists(), "the scratch folder stays");
    let woken = tokio::time::timeout(PATIENCE, wakes.next()).await;
    woken.expect("nobody was told that a slot came free").unwrap();
}

#[with_database]
async fn an_archive_that_has_changed_is_not_run(db: Db) {
    let rig = rig(db, SUCCEED).await;
    rig.runner.store.put(&QueuedTrials::ARCHIVE.parse().unwrap(), "something else".into()).await.unwrap();
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("status").await.as_deref(), Some("failed"));
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("TaskArchiveChanged"));
    assert!(!rig.file("began").exists(), "the trial was begun");
}

#[with_database]
async fn an_attempt_that_somebody_closes_is_stopped(db: Db) {
    let rig = rig(db, "trap 'echo told > told; exit 130' TERM\necho > listening\nwhile :; do sleep 0.01; done").await;
    let closing = async {
        while !rig.file("listening").exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let Runner { db, retries, .. } = &rig.runner;
        let lost = attempts::lose(db, rig.attempt.token, "gone", retries, OffsetDateTime::now_utc()).await;
        assert_eq!(lost.unwrap(), AfterLoss::Retried);
    };
    let (ending, ()) = tokio::join!(rig.run(), closing);
    assert_eq!(ending.unwrap(), Ending::Stale);
    assert!(rig.file("told").exists(), "Harbor was not told to stop");
    assert_eq!(rig.trial("status").await.as_deref(), Some("retrying"));
    assert!(!rig.scratch.root().exists(), "the scratch folder stays");
}

#[with_database]
async fn a_trial_that_somebody_cancels_is_stopped_and_says_so(db: Db) {
    let rig = rig(db, "trap 'echo told > told; exit 130' TERM\necho > listening\nwhile :; do sleep 0.01; done").await;
    let cancelling = async {
        while !rig.file("listening").exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let ids = [rig.attempt.subject.clone()];
        sqlx::query("update oddish.trials set cancel_requested_at = now() where id = any($1)")
            .bind(&ids[..])
            .execute(&rig.runner.db)
            .await
            .unwrap();
    };
    let (ending, ()) = tokio::join!(rig.run(), cancelling);
    assert_eq!(ending.unwrap(), Ending::Cancelled);
    assert!(rig.file("told").exists(), "Harbor was not told to stop");
    assert_eq!(rig.trial("status").await.as_deref(), Some("failed"));
    assert_eq!(rig.trial("harbor_stage").await.as_deref(), Some("cancelled"));
    assert!(!rig.scratch.root().exists(), "the scratch folder stays");
}

/// Whatever becomes of the runner after that, the trial need not run again.
#[with_database]
async fn the_outcome_is_stored_before_it_is_recorded(db: Db) {
    let rig = rig(db, &format!("while [ ! -e locked ]; do sleep 0.01; done\n{SUCCEED}")).await;
    // Recording waits for this lock; storing does not.
    let mut held = rig.runner.db.begin().await.unwrap();
    let locking = async {
        rig.until_trial("status", "running").await;
        sqlx::query("select from oddish.jobs for update").execute(&mut held).await.unwrap();
        std::fs::write(rig.file("locked"), "").unwrap();
        let key = attempt_outcome_key("some-task", "some-task-0", 1).unwrap();
        let stored = loop {
            match rig.runner.store.get(&key).await {
                Ok(stored) => break stored,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let stored: StoredOutcome = serde_json::from_slice(&stored).unwrap();
        assert_eq!((stored.token, stored.outcome.reward), (rig.attempt.token, Some(1.0)));
        assert_eq!(rig.trial("status").await.as_deref(), Some("running"), "it is not recorded yet");
        held.rollback().await.unwrap();
    };
    let (ending, ()) = tokio::join!(rig.run(), locking);
    assert_eq!(ending.unwrap(), Ending::Recorded);
}

#[with_database]
async fn an_attempt_that_is_not_ours_is_not_begun(db: Db) {
    let rig = rig(db, SUCCEED).await;
    attempts::give_back(&rig.runner.db, rig.attempt.token, "late", OffsetDateTime::now_utc()).await.unwrap();
    assert_eq!(rig.run().await.unwrap(), Ending::Stale);
    assert_eq!(rig.trial("status").await.as_deref(), Some("queued"));
    assert!(!rig.file("began").exists(), "the trial was begun");
}

#[with_database]
async fn what_a_crashed_harbor_said_last_is_the_error(db: Db) {
    let rig = rig(db, "echo 'Segmentation fault' >&2; exit 3").await;
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("HarborCrashed"));
    let message = rig.trial("error_message").await.unwrap();
    assert!(message.contains("Segmentation fault") && message.contains("exit status: 3"), "{message}");
}

#[with_database]
async fn what_harbor_cannot_begin_fails_with_its_words(db: Db) {
    let error =
        r#"echo '{"error": {"type": "ValueError", "message": "no such agent", "traceback": "at line 7"}}'; exit 1"#;
    let rig = rig(db, error).await;
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("ValueError"));
    assert_eq!(rig.trial("error_message").await.as_deref(), Some("no such agent"));
}

/// The attempt's folder is gone by the time that anybody reads this.
#[with_database]
async fn a_message_begins_with_its_cause_and_names_no_folder_that_is_gone(db: Db) {
    let error = r#"printf '{"error": {"type": "RuntimeError", "message": "Docker compose command failed for environment x. Command: docker compose -f %s/compose.yaml up. Return code: 1. Stdout: no such service: db\\n. Stderr: None. ", "traceback": ""}}\n' "$TRIAL"; exit 1"#;
    let rig = rig(db, error).await;
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    let message = rig.trial("error_message").await.unwrap();
    assert!(message.starts_with("no such service: db\n\nDocker compose command failed"), "{message}");
    assert!(message.contains("-f compose.yaml up"), "{message}");
    assert_eq!(rig.trial("error_class").await.as_deref(), Some("task"));
    assert_eq!(rig.trial("status").await.as_deref(), Some("failed"), "one try");
}

/// It is written down when the attempt ends, also where there is no result that could tell.
#[with_database]
async fn that_the_agent_began_is_recorded_and_files_that_are_not_kept_are_counted(db: Db) {
    let event = r#"mkdir -p "$TRIAL"; echo hm > "$TRIAL/$(printf 'a\tb')"
echo '{"event": "agent-start", "at": "x"}'"#;
    let rig = rig(db, &format!("{event}\necho boom >&2; exit 3")).await;
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("HarborCrashed"));
    let began: bool =
        sqlx::query_scalar("select agent_began from oddish.attempts").fetch_one(&rig.runner.db).await.unwrap();
    assert!(began);
    let omitted: serde_json::Value =
        sqlx::query_scalar("select omitted_files from oddish.trials").fetch_one(&rig.runner.db).await.unwrap();
    assert_eq!(omitted, serde_json::json!({"files": 1, "bytes": 3, "reasons": {"name_has_control_character": 1}}));
    let prefix = rig.trial("artifact_prefix").await.unwrap();
    let list = rig.runner.store.get(&format!("{prefix}omitted.json").parse().unwrap()).await.unwrap();
    assert!(std::str::from_utf8(&list).unwrap().contains(r"a\tb"), "{list:?}");
}

#[with_database]
async fn a_trial_whose_harbor_somebody_stopped_is_not_judged(db: Db) {
    let rig = rig(db, "exit 130").await;
    assert!(matches!(rig.run().await, Err(RunError::HarborStopped { .. })));
    assert_eq!(rig.trial("status").await.as_deref(), Some("running"), "its launcher has it tried again");
}

#[with_database]
async fn without_harbor_the_trial_fails_and_says_so(db: Db) {
    let rig = rig(db, "").await;
    fs::remove_file(rig.file("harbor")).unwrap();
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("HarborNotStarted"));
    let message = rig.trial("error_message").await.unwrap();
    assert!(message.contains(rig.file("harbor").to_str().unwrap()), "{message}");
}

/// Files that cannot be stored are worth keeping, and the trial's outcome too.
#[with_database]
async fn files_that_cannot_be_stored_are_kept_where_they_are(db: Db) {
    let rig = rig(db, SUCCEED).await;
    // A file where the store needs a folder.
    let place = "tasks/some-task/trials/some-task-0/attempt-1/verifier".parse().unwrap();
    rig.runner.store.put(&place, "".into()).await.unwrap();
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("reward").await.as_deref(), Some("1"));
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("FilesNotStored"));
    assert!(rig.scratch.trial().join("result.json").is_file());
    assert_eq!(rig.trial("files_incomplete").await.as_deref(), Some("true"));
}

/// Gives the trial a sealed variable, and the runner `secret_key`.
async fn with_agent_env(rig: &mut Rig, sealed_by: &str, secret_key: &str) {
    let mut env = AgentEnv::default();
    env.set("GREETING", "hush-4711-hush").unwrap();
    let key = SealingKey::of(&SecretKey::parse(sealed_by).unwrap());
    let harbor =
        serde_json::json!({"agent_env": SealedEnv::seal(&key, "some-task", &env), "secret_agent_env": ["GREETING"]});
    sqlx::query("update oddish.trials set harbor = $1").bind(harbor).execute(&rig.runner.db).await.unwrap();
    rig.runner.variables.push(("ODDISH_SECRET_KEY".into(), secret_key.into()));
    rig.runner.variables.push(("ANTHROPIC_API_KEY".into(), "key-of-the-runner".into()));
}

/// The stand-in shows everything that it was given, wherever it can.
#[with_database]
async fn harbor_gets_the_agents_variables_and_nobody_else_sees_them(db: Db) {
    let show = r#"
cp "$config" given.json
[ "$(stat -c %a "$config")" = 600 ] || exit 9
env > given.env
mkdir -p "$TRIAL/agent"
cp "$config" "$TRIAL/config.json"
printf '%s' "$line" | sed 's/.*"ANTHROPIC_API_KEY":"\([^"]*\)".*/\1/' > "$TRIAL/agent/agent.txt"
grep -o hush-4711-hush "$config" >&2
echo '{"log": "agent", "stream": "stdout", "text": "it is hush-4711-hush"}'
"#;
    let fail = r#"echo '{"error": {"type": "ValueError", "message": "bad hush-4711-hush", "traceback": "at hush-4711-hush"}}'"#;
    let mut rig = rig(db, &[show, fail].concat()).await;
    let secret_key = "k".repeat(32);
    with_agent_env(&mut rig, &secret_key, &secret_key).await;
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);

    let given: serde_json::Value = serde_json::from_slice(&fs::read(rig.file("given.json")).unwrap()).unwrap();
    assert_eq!(given["agent"]["env"], serde_json::json!({"GREETING": "hush-4711-hush"}));
    let started_with = fs::read_to_string(rig.file("given.env")).unwrap();
    assert!(!started_with.contains(&secret_key) && !started_with.contains("key-of-the-runner"), "{started_with}");
    assert_eq!(rig.trial("error_message").await.as_deref(), Some("bad [redacted]"));
    let mut logged = String::new();
    for key in rig.stored().await {
        let content = String::from_utf8(rig.runner.store.get(&key).await.unwrap().to_vec()).unwrap();
        assert!(!content.contains("hush-4711") && !content.contains("key-of-the-runner"), "{key}: {content}");
        if key.as_str().contains("attempt-1.log/") {
            logged += &content;
        }
    }
    for line in
        ["it is [redacted]\n", "at [redacted]\n", "--- harbor\n[redacted]\n", "--- agent/agent.txt\n[redacted]\n"]
    {
        assert!(logged.contains(line), "{line:?} is not in {logged:?}");
    }
    let prefix = rig.trial("artifact_prefix").await.unwrap();
    let redactions = rig.runner.store.get(&format!("{prefix}redactions.json").parse().unwrap()).await.unwrap();
    assert!(std::str::from_utf8(&redactions).unwrap().contains("config.json"), "{redactions:?}");
}

/// Only the end of what Harbor said is told, which here begins in the middle of a secret.
#[with_database]
async fn no_half_of_a_secret_is_in_what_a_crashed_harbor_said_last(db: Db) {
    let rig = rig(db, "printf 'hush-4711-hush the-end %4083s' x >&2; exit 3").await;
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    let message = rig.trial("error_message").await.unwrap();
    assert!(message.contains("the-end") && !message.contains("hush"), "{message}");
}

#[with_database]
async fn with_another_key_the_trial_fails_and_says_so(db: Db) {
    let mut rig = rig(db, SUCCEED).await;
    with_agent_env(&mut rig, &"k".repeat(32), &"x".repeat(32)).await;
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("AgentEnvUnreadable"));
    let message = rig.trial("error_message").await.unwrap();
    assert!(message.contains("GREETING") && message.contains("ODDISH_SECRET_KEY"), "{message}");
    assert!(!rig.file("began").exists(), "the trial was begun");
}
