//! A Harbor that hangs, or goes on for too long.

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use oddish_db::Db;
use oddish_domain::status::AttemptOutcome;
use oddish_runner::attempt::compose_project;
use oddish_runner::run::{Ending, run};
use oddish_test_support::with_database;
use tokio::time::{Instant, timeout};

use crate::run::{Rig, hello, rig, rig_of, rig_of_trial, scripted};

/// Generous: the machine may be busy, and images are built.
const LIMIT: Duration = Duration::from_mins(4);
const SILENCE: Duration = Duration::from_secs(8);

/// A task whose solution and tests are these.
fn task(solve: &str, test: &str) -> tempfile::TempDir {
    let task = tempfile::tempdir().unwrap();
    for folder in ["environment", "solution", "tests"] {
        fs::create_dir(task.path().join(folder)).unwrap();
    }
    for file in ["task.toml", "instruction.md", "environment/Dockerfile"] {
        fs::copy(hello().join(file), task.path().join(file)).unwrap();
    }
    fs::write(task.path().join("solution/solve.sh"), format!("#!/bin/sh\n{solve}\n")).unwrap();
    fs::write(task.path().join("tests/test.sh"), format!("#!/bin/sh\n{test}\n")).unwrap();
    task
}

/// An attempt with real Harbor at such a task.
async fn harbor_rig(db: Db, solve: &str, test: &str) -> Rig {
    // Tests run at the same time, on machines that others use too.
    let unique = i32::from_be_bytes(*uuid::Uuid::new_v4().as_bytes().first_chunk().unwrap()) & i32::MAX;
    let mut rig = rig_of_trial(db, task(solve, test).path(), unique).await;
    rig.runner.settings.harbor_python = Some(
        env::var_os("ODDISH_HARBOR_PYTHON")
            .expect("ODDISH_HARBOR_PYTHON is not set: run the tests with `cargo xtask test`, which sets Harbor up")
            .into(),
    );
    rig.runner.settings.silence = SILENCE;
    rig
}

async fn ends(rig: &Rig) {
    let ending = timeout(LIMIT, run(&rig.runner, &rig.attempt)).await.expect("it never ends").unwrap();
    assert_eq!(ending, Ending::Recorded);
    assert_eq!(containers(rig), "", "containers are left");
}

fn containers(rig: &Rig) -> String {
    let filter = format!("label=com.docker.compose.project={}", compose_project(rig.scratch().trial_name()));
    let output = Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &filter]).output().unwrap();
    assert!(output.status.success(), "Docker does not answer; run the tests with `cargo xtask test`, which sets it up");
    String::from_utf8(output.stdout).unwrap()
}

const PIPE_AS_TRAJECTORY: &str = "mkfifo /logs/agent/trajectory.json";

#[with_database]
async fn a_pipe_in_place_of_a_trajectory_ends_the_trial_as_the_agents_failure(db: Db) {
    let rig = harbor_rig(db, PIPE_AS_TRAJECTORY, "echo 1 > /logs/verifier/reward.txt").await;
    ends(&rig).await;
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("HarborHungInAgent"));
    assert_eq!(rig.trial("error_class").await.as_deref(), Some("agent"));
    assert_eq!(rig.trial("status").await.as_deref(), Some("retrying"), "within max_attempts");
    let omitted = rig.trial("omitted_files").await.unwrap();
    assert!(omitted.contains("not_a_file"), "{omitted}");
}

/// Harbor calls a pipe an empty reward. When it then reads the trajectory, it is the tests that left a pipe there.
#[with_database]
async fn pipes_that_tests_leave_end_the_trial_as_the_verifiers_failure(db: Db) {
    let test = format!("mkfifo /logs/verifier/reward.txt; {PIPE_AS_TRAJECTORY}");
    let rig = harbor_rig(db, "true", &test).await;
    ends(&rig).await;
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("HarborHungInVerifier"));
    assert_eq!(rig.trial("error_class").await.as_deref(), Some("verifier"));
}

#[with_database]
async fn a_pipe_in_place_of_a_reward_alone_is_an_empty_reward(db: Db) {
    let rig = harbor_rig(db, "true", "mkfifo /logs/verifier/reward.txt").await;
    ends(&rig).await;
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("RewardFileEmptyError"));
}

/// Long before the silence is over that ends the trial by itself.
#[with_database]
async fn a_trial_that_hangs_is_cancelled_within_seconds(db: Db) {
    let mut rig = harbor_rig(db, PIPE_AS_TRAJECTORY, "true").await;
    rig.runner.settings.silence = Duration::from_mins(10);
    let cancelling = async {
        let pipe = rig.scratch().trial().join("agent/trajectory.json");
        while !pipe.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sqlx::query("update oddish.trials set cancel_requested_at = now()").execute(&rig.runner.db).await.unwrap();
        Instant::now()
    };
    let running = timeout(LIMIT, run(&rig.runner, &rig.attempt));
    let (ending, asked) = tokio::join!(running, cancelling);
    assert_eq!(ending.expect("it never ends").unwrap(), Ending::Cancelled);
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    assert_eq!(containers(&rig), "", "containers are left");
    let outcome: String =
        sqlx::query_scalar("select outcome from oddish.attempts").fetch_one(&rig.runner.db).await.unwrap();
    assert_eq!(outcome, AttemptOutcome::Cancelled.as_str());
}

/// It prints all the time, which is no silence.
#[with_database]
async fn a_trial_has_no_more_time_than_its_phases(db: Db) {
    let task = task("true", "true");
    fs::write(
        task.path().join("task.toml"),
        "environment.build_timeout_sec = 1\nagent.timeout_sec = 2\nverifier.timeout_sec = 1\n",
    )
    .unwrap();
    let chatty = r#"trap 'exit 130' TERM
echo '{"event": "agent-start", "at": "x"}'
while :; do echo '{"alive": "agent", "blocking": false}'; sleep 0.05; done"#;
    let mut rig = scripted(rig_of(db, task.path()).await, chatty);
    rig.runner.settings.grace = Duration::ZERO;
    let sql = r#"update oddish.trials set harbor = '{"agent_setup_timeout_sec": 1}'"#;
    sqlx::query(sql).execute(&rig.runner.db).await.unwrap();
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("AgentDeadlineExceeded"));
    assert_eq!(rig.trial("error_class").await.as_deref(), Some("agent"));
    let message = rig.trial("error_message").await.unwrap();
    assert!(message.contains("after 5 s"), "{message}");
}

/// As real Harbor tells where it is; a blocking phase has ten times as long.
#[with_database]
async fn the_phase_of_a_silent_harbor_decides(db: Db) {
    let mut rig = rig(db, "echo '{\"alive\": \"environment\", \"blocking\": false}'; sleep 1000").await;
    rig.runner.settings.silence = Duration::from_secs(2);
    assert_eq!(rig.run().await.unwrap(), Ending::Recorded);
    assert_eq!(rig.trial("error_type").await.as_deref(), Some("HarborHungInEnvironment"));
    assert_eq!(rig.trial("error_class").await.as_deref(), Some("infrastructure"));
}
