//! What a runner's own process logs and measures, and what it never says.

use std::process::Stdio;

use oddish_db::Db;
use oddish_test_doubles::emf::faults;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::run::{SUCCEED, rig};

/// What only whoever starts runners may know.
const SECRETS: [(&str, &str); 3] = [
    ("OPENAI_API_KEY", "sk-of-the-provider-4711"),
    ("ODDISH_SECRET_KEY", "secret-of-the-deployment-of-32-characters"),
    ("ODDISH_S3_SECRET_KEY", "secret-key-of-the-bucket"),
];
/// What the database is asked with where it asks for no password.
const PASSWORD: &str = "password-of-the-database";

#[with_database]
async fn every_line_says_whose_it_is_and_none_has_a_secret(db: Db) {
    let talk = "echo '{\"event\": \"agent-start\", \"at\": \"2026-01-31T10:00:00Z\"}'\necho 'no JSON at all'\n";
    let rig = rig(db, &[talk, SUCCEED].concat()).await;
    let (url, password) = url(&rig.runner.db).await;
    let mut runner = tokio::process::Command::new(env!("CARGO_BIN_EXE_oddish-runner"));
    runner
        .env("DATABASE_URL", url)
        .env("ODDISH_TRIAL_ID", &rig.attempt.subject)
        .env("ODDISH_ATTEMPT", rig.attempt.number.to_string())
        .env("ODDISH_ATTEMPT_TOKEN", rig.attempt.token.to_string())
        .env("ODDISH_LOCAL_STORAGE_DIR", rig.file("store"))
        .env("ODDISH_HARBOR_JOBS_DIR", &rig.runner.settings.jobs_dir)
        .env("ODDISH_HARBOR_PYTHON", rig.runner.settings.harbor_python.as_ref().unwrap())
        .env("ODDISH_MIN_FREE_GB", "0")
        // The stand-in speaks to the test by files outside the attempt's folder.
        .env("ODDISH_CONFINEMENT", "off")
        .env("ODDISH_LOG", "trace")
        .env("ODDISH_LOG_FORMAT", "json")
        .env("ODDISH_METRICS", "emf")
        .envs(SECRETS)
        .stdin(Stdio::null());
    let output = runner.output().await.unwrap();
    let (log, documents) = (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap());
    assert!(output.status.success(), "{log}");
    assert_eq!(rig.trial("status").await.as_deref(), Some("success"), "{log}");

    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert_eq!((&line["trial_id"], &line["attempt"]), (&json!("some-task-0"), &json!(1)), "{line}");
    }
    let of = |message: &str| lines.iter().find(|line| line["message"] == message).unwrap_or_else(|| panic!("{log}"));
    for message in ["the attempt has ended", "the Harbor driver sent a line that is not understood"] {
        let line = of(message);
        assert_eq!((&line["queue_key"], &line["task_id"]), (&json!("k"), &json!("some-task")), "{line}");
    }
    let token = rig.attempt.token.to_string();
    let secrets = SECRETS.map(|(_, value)| value);
    for secret in secrets.into_iter().chain([password.as_str(), &token]) {
        assert!(!log.contains(secret) && !documents.contains(secret), "{secret} is in the log");
    }

    let documents: Vec<Value> = documents.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents.len(), 1, "{documents:?}");
    assert_eq!(faults(&documents[0]), Vec::<String>::new(), "{documents:?}");
    assert_eq!((&documents[0]["TrialsEnded"], &documents[0]["ErrorClass"]), (&json!(1), &json!("none")));
}

/// The URL of the test's database, and the password in it.
async fn url(db: &Db) -> (String, String) {
    let name: String = sqlx::query_scalar("select current_database()").fetch_one(db).await.unwrap();
    let server = std::env::var("DATABASE_URL").unwrap();
    let (scheme, rest) = server.split_once("://").unwrap();
    let (user, place) = rest.split_once('@').unwrap_or(("postgres", rest));
    let (user, password) = user.split_once(':').unwrap_or((user, PASSWORD));
    let (place, _) = place.rsplit_once('/').unwrap();
    (format!("{scheme}://{user}:{password}@{place}/{name}"), password.to_owned())
}
