//! What trials printed.

use bytes::Bytes;
use oddish_artifacts::key;
use oddish_db::Db;
use oddish_db::attempts::{self, Outcome};
use oddish_domain::retry::RetrySettings;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::shapes;

/// A trial that writes a log.
struct Writer<'a> {
    api: &'a Api,
    task_id: String,
    trial_id: String,
    token: Uuid,
    attempt: u32,
}

impl<'a> Writer<'a> {
    async fn begin(api: &'a Api, attempt: u32) -> Self {
        let (trial_id, token) = api.begun().await;
        let (task_id, _) = trial_id.rsplit_once('-').unwrap();
        Self { api, task_id: task_id.to_owned(), trial_id, token, attempt }
    }

    async fn write(&self, chunk: u32, text: &[u8]) {
        let key = key::attempt_log_chunk(&self.task_id, &self.trial_id, self.attempt, chunk).unwrap();
        self.api.store.put(&key, Bytes::copy_from_slice(text)).await.unwrap();
    }

    async fn end(&self) {
        let outcome =
            Outcome { succeeded: true, reward: Some(1.0), rewards: Some(json!({"reward": 1.0})), ..Outcome::default() };
        attempts::record(&self.api.db, self.token, &outcome, &RetrySettings::default(), OffsetDateTime::now_utc())
            .await
            .unwrap();
    }

    async fn logs(&self, query: &str) -> Value {
        self.api.get(&format!("/trials/{}/logs{query}", self.trial_id)).await.json()
    }
}

fn place(answer: &Value) -> (&str, u64, u64, bool, bool) {
    (
        answer["logs"].as_str().unwrap(),
        answer["offset"].as_u64().unwrap(),
        answer["next_offset"].as_u64().unwrap(),
        answer["complete"].as_bool().unwrap(),
        answer["truncated"].as_bool().unwrap(),
    )
}

#[with_database]
async fn a_log_is_read_on_from_where_it_ended(db: Db) {
    let api = Api::new(db);
    api.submitted(1).await;
    let trial = Writer::begin(&api, 1).await;
    assert_eq!(place(&trial.logs("?offset=0").await), ("", 0, 0, false, false));
    trial.write(0, b"one \xe2").await;
    assert_eq!(
        place(&trial.logs("?offset=0").await),
        ("one ", 0, 4, false, false),
        "a cut character waits for its rest"
    );
    trial.write(1, b"\x82\xac two\n").await;
    assert_eq!(place(&trial.logs("?offset=4").await), ("€ two\n", 4, 12, false, false));
    assert_eq!(place(&trial.logs("?offset=4&limit=5").await), ("€ t", 4, 9, false, true));
    assert_eq!(place(&trial.logs("?offset=5&limit=1").await), ("\u{fffd}\u{fffd} t", 5, 9, false, true));
    assert_eq!(place(&trial.logs("?offset=12").await), ("", 12, 12, false, false));
    assert_eq!(place(&trial.logs("?offset=9223372036854775807").await), ("", 12, 12, false, false));
    let whole = trial.logs("").await;
    assert_eq!(place(&whole), ("one € two\n", 0, 12, false, false));
    assert_eq!(
        (&whole["source"], &whole["attempt"], &whole["newest_attempt"], &whole["size"], &whole["s3_key"]),
        (&json!("live"), &json!(1), &json!(1), &json!(12), &Value::Null)
    );
    trial.write(2, b"\xe2").await;
    trial.end().await;
    assert_eq!(
        place(&trial.logs("?offset=12&attempt=1").await),
        ("\u{fffd}", 12, 13, true, false),
        "no rest will come"
    );
    assert!(!place(&trial.logs("?offset=0&limit=4&attempt=1").await).3, "it has ended, but was not read to its end");
}

#[with_database]
async fn a_poll_is_answered_when_there_is_more_or_the_trial_ends(db: Db) {
    let api = Api::new(db);
    api.submitted(1).await;
    let trial = Writer::begin(&api, 1).await;
    trial.write(0, b"begun\n").await;
    let (answer, ()) = tokio::join!(trial.logs("?offset=6&wait=20&attempt=1"), async {
        api.watched.listed_again().await;
        trial.write(1, b"more\n").await;
    });
    assert_eq!(place(&answer), ("more\n", 6, 11, false, false));
    let (answer, ()) = tokio::join!(trial.logs("?offset=11&wait=20&attempt=1"), async {
        api.watched.listed_again().await;
        trial.end().await;
    });
    assert_eq!(place(&answer), ("", 11, 11, true, false));
    assert_eq!(place(&trial.logs("?offset=0&wait=20&attempt=1").await), ("begun\nmore\n", 0, 11, true, false));
}

#[with_database]
async fn a_poll_that_nothing_comes_for_ends(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let answer = api.get(&format!("/trials/{task_id}-0/logs?offset=0&wait=1")).await.json();
    assert_eq!(place(&answer), ("", 0, 0, false, false));
    assert_eq!((&answer["attempt"], &answer["newest_attempt"]), (&Value::Null, &Value::Null));
}

