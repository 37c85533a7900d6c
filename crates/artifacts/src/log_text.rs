//! Logs as one text for people to read.

use std::ops::Range;

use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::key::Key;
use crate::store::{ArtifactStore, ObjectMeta, StoreError};

/// Objects that are read at once.
const AT_ONCE: usize = 8;
/// Log files of a trial that are shown: it may have left hundreds of thousands, and each takes memory.
const MOST_FILES: usize = 10_000;
/// Bytes that are read first to find the last lines.
const LAST_BYTES: u64 = 64 << 10;

/// A log that lies in several objects, as one row of bytes: its size, and any part of it. Only what a part needs is read.
#[derive(Debug, Clone, Default)]
pub struct LogText {
    parts: Vec<Part>,
    size: u64,
    /// Last object of which it is known.
    last: Option<Key>,
}

/// The last lines of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Where they begin.
    pub start: u64,
    /// The lines.
    pub bytes: Vec<u8>,
    /// Whether they are all that was asked for: as many lines, or the whole log.
    pub is_whole: bool,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Object(Key, u64),
}

impl Part {
    fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Object(_, size) => *size,
        }
    }
}

/// The bytes of a part in `range`, of which none is past its end. An object that is gone has none.
async fn read_part(store: &dyn ArtifactStore, part: Part, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
    match part {
        Part::Text(text) => {
            let [start, end] = [range.start, range.end].map(|place| usize::try_from(place).unwrap_or(usize::MAX));
            Ok(text.as_bytes().get(start..end).unwrap_or_default().to_vec())
        }
        Part::Object(key, _) => match store.get_range(&key, range).await {
            Ok(content) => Ok(content.into()),
            Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        },
    }
}

impl LogText {
    /// The log files below `prefix` (see [`log_files`]) as one text (docs/compatibility.md, 1.12): for each a line `=== key ===` and the
    /// content, then a line break; an empty line lies between two of them.
    pub async fn of_files(store: &dyn ArtifactStore, prefix: &str) -> Result<Self, StoreError> {
        const PAGE: usize = 1000;
        let mut log = Self::default();
        let mut after: Option<String> = None;
        let mut files = 0;
        loop {
            let page = store.list(prefix, after.as_deref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|object| object.key.to_string());
            for file in log_files(page, prefix) {
                if files == MOST_FILES {
                    log.add_text(format!(
                        "\n[Only the first {MOST_FILES} log files are shown; the others can be read as files]\n"
                    ));
                    return Ok(log);
                }
                files += 1;
                let separator = if log.parts.is_empty() { "" } else { "\n" };
                log.add_text(format!("{separator}=== {} ===\n", file.key));
                log.add_object(file);
                log.add_text("\n".to_owned());
            }
            if is_last {
                return Ok(log);
            }
        }
    }

    /// Takes in the chunks that came since the last time (see [`crate::key::attempt_log_prefix`]): the log of an attempt
    /// that may still run begins empty and grows.
    pub async fn grow(&mut self, store: &dyn ArtifactStore, prefix: &str) -> Result<(), StoreError> {
        const PAGE: usize = 1000;
        loop {
            let page = store.list(prefix, self.last.as_ref().map(Key::as_str), PAGE).await?;
            let last_page = page.len() < PAGE;
            for chunk in page {
                self.add_object(chunk);
            }
            if last_page {
                return Ok(());
            }
        }
    }

    fn add_text(&mut self, text: String) {
        self.size += text.len() as u64;
        self.parts.push(Part::Text(text));
    }

    fn add_object(&mut self, object: ObjectMeta) {
        self.size += object.size;
        self.last = Some(object.key.clone());
        self.parts.push(Part::Object(object.key, object.size));
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes in `range`, clipped to the log's size.
    pub async fn read(&self, store: &dyn ArtifactStore, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        let mut begin = 0;
        let mut pieces = Vec::new();
        for part in &self.parts {
            let inside = range.start.max(begin)..range.end.min(begin + part.size());
            if !inside.is_empty() {
                pieces.push((part.clone(), inside.start - begin..inside.end - begin));
            }
            begin += part.size();
        }
        let reads = pieces.into_iter().map(|(part, range)| read_part(store, part, range));
        let pieces: Vec<Vec<u8>> = futures_util::stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(pieces.concat())
    }

    /// The last `lines` lines; of a longer text than `most` bytes, its last `most` bytes.
    pub async fn tail(&self, store: &dyn ArtifactStore, lines: usize, most: u64) -> Result<Tail, StoreError> {
        let floor = self.size.saturating_sub(most);
        let (mut start, mut bytes) = (self.size, Vec::new());
        let mut step = LAST_BYTES;
        loop {
            let from = start.saturating_sub(step).max(floor);
            let mut piece = self.read(store, from..start).await?;
            piece.append(&mut bytes);
            (start, bytes, step) = (from, piece, step.saturating_mul(4));
            if let Some(place) = last_lines(&bytes, lines) {
                return Ok(Tail { start: start + place as u64, bytes: bytes.split_off(place), is_whole: true });
            }
            if start == floor {
                return Ok(Tail { start, bytes, is_whole: start == 0 });
            }
        }
    }
}

/// Where the last lines begin, if it is certain that nothing before belongs to them.
fn last_lines(bytes: &[u8], lines: usize) -> Option<usize> {
    // A line break at the very end ends the last line and begins none.
    let breaks = bytes[..bytes.len().saturating_sub(1)].iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    breaks.map(|(place, _)| place + 1).nth(lines.checked_sub(1)?)
}

/// The logs among objects below `prefix`: what ends in `.log` or `.txt`, and whatever lies in a folder `logs`, `agent` or
/// `verifier` except `.json` and `.patch` (docs/compatibility.md, 1.12).
pub fn log_files(objects: Vec<ObjectMeta>, prefix: &str) -> impl Iterator<Item = ObjectMeta> {
    objects.into_iter().filter(move |object| is_log(object.key.as_str().strip_prefix(prefix).unwrap_or_default()))
}

/// Whether the object at this path below the trial's prefix is a log.
fn is_log(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let has_suffix = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    let in_log_folder = folders.split('/').any(|folder| matches!(folder, "logs" | "agent" | "verifier"));
    has_suffix(&[".log", ".txt"]) || (in_log_folder && !has_suffix(&[".json", ".patch"]))
}
