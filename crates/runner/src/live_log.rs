//! The live view of a trial: its stages, what its commands print, and the logs of agent and verifier as
//! they grow, as numbered chunks in the artifact store (objects don't append). Secrets are taken out first, from each
//! source for itself: one may lie across two reads of a file, and across two lines of the driver.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use oddish_artifacts::key::attempt_log_chunk;
use oddish_artifacts::{InvalidKey, SharedStore, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::warn;

use crate::redaction::{Redactor, Replacement, Scrubber};
use crate::tail::{FileTail, FolderTail};
use crate::trial_tree::clean_path;

/// Longest time between something being written and its being readable.
const FLUSH_EVERY: Duration = Duration::from_secs(2);
/// Largest chunk, in bytes.
const CHUNK_BYTES: usize = 64 << 10;
/// Most bytes of all chunks of an attempt. The files themselves are uploaded whole when the trial ends.
const MAX_BYTES: u64 = 32 << 20;
/// Most files whose text is followed; more are left to the files that are stored in the end.
const MAX_SOURCES: usize = 4096;
/// Characters of text in the longest line that the driver sends; what is as long may go on in the next one.
const DRIVER_PIECE: usize = 16_384;
/// Lines that may wait for the store; more are left out.
const WAITING_LINES: usize = 4096;

/// Writes the live log of one attempt until it is [finished](Self::finish).
#[derive(Debug)]
pub struct LiveLog {
    lines: mpsc::Sender<String>,
    writer: JoinHandle<()>,
}

/// Which attempt a log belongs to.
#[derive(Clone, Debug)]
pub struct LogPlace {
    /// The task.
    pub task_id: String,
    /// The trial.
    pub trial_id: String,
    /// Number of the attempt.
    pub attempt: u32,
}

impl LiveLog {
    /// Begins to follow the trial's folder, which need not exist yet, and what Harbor itself prints.
    pub fn start(store: SharedStore, place: LogPlace, trial: &Path, harbor_output: File, redactor: &Redactor) -> Self {
        let (lines, received) = mpsc::channel(WAITING_LINES);
        let sources = Sources {
            folders: vec![
                FolderTail::new(trial.join("agent"), "agent"),
                FolderTail::new(trial.join("verifier"), "verifier"),
            ],
            harbor: FileTail::new(harbor_output),
            lines: redactor.scrubber(Replacement::Mask),
            files: BTreeMap::new(),
            redactor: redactor.clone(),
        };
        let chunks = Chunks::new(store, place);
        Self { lines, writer: tokio::spawn(write(chunks, sources, received)) }
    }

    /// Adds a line, or several. It never waits: where the store can't keep up, lines are left out.
    pub fn line(&self, text: impl Into<String>) {
        let _left_out_when_full = self.lines.try_send(text.into());
    }

    /// Writes what is left, and ends the log.
    pub async fn finish(self) {
        drop(self.lines);
        let _only_fails_if_it_panicked = self.writer.await;
    }
}

struct Sources {
    folders: Vec<FolderTail>,
    harbor: FileTail,
    redactor: Redactor,
    /// For the driver's lines.
    lines: Scrubber,
    /// For each file that is followed, by its name as it is shown.
    files: BTreeMap<String, Scrubber>,
}

async fn write(mut chunks: Chunks, mut sources: Sources, mut lines: mpsc::Receiver<String>) {
    let mut tick = interval_at(Instant::now() + FLUSH_EVERY, FLUSH_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => chunks.add_lines(&sources.lines.push(&ended(line))).await,
                None => break,
            },
            _ = tick.tick() => {
                sources.look(&mut chunks, false).await;
                chunks.flush().await;
            }
        }
    }
    chunks.add_lines(&sources.lines.finish()).await;
    // Each look takes so much and no more; all of them together no more than a log may hold.
    while sources.look(&mut chunks, true).await {}
    for (name, scrubber) in &mut sources.files {
        chunks.add_from(name, &scrubber.finish()).await;
    }
    chunks.flush().await;
}

/// A line with its end, unless it goes on in the next one.
fn ended(line: String) -> Vec<u8> {
    let goes_on = line.len() >= DRIVER_PIECE && line.chars().count() == DRIVER_PIECE;
    let mut bytes = line.into_bytes();
    if !goes_on && !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    bytes
}