#[with_database]
async fn a_retry_has_a_log_of_its_own(db: Db) {
    let api = Api::new(db);
    api.submitted(1).await;
    let first = Writer::begin(&api, 1).await;
    first.write(0, b"a long first log").await;
    first.end().await;
    api.post(&format!("/trials/{}/retry", first.trial_id), "").await.json();
    let second = Writer::begin(&api, 2).await;
    second.write(0, b"second").await;
    let answer = second.logs("?offset=3&attempt=1").await;
    assert_eq!(place(&answer), ("ong first log", 3, 16, true, false));
    assert_eq!(
        (&answer["attempt"], &answer["newest_attempt"]),
        (&json!(1), &json!(2)),
        "it says that it was tried again"
    );
    let answer = second.logs("?offset=0").await;
    assert_eq!((place(&answer).0, &answer["attempt"]), ("second", &json!(2)));
    let text = api.get(&format!("/trials/{}/logs?attempt=3", second.trial_id)).await.error(404);
    assert_eq!(text, format!("Attempt 3 of trial {} has not begun", second.trial_id));
    api.get(&format!("/trials/{}/logs?attempt=0", second.trial_id)).await.error(404);
}

#[with_database]
async fn a_trial_that_runs_again_shows_what_it_writes_and_not_what_it_left(db: Db) {
    let api = Api::new(db);
    api.submitted(1).await;
    let first = Writer::begin(&api, 1).await;
    let prefix = key::attempt_prefix(&first.task_id, &first.trial_id, 1).unwrap();
    api.store.put(&format!("{prefix}trial.log").parse().unwrap(), "first".into()).await.unwrap();
    // Long ago, so that the next try is due.
    let outcome = Outcome {
        error_type: Some("EnvironmentStartTimeoutError".to_owned()),
        error_message: Some("no sandbox".to_owned()),
        artifact_prefix: Some(prefix),
        ..Outcome::default()
    };
    let past = OffsetDateTime::now_utc() - time::Duration::days(1);
    attempts::record(&api.db, first.token, &outcome, &RetrySettings::default(), past).await.unwrap();
    assert_eq!(api.statuses(&first.task_id).await, ["retrying"]);
    assert!(first.logs("").await["logs"].as_str().unwrap().contains("first"));
    let second = Writer::begin(&api, 2).await;
    second.write(0, b"second").await;
    assert_eq!(second.logs("").await["logs"], "second");
}

#[with_database]
async fn the_last_lines_are_what_is_asked_for(db: Db) {
    let api = Api::new(db);
    api.submitted(1).await;
    let (trial_id, prefix) = api.left(&[("trial.log", b"one\ntwo\nthree\n"), ("a.txt", b"\xff\n")]).await;
    let logs = async |query: &str| api.get(&format!("/trials/{trial_id}/logs{query}")).await.json();
    let whole = logs("").await;
    let text = format!("=== {prefix}a.txt ===\n\u{fffd}\n\n\n=== {prefix}trial.log ===\none\ntwo\nthree\n\n");
    assert_eq!((whole["logs"].as_str().unwrap(), &whole["s3_key"]), (text.as_str(), &json!(prefix)));
    assert_eq!(
        (&whole["source"], &whole["complete"], &whole["truncated"]),
        (&json!("files"), &json!(true), &json!(false))
    );
    let size = text.len() as u64 - 2;
    assert_eq!(whole["next_offset"], size);
    let tail = logs("?tail=3").await;
    assert_eq!(place(&tail), ("two\nthree\n\n", size - 11, size, true, false));
    assert_eq!(place(&logs("?tail=10000").await), (text.as_str(), 0, size, true, false));
    assert_eq!(place(&logs("?tail=3&limit=8").await), ("\nthree\n\n", size - 8, size, true, true));
    let middle = logs(&format!("?offset={}&limit=4", size - 11)).await;
    assert_eq!(place(&middle), ("two\n", size - 11, size - 7, false, true));
}

#[with_database]
async fn a_log_that_is_too_long_is_cut_and_says_so(db: Db) {
    let api = Api::new(db);
    api.submitted(2).await;
    let trial = Writer::begin(&api, 1).await;
    let piece = vec![b'x'; 1 << 20];
    for chunk in 0..3 {
        trial.write(chunk, &piece).await;
    }
    trial.write(3, b"end").await;
    let live = trial.logs("").await;
    let (logs, offset, next_offset, complete, truncated) = place(&live);
    assert!(
        logs.starts_with("[Too long to show whole: 1048579 earlier bytes ") && logs.ends_with("xend"),
        "{}",
        logs.len()
    );
    assert_eq!((offset, next_offset, complete, truncated), ((1 << 20) + 3, (3 << 20) + 3, false, true));
    // Each takes seven bytes in a function's answer.
    let (bells, _) = api.left(&[("bells.log", &vec![7; 2 << 20])]).await;
    let answer = api.get(&format!("/trials/{bells}/logs")).await;
    assert!(json!(answer.body).to_string().len() < 6_000_000);
    let answer = answer.json();
    assert!(answer["logs"].as_str().unwrap().contains("\n[Too long to show whole: "));
    assert_eq!(answer["truncated"], true);
    let rest = api.get(&format!("/trials/{bells}/logs?offset={}", answer["next_offset"])).await.json();
    assert!(rest["logs"].as_str().unwrap().starts_with('\u{7}'));
}

