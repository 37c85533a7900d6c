//! `oddish logs`.

use std::process::Stdio;

use bytes::Bytes;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use oddish_artifacts::key;
use oddish_db::Db;
use oddish_db::attempts::{self, Outcome as Ended};
use oddish_domain::retry::RetrySettings;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use uuid::Uuid;
use wiremock::MockServer;

use crate::answers::{Script, error_answer, json_answer, on, trial};
use crate::binary::{bounded, oddish_at};
use crate::served::Served;

/// A trial that runs and writes a log.
struct Writer<'a> {
    served: &'a Served,
    trial_id: String,
    token: Uuid,
    attempt: u32,
}

impl<'a> Writer<'a> {
    async fn begin(served: &'a Served, attempt: u32) -> Self {
        let (trial_id, token) = served.api.begun().await;
        Self { served, trial_id, token, attempt }
    }

    async fn write(&self, chunk: u32, text: &str) {
        let (task_id, _) = self.trial_id.rsplit_once('-').unwrap();
        let key = key::attempt_log_chunk(task_id, &self.trial_id, self.attempt, chunk).unwrap();
        self.served.api.store.put(&key, Bytes::copy_from_slice(text.as_bytes())).await.unwrap();
    }

    async fn end(&self, ended: Ended) {
        let now = OffsetDateTime::now_utc();
        attempts::record(&self.served.api.db, self.token, &ended, &RetrySettings::default(), now).await.unwrap();
    }
}

fn graded() -> Ended {
    Ended { succeeded: true, reward: Some(1.0), rewards: Some(json!({ "reward": 1.0 })), ..Ended::default() }
}

