//! Trials that have run, without Harbor: through the queue as a runner takes them, with the files that Harbor leaves.

use bytes::Bytes;
use oddish_artifacts::{ArtifactStore as _, FolderStore, Key, key};
use oddish_db::attempts::{self, Outcome};
use oddish_db::jobs::ProcessIdentity;
use oddish_db::queue;
use oddish_domain::id;
use oddish_domain::retry::RetrySettings;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::stack::Stack;

/// What a trial leaves: path and content.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("agent/command-0/stdout.txt", "first\n"),
    ("agent/command-2/stdout.txt", "third\n"),
    ("agent/command-10/stdout.txt", "eleventh\n"),
    ("agent/oracle.txt", "solved\n"),
    ("agent/setup/stdout.txt", "installed\n"),
    ("agent/trajectory.json", r#"{"schema_version": "ATIF-v1.6", "steps": []}"#),
    ("artifacts/größe 1 #2 50%.txt", "named as people name files\n"),
    ("config.json", r#"{"task": {}}"#),
    ("trial.log", "begun\nended\n"),
    ("verifier/reward.txt", "1"),
    ("verifier/test-stdout.txt", "PASS\n"),
    ("result.json", r#"{"id": "1", "started_at": "2026-04-09T10:00:05Z", "finished_at": "2026-04-09T10:06:41Z"}"#),
];

/// Takes the next trial from the queue and begins it: its id and its fencing token.
pub(crate) async fn begin(stack: &Stack) -> (String, Uuid) {
    let now = OffsetDateTime::now_utc();
    let claim = queue::claim(&stack.db, 1, now).await.unwrap().pop().expect("a trial that waits");
    let process = ProcessIdentity { host: "h".to_owned(), pid: 1, started_at: now };
    attempts::begin(&stack.db, claim.attempt.token, &process, now).await.unwrap().expect("a fresh token");
    (claim.attempt.subject, claim.attempt.token)
}

/// Runs the next trial to its end: one that is graded with 1, or one whose agent fails, which is tried again if its sweep allows it.
/// Returns its id.
pub(crate) async fn end(stack: &Stack, succeeds: bool) -> String {
    let (trial_id, token) = begin(stack).await;
    let (task_id, _) = id::parse_trial_id(&trial_id).unwrap();
    let prefix = key::attempt_prefix(task_id, &trial_id, 1).unwrap();
    let store = FolderStore::open(stack.storage()).unwrap();
    for (path, content) in FILES {
        let place = Key::parse(format!("{prefix}{path}")).unwrap();
        store.put(&place, Bytes::from_static(content.as_bytes())).await.unwrap();
    }
    let phase =
        json!({"started_at": "2026-04-09T10:00:05Z", "finished_at": "2026-04-09T10:06:41Z", "duration_sec": 396.0});
    let common = Outcome {
        input_tokens: Some(120_034),
        output_tokens: Some(4021),
        cost_usd: Some(0.41),
        phase_timing: Some(json!({"agent_execution": phase})),
        has_trajectory: true,
        artifact_prefix: Some(prefix),
        ..Outcome::default()
    };
    let outcome = if succeeds {
        Outcome { succeeded: true, reward: Some(1.0), rewards: Some(json!({"reward": 1.0})), ..common }
    } else {
        let message = "the agent gave up".to_owned();
        Outcome { error_type: Some("AgentError".to_owned()), error_message: Some(message), ..common }
    };
    attempts::record(&stack.db, token, &outcome, &RetrySettings::default(), OffsetDateTime::now_utc()).await.unwrap();
    trial_id
}