#[with_database]
async fn a_bad_part_is_refused(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let logs = format!("/trials/{task_id}-0/logs");
    for bad in [
        "tail=0",
        "tail=10001",
        "tail=-1",
        "tail=x",
        "tail=1&offset=0",
        "tail=1&wait=1",
        "offset=-1",
        "offset=99999999999999999999",
        "limit=0",
        "limit=2097153",
        "wait=21",
        "wait=-1",
        "attempt=x",
    ] {
        api.get(&format!("{logs}?{bad}")).await.error(422);
    }
    assert_eq!(api.get("/trials/nowhere-0/logs?wait=20").await.error(404), "Trial nowhere-0 not found");
    api.get("/trials/a%00b/logs").await.error(400);
}

#[with_database]
async fn structured_logs_are_told_apart(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let structured = format!("/trials/{task_id}-0/logs/structured");
    let empty = json!({"trial_id": format!("{task_id}-0"), "agent": {"oracle": null, "setup": null, "commands": []},
        "verifier": {"stdout": null, "stderr": null}, "other": [], "exception": null, "truncated": false});
    assert_eq!(api.get(&structured).await.json(), empty);
    api.left(&[
        ("agent/command-10/stdout.txt", b"ten"),
        ("agent/command-2/stdout.txt", b"two \xff"),
        ("agent/command-x/stdout.txt", b"none"),
        ("agent/oracle.txt", b"oracle"),
        ("agent/setup/stdout.txt", b"setup"),
        ("agent/trajectory.json", b"{}"),
        ("steps/one/agent/oracle.txt", b"second"),
        ("verifier/test-stdout.txt", b"out"),
        ("verifier/test-stderr.txt", b"err"),
        ("exception.txt", b"Traceback"),
        ("trial.log", b"log"),
        ("result.json", b"{}"),
    ])
    .await;
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("StructuredLogsResponse", &api.get(&structured).await), @r#"
    {
      "agent": {
        "commands": [
          {
            "content": "two �",
            "name": "command-2"
          },
          {
            "content": "ten",
            "name": "command-10"
          }
        ],
        "oracle": "oracle",
        "setup": "setup"
      },
      "exception": "Traceback",
      "other": [
        {
          "content": "none",
          "name": "agent/command-x/stdout.txt"
        },
        {
          "content": "second",
          "name": "steps/one/agent/oracle.txt"
        },
        {
          "content": "log",
          "name": "trial.log"
        }
      ],
      "trial_id": "hello-[id]-0",
      "truncated": false,
      "verifier": {
        "stderr": "err",
        "stdout": "out"
      }
    }
    "#);
    assert_eq!(api.get("/trials/nowhere-0/logs/structured").await.error(404), "Trial nowhere-0 not found");
}

#[with_database]
async fn structured_logs_fit_into_an_answer(db: Db) {
    let api = Api::new(db);
    api.submitted(1).await;
    let piece = vec![b'\n'; 300 << 10];
    let paths: Vec<String> = (0..40).map(|number| format!("agent/command-{number}/stdout.txt")).collect();
    let mut files: Vec<(&str, &[u8])> = paths.iter().map(|path| (path.as_str(), &piece[..])).collect();
    files.push(("verifier/test-stdout.txt", b"passed"));
    let (trial_id, _) = api.left(&files).await;
    let answer = api.get(&format!("/trials/{trial_id}/logs/structured")).await;
    assert!(json!(answer.body).to_string().len() < 6_000_000);
    let answer = answer.json();
    assert_eq!((&answer["truncated"], &answer["verifier"]["stdout"]), (&json!(true), &json!("passed")));
    let first = answer["agent"]["commands"][0]["content"].as_str().unwrap();
    assert!(first.ends_with("[Too long to show whole: 45056 more bytes are in the file]\n"), "{}", first.len());
}

#[with_database]
async fn the_log_of_a_running_trial_is_what_was_written_so_far(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let trial_id = format!("{task_id}-0");
    let logs = format!("/trials/{trial_id}/logs");
    assert_eq!(api.get(&logs).await.json()["logs"], "", "it waits");
    api.begun().await;
    for (chunk, text) in [(1, "first\n"), (2, "sec"), (10, "ond\n")] {
        let key = key::attempt_log_chunk(&task_id, &trial_id, 1, chunk).unwrap();
        api.store.put(&key, Bytes::from(text)).await.unwrap();
    }
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("TrialLogsResponse", &api.get(&logs).await), @r#"
    {
      "attempt": 1,
      "complete": false,
      "logs": "first\nsecond\n",
      "newest_attempt": 1,
      "next_offset": 13,
      "offset": 0,
      "s3_key": null,
      "size": 13,
      "source": "live",
      "trial_id": "hello-[id]-0",
      "truncated": false
    }
    "#);
    api.get("/trials/nowhere-0/logs").await.error(404);
}
