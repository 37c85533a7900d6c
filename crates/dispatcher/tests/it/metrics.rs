//! What a dispatcher that is called measures.

use oddish_db::Db;
use oddish_dispatcher::LaunchError;
use oddish_telemetry::metrics;
use oddish_test_doubles::Kept;
use oddish_test_doubles::emf::faults;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::queue::Queue;
use crate::scripted::Script;

/// The documents, each without its directions for reading it, once that is what the specification says.
fn documents(kept: &Kept) -> Vec<Value> {
    let documents = kept.lines().into_iter().map(|mut document| {
        assert_eq!(faults(&document), Vec::<String>::new(), "{document}");
        document.as_object_mut().unwrap().remove("_aws");
        document
    });
    documents.collect()
}

/// A number that is measured and so cannot be known.
fn take_number(document: &mut Value, name: &str) -> f64 {
    document.as_object_mut().unwrap().remove(name).and_then(|value| value.as_f64()).unwrap()
}

#[with_database]
async fn a_call_measures_what_it_did_and_what_waits(db: Db) {
    let kept = Kept::default();
    metrics::write_to("Oddish", kept.clone());
    let queue = Queue::with_limit(db, 103).await;
    queue.submit(110, 1).await;
    let never = LaunchError::Never { reason: "it has no image".to_owned() };
    let script = Script { places: 1000, answers: vec![never], ..Script::default() };
    script.dispatch(&queue.db).await;
    let mut documents = documents(&kept);
    documents.sort_by_key(Value::to_string);

    // One failed for good, and another took its slot.
    let mut latencies = Vec::new();
    documents.retain(|document| match document["LaunchLatencyMs"].as_array() {
        Some(values) => {
            latencies.push(values.len());
            false
        }
        None => true,
    });
    latencies.sort_unstable();
    assert_eq!(latencies, [3, 100], "a document has 100 values at the most");
    let mut rest = Vec::new();
    for mut document in documents {
        if document.get("OldestReadyJobSeconds").is_some() {
            let oldest = take_number(&mut document, "OldestReadyJobSeconds");
            assert!(oldest > 0.0, "{oldest}");
        }
        rest.push(document);
    }
    let expected = [
        json!({ "Claims": 104, "Launches": 103, "LaunchFailures": 1 }),
        json!({ "Reason": "never", "LaunchFailures": 1 }),
        json!({ "ErrorClass": "infrastructure", "TrialsEnded": 1 }),
        json!({ "QueueKey": "a/model", "ReadyJobs": 6, "DelayedJobs": 0, "RunningJobs": 103 }),
        // No slot is free: what waits is nobody's fault.
        json!({ "ReadyJobs": 6, "DelayedJobs": 0, "RunningJobs": 103, "OldestClaimableJobSeconds": 0.0 }),
    ];
    for document in &expected {
        assert!(rest.contains(document), "{document} is not in {rest:?}");
    }
    assert_eq!(rest.len(), expected.len(), "{rest:?}");
}
