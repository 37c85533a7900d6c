//! The live log in a real store.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oddish_artifacts::{FolderStore, SharedStore, list_all};
use oddish_runner::live_log::{LiveLog, LogPlace};
use oddish_runner::redaction::Redactor;

const PREFIX: &str = "tasks/t-1/trials/t-1-0/attempt-2.log/";

struct Rig {
    store: SharedStore,
    trial: tempfile::TempDir,
    log: LiveLog,
    harbor: fs::File,
    _root: tempfile::TempDir,
}

fn rig() -> Rig {
    rig_without(&[])
}

/// One that keeps these secrets out.
fn rig_without(secrets: &[&str]) -> Rig {
    let root = tempfile::tempdir().unwrap();
    let trial = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    let harbor = tempfile::tempfile().unwrap();
    let place = LogPlace { task_id: "t-1".to_owned(), trial_id: "t-1-0".to_owned(), attempt: 2 };
    let log = LiveLog::start(
        store.clone(),
        place,
        trial.path(),
        harbor.try_clone().unwrap(),
        &Redactor::new(secrets.iter().copied()),
    );
    Rig { store, trial, log, harbor, _root: root }
}

/// The chunks' texts, in order.
async fn chunks(store: &SharedStore) -> Vec<String> {
    let mut texts = Vec::new();
    for (number, object) in list_all(&**store, PREFIX).await.unwrap().into_iter().enumerate() {
        assert_eq!(object.key.as_str(), format!("{PREFIX}{number:08}"));
        texts.push(String::from_utf8(store.get(&object.key).await.unwrap().to_vec()).unwrap());
    }
    texts
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_readable_while_it_happens() {
    let Rig { store, trial, log, mut harbor, _root } = rig();
    fs::create_dir(trial.path().join("agent")).unwrap();
    let agent = trial.path().join("agent/oracle.txt");
    log.line("started");
    append(&agent, "tick 1\ntick");
    harbor.write_all(b"a warning\n").unwrap();
    wait_for_chunks(&store, 1).await;
    append(&agent, " 2\n");
    wait_for_chunks(&store, 2).await;
    append(&agent, "tick 3\nthe last");
    log.line("ended");
    log.finish().await;
    assert_eq!(
        chunks(&store).await,
        [
            "started\n--- harbor\na warning\n--- agent/oracle.txt\ntick 1\n",
            "tick 2\n",
            "ended\n--- agent/oracle.txt\ntick 3\nthe last\n",
        ]
    );
}

/// The clock is paused, so this waits for the writer and not for the time.
async fn wait_for_chunks(store: &SharedStore, count: usize) {
    for _ in 0..1000 {
        if chunks(store).await.len() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no chunk {count} within 100 seconds of the paused clock");
}

#[tokio::test]
async fn chunks_are_small_and_end_with_lines() {
    let Rig { store, log, _root, .. } = rig();
    let line = "x".repeat(999);
    for _ in 0..200 {
        log.line(line.as_str());
    }
    log.finish().await;
    let chunks = chunks(&store).await;
    assert_eq!(chunks.iter().map(String::len).collect::<Vec<_>>(), [65_000, 65_000, 65_000, 5_000]);
    assert!(chunks.iter().all(|chunk| chunk.ends_with('\n')));
}

#[tokio::test]
async fn the_whole_is_bounded() {
    let Rig { store, log, _root, .. } = rig();
    let lines = "y".repeat(1 << 20);
    for _ in 0..40 {
        log.line(lines.as_str());
    }
    log.finish().await;
    let chunks = chunks(&store).await;
    let whole: usize = chunks.iter().map(String::len).sum();
    assert!((32 << 20..(32 << 20) + 200).contains(&whole), "{whole}");
    assert!(chunks.last().unwrap().contains("[The live log ends here, after 33554432 bytes"));
}

#[tokio::test]
async fn nothing_said_is_nothing_stored() {
    let Rig { store, log, _root, .. } = rig();
    log.finish().await;
    assert_eq!(chunks(&store).await, [""; 0]);
}

/// One lies across two reads, one across two pieces of the driver's, one across two lines.
#[tokio::test(start_paused = true)]
async fn secrets_are_in_no_chunk_wherever_they_are_cut() {
    let Rig { store, trial, log, mut harbor, _root } = rig_without(&["hush-4711-hush", "first line\nsecond line"]);
    fs::create_dir(trial.path().join("agent")).unwrap();
    let agent = trial.path().join("agent/hush-4711-hush.txt");
    append(&agent, &format!("{}hush-47", "x".repeat((256 << 10) - 7)));
    harbor.write_all(b"said first line\n").unwrap();
    let piece = "y".repeat(16_384 - 7);
    log.line(format!("{piece}hush-47"));
    log.line("11-hush is out");
    wait_for_chunks(&store, 5).await;
    append(&agent, "11-hush too\n");
    harbor.write_all(b"second line and more\nhush-4711-hus\n").unwrap();
    log.finish().await;
    let whole = chunks(&store).await.concat();
    let shown = whole.replace(&piece, "<y>").replace(&"x".repeat((256 << 10) - 7), "<x>");
    assert_eq!(
        shown,
        "<y>[redacted] is out\n--- harbor\nsaid \n--- agent/[redacted].txt\n<x>\n--- harbor\n[redacted] and more\n\
         hush-4711-hus\n--- agent/[redacted].txt\n[redacted] too\n"
    );
}
