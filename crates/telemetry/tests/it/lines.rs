//! Log lines in JSON.

use std::fmt;

use oddish_domain::settings::{Settings, SettingsFaults};
use oddish_domain::status::JobKind;
use oddish_telemetry::{LogFormat, TelemetrySettings, fields, logging};
use oddish_test_doubles::Kept;
use serde_json::{Value, json};
use time::OffsetDateTime;

fn read(variables: &[(&str, &str)]) -> Result<TelemetrySettings, SettingsFaults> {
    let map = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::from_map(map).read(TelemetrySettings::read)
}

fn settings(variables: &[(&str, &str)]) -> TelemetrySettings {
    read(variables).unwrap()
}

/// The lines that are written while `work` is done.
fn written(settings: &TelemetrySettings, work: impl FnOnce()) -> Vec<Value> {
    let lines = Kept::default();
    tracing::subscriber::with_default(logging(settings, LogFormat::Json, false, lines.clone()), work);
    lines.lines()
}

#[derive(Debug)]
struct Refused(std::io::Error);

#[derive(Debug)]
struct Unreachable(Refused);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pass failed")
    }
}

impl std::error::Error for Unreachable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot claim")
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_line_has_the_fields_of_its_spans_beside_its_own() {
    let lines = written(&settings(&[]), || {
        let outer = tracing::info_span!("Lambda runtime invoke", requestId = "from-lambda");
        let _outer = outer.enter();
        let span = fields::attempt(JobKind::Trial, "some-task-0", 2, None);
        let _attempt = span.enter();
        span.record("queue_key", "openai/gpt-5.2");
        let error = Unreachable(Refused(std::io::Error::other("no route\nto host")));
        tracing::error!(error = &error as &dyn std::error::Error, elapsed_ms = 7_u128, "not \"launched\"");
    });
    let mut line = lines.first().unwrap().clone();
    assert!(
        OffsetDateTime::parse(line["timestamp"].as_str().unwrap(), &time::format_description::well_known::Rfc3339)
            .is_ok()
    );
    line.as_object_mut().unwrap().remove("timestamp");
    let expected = json!({
        "level": "ERROR", "target": "it::lines", "message": "not \"launched\"", "lambda_request_id": "from-lambda", "kind": "trial",
        "trial_id": "some-task-0", "attempt": 2, "queue_key": "openai/gpt-5.2", "elapsed_ms": 7,
        "error": "a pass failed: cannot claim: no route\nto host",
    });
    assert_eq!((lines.len(), line), (1, expected));
}

#[test]
fn lines_keep_their_fields_where_only_errors_are_logged() {
    let lines = written(&settings(&[("ODDISH_LOG", "error")]), || {
        let span = fields::attempt(JobKind::Verdict, "some-task", 1, Some("k"));
        let _attempt = span.enter();
        tracing::warn!("nobody asked for this");
        tracing::error!("this is wanted");
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["task_id"], &lines[0]["queue_key"]), (&json!("some-task"), &json!("k")), "{lines:?}");
    assert_eq!(lines[0].get("trial_id"), None, "{lines:?}");
}

/// A library that asks whether it should log, as sqlx does at every query, must not cost the next line.
#[test]
fn no_line_is_lost_where_somebody_asked_whether_to_log() {
    let lines = written(&settings(&[("ODDISH_LOG", "debug,sqlx=warn")]), || {
        for _ in 0..3 {
            assert!(!tracing::enabled!(target: "sqlx::query", tracing::Level::DEBUG));
            tracing::info!("a line");
        }
    });
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn faults_name_the_variable() {
    let faults = |variables: &[(&str, &str)]| read(variables).unwrap_err().to_string();
    let text = faults(&[("ODDISH_LOG", "oddish=loud"), ("ODDISH_LOG_FORMAT", "xml"), ("ODDISH_METRICS", "yes")]);
    for fault in
        ["ODDISH_LOG: ", "ODDISH_LOG_FORMAT: must be `text` or `json`", "ODDISH_METRICS: must be `none` or `emf`"]
    {
        assert!(text.contains(fault), "{text}");
    }
    for namespace in ["AWS/Lambda", ":", "caf\u{e9}", "x".repeat(256).as_str()] {
        let text = faults(&[("ODDISH_METRICS_NAMESPACE", namespace)]);
        assert!(text.contains("ODDISH_METRICS_NAMESPACE: must be at most 255"), "{text}");
    }
    let chosen = settings(&[("ODDISH_METRICS", "emf"), ("ODDISH_METRICS_NAMESPACE", "Oddish/night-2")]);
    assert_eq!(chosen.metrics.as_deref(), Some("Oddish/night-2"));
}