impl Sources {
    /// Takes what came since the last look, and tells whether there was something.
    async fn look(&mut self, chunks: &mut Chunks, to_the_end: bool) -> bool {
        if chunks.is_full() {
            return false;
        }
        let printed = self.harbor.grown(to_the_end);
        let mut grew = self.add(chunks, "harbor".to_owned(), &printed).await;
        for place in 0..self.folders.len() {
            for (name, text) in self.folders[place].grown(to_the_end) {
                grew |= self.add(chunks, clean_path(&self.redactor, &name).0, &text).await;
            }
        }
        grew
    }

    /// Tells whether the text was taken.
    async fn add(&mut self, chunks: &mut Chunks, name: String, text: &[u8]) -> bool {
        if text.is_empty() || (self.files.len() >= MAX_SOURCES && !self.files.contains_key(&name)) {
            return false;
        }
        let scrubber = self.files.entry(name.clone()).or_insert_with(|| self.redactor.scrubber(Replacement::Mask));
        chunks.add_from(&name, &scrubber.push(text)).await;
        true
    }
}

/// Cuts a log into chunks and stores them.
struct Chunks {
    store: SharedStore,
    place: LogPlace,
    next: u32,
    buffer: Vec<u8>,
    taken: u64,
    /// Whose text came last, so that a line names the next one when it changes.
    speaker: String,
}

impl Chunks {
    fn new(store: SharedStore, place: LogPlace) -> Self {
        Self { store, place, next: 0, buffer: Vec::new(), taken: 0, speaker: String::new() }
    }

    async fn add_lines(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.speaker.clear();
            self.add(text).await;
        }
    }

    async fn add_from(&mut self, speaker: &str, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        if self.speaker != speaker {
            speaker.clone_into(&mut self.speaker);
            self.add(format!("--- {speaker}\n").as_bytes()).await;
        }
        self.add(text).await;
        if !text.ends_with(b"\n") {
            self.add(b"\n").await;
        }
    }

    /// Whether no more text is taken.
    const fn is_full(&self) -> bool {
        self.taken >= MAX_BYTES
    }

    async fn add(&mut self, text: &[u8]) {
        if self.is_full() {
            return;
        }
        let room = usize::try_from(MAX_BYTES - self.taken).unwrap_or(usize::MAX);
        self.buffer.extend_from_slice(&text[..text.len().min(room)]);
        self.taken += text.len() as u64;
        if self.is_full() {
            let notice = format!(
                "\n[The live log ends here, after {MAX_BYTES} bytes; the trial's files are stored whole when it ends]\n"
            );
            self.buffer.extend_from_slice(notice.as_bytes());
        }
        while self.buffer.len() >= CHUNK_BYTES {
            if !self.store_chunk(chunk_end(&self.buffer)).await {
                // Kept for the next flush; what the store does not take in the end is in the trial's files.
                return;
            }
        }
    }

    async fn flush(&mut self) {
        while !self.buffer.is_empty() {
            if !self.store_chunk(chunk_end(&self.buffer)).await {
                return;
            }
        }
    }

    /// Stores the first `bytes` of the buffer, and tells whether that worked.
    async fn store_chunk(&mut self, bytes: usize) -> bool {
        match self.put(Bytes::copy_from_slice(&self.buffer[..bytes])).await {
            Ok(()) => {
                self.buffer.drain(..bytes);
                self.next += 1;
                true
            }
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    chunk = self.next,
                    "cannot store a chunk of the live log"
                );
                false
            }
        }
    }

    async fn put(&self, chunk: Bytes) -> Result<(), ChunkError> {
        let LogPlace { task_id, trial_id, attempt } = &self.place;
        let key = attempt_log_chunk(task_id, trial_id, *attempt, self.next)?;
        Ok(self.store.put(&key, chunk).await?)
    }
}

#[derive(Debug, thiserror::Error)]
enum ChunkError {
    #[error(transparent)]
    Key(#[from] InvalidKey),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where the next chunk ends: with a line if there is one, so that no reader sees half a character.
fn chunk_end(buffer: &[u8]) -> usize {
    if buffer.len() < CHUNK_BYTES {
        return buffer.len();
    }
    buffer[..CHUNK_BYTES].iter().rposition(|byte| *byte == b'\n').map_or(CHUNK_BYTES, |last| last + 1)
}