#[with_database]
async fn what_steers_a_terminal_is_not_in_a_log(db: Db) {
    let served = Served::new(db).await;
    served.task("alpha", None, 1).await;
    let writer = Writer::begin(&served, 1).await;
    writer.write(0, "one\u{1b}[2J\n  two\u{1b}]0;ow").await;
    writer.write(1, "ned\u{7}\t\u{202e}three\r\nno end").await;
    let outcome = served.oddish(&["logs", "alpha-0"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_eq!(outcome.stdout, "one\n  two\tthree\nno end\n");
    let tail = served.oddish(&["logs", "alpha-0", "--tail", "1"]).await;
    assert_eq!(tail.stdout, "no end\n");
    let line: Value = served.oddish(&["logs", "alpha-0", "--json"]).await.json();
    assert_eq!((&line["attempt"], &line["source"], &line["complete"]), (&json!(1), &json!("live"), &json!(false)));
    assert!(line["logs"].as_str().unwrap().starts_with("one\u{1b}[2J\n"), "JSON is whole: {line}");
}

/// More than one answer holds, of which the bound is 2 MiB.
#[with_database]
async fn a_long_log_is_shown_to_its_end(db: Db) {
    let served = Served::new(db).await;
    let task = served.task("alpha", None, 1).await;
    let writer = Writer::begin(&served, 1).await;
    let line = format!("{}\n", "x".repeat(1023));
    let whole = line.repeat(5000);
    for (chunk, part) in (0..).zip(whole.as_bytes().chunks(1 << 20)) {
        writer.write(chunk, std::str::from_utf8(part).unwrap()).await;
    }
    let outcome = served.oddish(&["logs", &format!("{task}-0")]).await;
    assert_eq!((outcome.code, outcome.stdout.len()), (0, whole.len()), "{}", outcome.stderr);
    let lines = served.oddish(&["logs", &format!("{task}-0"), "--json"]).await.stdout;
    let lengths =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["logs"].as_str().unwrap().len());
    assert_eq!(lengths.sum::<usize>(), whole.len());
}

#[with_database]
async fn logs_of_several_trials_have_headers(db: Db) {
    let served = Served::new(db).await;
    let task = served.task("alpha", Some("nightly"), 3).await;
    for text in ["first\n", "second a\nsecond b\nsecond c"] {
        let writer = Writer::begin(&served, 1).await;
        writer.write(0, text).await;
        writer.end(Ended { error_type: Some("ValidationError".to_owned()), ..Ended::default() }).await;
    }
    let outcome = served.oddish(&["logs", "-e", "nightly", "--failed", "--tail", "2"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout.replace(&task, "alpha-00000001"),
        str![[r#"
==> alpha-00000001-0: oracle, default, failed <==
first

==> alpha-00000001-1: oracle, default, failed <==
second b
second c

"#]]
    );
    let silent = served.oddish(&["logs", &format!("{task}-2")]).await;
    let expected = format!("{task}-2 has printed nothing.\n");
    assert_eq!((silent.code, silent.stdout.as_str(), silent.stderr), (0, "", expected));
    for flag in [&["--follow"][..], &["--attempt", "1"]] {
        let several = served.oddish(&[&["logs", "alpha"][..], flag].concat()).await;
        assert_eq!((several.code, several.stdout.as_str()), (2, ""), "{several:#?}");
        assert!(several.stderr.contains(&format!("oddish logs {task}-0 {}", flag[0])), "{several:#?}");
    }
}

/// Reads lines until one is this.
async fn until(lines: &mut (impl tokio::io::AsyncBufRead + Unpin), wanted: &str) {
    let mut line = String::new();
    while line.trim_end() != wanted {
        line.clear();
        assert!(bounded(lines.read_line(&mut line)).await.unwrap() > 0, "it ended before {wanted:?}");
    }
}

#[with_database]
async fn a_trial_is_followed_through_its_attempts_to_its_end(db: Db) {
    let served = Served::new(db).await;
    let task = served.task("alpha", None, 1).await;
    let mut child =
        served.command(&["logs", "alpha", "--follow"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());

    let writer = Writer::begin(&served, 1).await;
    writer.write(0, "begun\n").await;
    until(&mut stdout, "begun").await;
    writer.write(1, "broken\n").await;
    writer.end(Ended { error_type: Some("AddTestsDirError".to_owned()), ..Ended::default() }).await;
    until(&mut stdout, "broken").await;
    assert_eq!(served.statuses(&task).await, ["retrying"]);

    let due = "update oddish.jobs set due_at = now() - interval '1 minute'";
    sqlx::query(due).execute(&served.api.db).await.unwrap();
    let writer = Writer::begin(&served, 2).await;
    writer.write(0, "again\n").await;
    until(&mut stdout, "again").await;
    writer.write(1, "done").await;
    writer.end(graded()).await;
    let mut rest = String::new();
    bounded(stdout.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest, "done\n");
    let output = bounded(child.wait_with_output()).await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let stderr = String::from_utf8(output.stderr).unwrap().replace(&task, "alpha-00000001");
    assert!(stderr.ends_with("alpha-00000001-0: attempt 2\nalpha-00000001-0: success, reward 1\n"), "{stderr}");

    // What has ended already is shown whole, and that is it.
    let ended = served.oddish(&["logs", "alpha", "--follow"]).await;
    assert_eq!(ended.code, 0, "{ended:#?}");
    let first = served.oddish(&["logs", "alpha", "--attempt", "1"]).await;
    assert_eq!((first.code, first.stdout.as_str()), (0, "begun\nbroken\n"), "{first:#?}");
    let first = served.oddish(&["logs", "alpha", "--attempt", "1", "--follow", "--tail", "1"]).await;
    assert_eq!((first.code, first.stdout.as_str()), (0, "broken\n"), "{first:#?}");
    let third = served.oddish(&["logs", "alpha", "--attempt", "3"]).await;
    assert_eq!((third.code, third.stdout.as_str()), (1, ""), "{third:#?}");
    assert!(third.stderr.contains("Attempt 3 of trial"), "{third:#?}");
}

#[with_database]
async fn ctrl_c_ends_following_and_not_the_trial(db: Db) {
    let served = Served::new(db).await;
    let task = served.task("alpha", None, 1).await;
    let writer = Writer::begin(&served, 1).await;
    writer.write(0, "begun\n").await;
    let mut child = served.command(&["logs", &task, "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    until(&mut stdout, "begun").await;
    kill(Pid::from_raw(child.id().unwrap().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(bounded(child.wait()).await.unwrap().code(), Some(130));
    assert_eq!(served.statuses(&task).await, ["running"]);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_from_where_the_log_ended() {
    let server = MockServer::start().await;
    on(&server, "GET", "/trials/a-0", json_answer(&trial("a", 0, json!({ "status": "success" })))).await;
    let part = |logs: &str, offset: u64, complete: bool| {
        let next = offset + logs.len() as u64;
        json_answer(&json!({ "trial_id": "a-0", "logs": logs, "s3_key": null, "source": "live", "attempt": 1,
            "newest_attempt": 1, "offset": offset, "next_offset": next, "size": next, "complete": complete, "truncated": false }))
    };
    let answers = [
        part("one\n", 0, false),
        error_answer(503, &json!("Please retry.")),
        error_answer(429, &json!("Too many requests")),
        part("two\n", 4, true),
    ];
    on(&server, "GET", "/trials/a-0/logs", Script::new(answers)).await;
    let outcome = oddish_at(&server, &["logs", "a-0", "--follow"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "one\ntwo\n"), "{outcome:#?}");
    assert!(outcome.stderr.contains("warning: Please retry.; trying again"), "{outcome:#?}");
    let asked = server.received_requests().await.unwrap();
    let queries: Vec<_> =
        asked.iter().filter_map(|request| request.url.query().filter(|query| query.contains("wait"))).collect();
    assert_eq!(
        queries,
        ["offset=0&wait=20", "offset=4&wait=20&attempt=1", "offset=4&wait=20&attempt=1", "offset=4&wait=20&attempt=1"]
    );
}
