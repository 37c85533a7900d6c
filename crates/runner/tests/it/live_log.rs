//! The live log in a real store.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oddish_artifacts::{FolderStore, SharedStore, list_all};
use oddish_runner::live_log::{LiveLog, LogPlace};

const PREFIX: &str = "tasks/t-1/trials/t-1-0/attempt-2.log/";

struct Rig {
    store: SharedStore,
    trial: tempfile::TempDir,
    log: LiveLog,
    harbor: fs::File,
    _root: tempfile::TempDir,
}

fn rig() -> Rig {
    let root = tempfile::tempdir().unwrap();
    let trial = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(FolderStore::open(root.path()).unwrap());
    let harbor = tempfile::tempfile().unwrap();
    let place = LogPlace { task_id: "t-1".to_owned(), trial_id: "t-1-0".to_owned(), attempt: 2 };
    let log = LiveLog::start(store.clone(), place, trial.path(), harbor.try_clone().unwrap());
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
