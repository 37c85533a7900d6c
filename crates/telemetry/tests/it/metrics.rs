//! Documents of metrics, against the specification's rules.

use oddish_telemetry::metrics::{Document, MOST_VALUES, Unit, are_wanted, write_to};
use oddish_test_doubles::Kept;
use oddish_test_doubles::emf::faults;
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;

#[test]
fn a_document_is_what_the_specification_says() {
    let now = datetime!(2026-01-31 10:00:00.125 UTC);
    let document = Document::new(now, &[&["QueueKey"], &[]])
        .text("QueueKey", "openai/gpt-5.2")
        .text("trial_id", "some-task-0")
        .metric("ReadyJobs", Unit::Count, 3)
        .values("LaunchLatencyMs", Unit::Milliseconds, &[1.5, 20.0])
        .metric("OldestReadyJobSeconds", Unit::Seconds, 1.25)
        .to_json("Oddish");
    let expected = json!({
        "_aws": { "Timestamp": 1_769_853_600_125_u64, "CloudWatchMetrics": [{
            "Namespace": "Oddish",
            "Dimensions": [["QueueKey"], []],
            "Metrics": [
                { "Name": "ReadyJobs", "Unit": "Count" },
                { "Name": "LaunchLatencyMs", "Unit": "Milliseconds" },
                { "Name": "OldestReadyJobSeconds", "Unit": "Seconds" },
            ],
        }] },
        "QueueKey": "openai/gpt-5.2", "trial_id": "some-task-0", "ReadyJobs": 3, "LaunchLatencyMs": [1.5, 20.0],
        "OldestReadyJobSeconds": 1.25,
    });
    assert_eq!(document, expected);
    assert_eq!(faults(&document), Vec::<String>::new());
}

#[test]
fn whatever_is_measured_the_document_stays_valid() {
    let now = OffsetDateTime::now_utc();
    let many = vec![1.0; MOST_VALUES + 1];
    for value in ["", "  ", "modèle\n", "\u{1F41F}".repeat(500).as_str(), "a b"] {
        let document = Document::new(now, &[&["QueueKey"]]).text("QueueKey", value);
        let document = document.values("LaunchLatencyMs", Unit::Milliseconds, &many).to_json("Oddish");
        assert_eq!(faults(&document), Vec::<String>::new(), "{value:?}");
    }
    let names =
        ["é", "è"].map(|key| Document::new(now, &[]).text("QueueKey", key).to_json("Oddish")["QueueKey"].clone());
    assert_ne!(names[0], names[1], "two keys have become one");
}

/// The check itself finds what the specification forbids.
#[test]
fn what_the_specification_forbids_is_found() {
    let now = OffsetDateTime::now_utc();
    let good =
        Document::new(now, &[&["QueueKey"]]).text("QueueKey", "k").metric("Claims", Unit::Count, 1).to_json("Oddish");
    assert_eq!(faults(&good), Vec::<String>::new());
    let wrong = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut document = good.clone();
        change(&mut document);
        assert!(!faults(&document).is_empty(), "{document}");
    };
    wrong(&|document| document["_aws"]["Timestamp"] = json!(now.unix_timestamp()));
    wrong(&|document| document["_aws"]["Timestamp"] = json!(now.unix_timestamp().to_string()));
    wrong(&|document| document["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] = json!("Jobs"));
    wrong(&|document| {
        document["_aws"]["CloudWatchMetrics"][0]["Metrics"] = (0..101)
            .map(|number| json!({ "Name": "Claims", "Unit": "Count", "StorageResolution": if number < 0 { 1 } else { 60 } }))
            .collect();
    });
    wrong(&|document| {
        document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] =
            json!([(0..31).map(|n| n.to_string()).collect::<Vec<_>>()]);
    });
    wrong(&|document| document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = json!([["Elsewhere"]]));
    wrong(&|document| document["QueueKey"] = json!(""));
    wrong(&|document| document["Claims"] = json!("1"));
    wrong(&|document| document["Claims"] = json!(vec![1; 101]));
    wrong(&|document| document["padding"] = json!("x".repeat(256 << 10)));
}

/// One test, since the writer is the whole process's.
#[test]
fn documents_are_written_as_lines_once_they_are_wanted() {
    let document = Document::new(OffsetDateTime::now_utc(), &[]).metric("Claims", Unit::Count, 1);
    assert!(!are_wanted());
    document.emit();
    let kept = Kept::default();
    write_to("Oddish/night", kept.clone());
    write_to("Oddish/other", Kept::default());
    assert!(are_wanted());
    document.emit();
    document.emit();
    let line = document.to_json("Oddish/night");
    assert_eq!(kept.lines(), [line.clone(), line]);
}
