//! Logs as one text for people to read.

use crate::store::{ArtifactStore, ObjectMeta, StoreError, list_all};

/// Every log below `prefix` as one text (contract 3.8): for each, in byte order of the keys, a line `=== key ===` and
/// the content; an empty line lies between two of them. Empty when there are no logs.
///
/// A log is what ends in `.log` or `.txt`, and whatever lies in a folder `logs`, `agent` or `verifier` except `.json` and
/// `.patch`. Bytes that are not UTF-8 become replacement characters. The logs together take at most `max_bytes`; what
/// does not fit is left out, and a last line, which comes on top of the limit, says how much that is and where it lies.
pub async fn plain_log(store: &dyn ArtifactStore, prefix: &str, max_bytes: usize) -> Result<String, StoreError> {
    let mut logs = list_all(store, prefix).await?;
    logs.retain(|log| is_log(log.key.as_str().strip_prefix(prefix).unwrap_or(log.key.as_str())));
    let mut text = String::new();
    let mut left_out = LeftOut::default();
    for log in &logs {
        let separator = if text.is_empty() { "" } else { "\n" };
        let header = format!("{separator}=== {} ===\n", log.key);
        let room = max_bytes.saturating_sub(text.len() + header.len() + 1);
        if left_out.files > 0 || (room == 0 && log.size > 0) {
            left_out.add(log.size);
            continue;
        }
        let Some(content) = beginning(store, log, room).await? else { continue };
        text.push_str(&header);
        text.push_str(&content.text);
        text.push('\n');
        if content.rest > 0 {
            left_out.add(content.rest);
        }
    }
    if left_out.files > 0 {
        let LeftOut { bytes, files } = left_out;
        let note = format!(
            "\n[Too long to show whole: {bytes} more bytes in {files} file(s) are in the artifact store under {prefix}]\n"
        );
        text.push_str(&note);
    }
    Ok(text)
}

/// The log of an attempt that may still run: its chunks (see [`crate::key::attempt_log_prefix`]) put together.
///
/// Where they are longer than `max_bytes`, the newest ones are kept and a first line says how much is missing.
pub async fn live_log(store: &dyn ArtifactStore, prefix: &str, max_bytes: usize) -> Result<String, StoreError> {
    let chunks = list_all(store, prefix).await?;
    let mut room = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let first = chunks.iter().rposition(|chunk| {
        let fits = chunk.size <= room;
        room = room.saturating_sub(chunk.size);
        !fits
    });
    let (left_out, shown) = chunks.split_at(first.map_or(0, |first| first + 1));
    let mut content = Vec::new();
    for chunk in shown {
        if let Some(bytes) = or_deleted(store.get(&chunk.key).await)? {
            content.extend_from_slice(&bytes);
        }
    }
    let text = String::from_utf8_lossy(&content);
    if left_out.is_empty() {
        return Ok(text.into_owned());
    }
    let bytes: u64 = left_out.iter().map(|chunk| chunk.size).sum();
    Ok(format!("[Too long to show whole: {bytes} earlier bytes are in the artifact store under {prefix}]\n{text}"))
}

#[derive(Default)]
struct LeftOut {
    bytes: u64,
    files: u64,
}

impl LeftOut {
    fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.files += 1;
    }
}

/// The part of a log that is shown, and how many bytes of the object are not.
struct Beginning {
    text: String,
    rest: u64,
}

async fn beginning(store: &dyn ArtifactStore, log: &ObjectMeta, room: usize) -> Result<Option<Beginning>, StoreError> {
    let wanted = u64::try_from(room).unwrap_or(u64::MAX);
    let Some(bytes) = or_deleted(store.get_range(&log.key, 0..wanted).await)? else { return Ok(None) };
    let mut text = String::new();
    let mut shown = 0;
    for chunk in bytes.utf8_chunks() {
        let (valid, invalid) = (chunk.valid(), chunk.invalid());
        let fitting = valid.floor_char_boundary(room - text.len());
        text.push_str(&valid[..fitting]);
        shown += fitting;
        // A replacement character is longer than the bytes it stands for. Where the cut went through a character, there
        // is no room for one either.
        let room_for_more = room - text.len() >= char::REPLACEMENT_CHARACTER.len_utf8();
        if fitting < valid.len() || (!invalid.is_empty() && !room_for_more) {
            break;
        }
        if !invalid.is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            shown += invalid.len();
        }
    }
    let rest = log.size.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
    Ok(Some(Beginning { text, rest }))
}

/// `None` for an object that was deleted after it was listed.
fn or_deleted<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(content) => Ok(Some(content)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the object at this path below the trial's prefix is a log.
fn is_log(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let has_suffix = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    let in_log_folder = folders.split('/').any(|folder| matches!(folder, "logs" | "agent" | "verifier"));
    has_suffix(&[".log", ".txt"]) || (in_log_folder && !has_suffix(&[".json", ".patch"]))
}
