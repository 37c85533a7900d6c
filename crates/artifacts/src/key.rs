//! Object keys: their rules, and the layout of the store (docs/compatibility.md, 3.9).
//!
//! | key | content |
//! |---|---|
//! | `tasks/{task_id}/v{n}/.oddish-task.tar.gz` | archive of a task version |
//! | `tasks/{task_id}/v{n}/files.pack` | the files of a task version, one after the other |
//! | `tasks/{task_id}/trials/{trial_id}/attempt-{n}/…` | copy of Harbor's trial folder, with `redactions.json` where secrets were taken out of it and `omitted.json` where files are not kept |
//! | `tasks/{task_id}/trials/{trial_id}/attempt-{n}.log/00000000` | log chunks, written while the trial runs |
//! | `tasks/{task_id}/trials/{trial_id}/attempt-0/…` | files of a trial that ran elsewhere and was imported |
//! | `staging/{token}/.oddish-task.tar.gz` | an upload that is not accepted yet |
//! | `staging/{token}/.oddish-trial-import.tar.gz` | files of an imported trial that are not accepted yet |

use std::fmt;
use std::str::FromStr;

/// Longest key in bytes; S3's own limit.
pub const MAX_KEY_BYTES: usize = 1024;
/// Longest part between two slashes in bytes; what Linux file systems allow for one name.
pub const MAX_COMPONENT_BYTES: usize = 255;
/// Most parts that a key may have.
pub const MAX_COMPONENTS: usize = 64;
/// First part that no key may have: the folder store keeps its unfinished files there.
pub(crate) const TEMPORARY_FOLDER: &str = ".tmp";

const ARCHIVE_NAME: &str = ".oddish-task.tar.gz";
const PACK_NAME: &str = "files.pack";
const IMPORT_NAME: &str = ".oddish-trial-import.tar.gz";
/// Stands for the attempt of a trial that ran elsewhere; those that run here count from 1.
const IMPORTED: u32 = 0;

/// The name of one object: a relative path with `/` between its parts.
///
/// A key holds no empty part, no `.` or `..`, no control character, and stays within [`MAX_KEY_BYTES`],
/// [`MAX_COMPONENT_BYTES`] and [`MAX_COMPONENTS`], so that the same keys work in a folder and in S3. Keys compare as
/// bytes, which is the order in which S3 lists them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Checks `text` and takes it as a key.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        match fault(&text) {
            None => Ok(Self(text)),
            Some(fault) => Err(InvalidKey::new(&text, fault)),
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A text that can't be a key or a prefix of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` can't name an object: it {fault}")]
pub struct InvalidKey {
    text: String,
    fault: KeyFault,
}

impl InvalidKey {
    fn new(text: &str, fault: KeyFault) -> Self {
        Self { text: shown(text.as_bytes()), fault }
    }

    /// Which rule the text breaks.
    pub fn fault(&self) -> KeyFault {
        self.fault
    }
}

/// A rule that every key keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// It is longer than [`MAX_KEY_BYTES`].
    #[error("is longer than {MAX_KEY_BYTES} bytes")]
    TooLong,
    /// It has more than [`MAX_COMPONENTS`] parts.
    #[error("has more than {MAX_COMPONENTS} parts")]
    TooDeep,
    /// One part is longer than [`MAX_COMPONENT_BYTES`].
    #[error("has a part longer than {MAX_COMPONENT_BYTES} bytes")]
    PartTooLong,
    /// A part is empty, as in `/a`, `a//b` and `a/`.
    #[error("has an empty part (a slash at its start or end, or two in a row)")]
    EmptyPart,
    /// A part is `.` or `..`.
    #[error("has `.` or `..` as a part")]
    DotPart,
    /// It holds a NUL, a line break or another control character.
    #[error("holds a control character")]
    ControlCharacter,
    /// It begins with the folder that the store keeps for itself.
    #[error("begins with `{TEMPORARY_FOLDER}`, which is kept for unfinished files")]
    Reserved,
    /// An id holds a slash, so that it would name another place.
    #[error("holds a slash where one part is meant")]
    Slash,
    /// A prefix to delete does not end at a slash, so that `t-1` would take `t-10` with it.
    #[error("does not end in a slash, and so would also match its neighbours")]
    OpenPrefix,
}

fn fault(text: &str) -> Option<KeyFault> {
    if text.is_empty() {
        return Some(KeyFault::Empty);
    }
    if text.len() > MAX_KEY_BYTES {
        return Some(KeyFault::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Some(KeyFault::ControlCharacter);
    }
    for (index, part) in text.split('/').enumerate() {
        match part {
            "" => return Some(KeyFault::EmptyPart),
            "." | ".." => return Some(KeyFault::DotPart),
            TEMPORARY_FOLDER if index == 0 => return Some(KeyFault::Reserved),
            _ if part.len() > MAX_COMPONENT_BYTES => return Some(KeyFault::PartTooLong),
            _ if index >= MAX_COMPONENTS => return Some(KeyFault::TooDeep),
            _ => {}
        }
    }
    None
}

/// Whether `text` is a plain path below a prefix: it keeps the rules of a [`Key`], but may begin as nothing in the store does.
pub fn is_relative_path(text: &str) -> bool {
    matches!(fault(text), None | Some(KeyFault::Reserved))
}

/// Checks a prefix to list: nothing at all, or the beginning of a key, cut anywhere but inside `.` or `..`.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), InvalidKey> {
    let body = prefix.strip_suffix('/').unwrap_or(prefix);
    match fault(body) {
        None => Ok(()),
        Some(KeyFault::Empty) if prefix.is_empty() => Ok(()),
        Some(fault) => Err(InvalidKey::new(prefix, fault)),
    }
}

/// Checks a prefix to delete: as [`check_prefix`], but neither empty nor open at its end.
pub(crate) fn check_closed_prefix(prefix: &str) -> Result<(), InvalidKey> {
    check_prefix(prefix)?;
    match prefix.chars().last() {
        Some('/') => Ok(()),
        Some(_) => Err(InvalidKey::new(prefix, KeyFault::OpenPrefix)),
        None => Err(InvalidKey::new(prefix, KeyFault::Empty)),
    }
}

/// Makes a name from outside fit to stand in a message: bounded, and without anything that a terminal would obey.
pub(crate) fn shown(name: &[u8]) -> String {
    const MOST: usize = 120;
    let text = String::from_utf8_lossy(name);
    let mut escaped: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        escaped.push('…');
    }
    escaped
}

fn one_part(id: &str) -> Result<&str, InvalidKey> {
    match fault(id) {
        Some(fault) => Err(InvalidKey::new(id, fault)),
        None if id.contains('/') => Err(InvalidKey::new(id, KeyFault::Slash)),
        None => Ok(id),
    }
}

/// Prefix of everything that belongs to a task: `tasks/{task_id}/`.
pub fn task_prefix(task_id: &str) -> Result<String, InvalidKey> {
    Ok(format!("tasks/{}/", one_part(task_id)?))
}

/// Archive of a task version, counted from 1: `tasks/{task_id}/v{version}/.oddish-task.tar.gz`.
pub fn task_archive_key(task_id: &str, version: u32) -> Result<Key, InvalidKey> {
    Key::parse(format!("{}v{version}/{ARCHIVE_NAME}", task_prefix(task_id)?))
}

/// The files of a task version, one after the other, so that each can be read by its range:
/// `tasks/{task_id}/v{version}/files.pack`.
pub fn task_pack_key(task_id: &str, version: u32) -> Result<Key, InvalidKey> {
    Key::parse(format!("{}v{version}/{PACK_NAME}", task_prefix(task_id)?))
}

/// Prefix of everything that belongs to a trial, logs and files of all its attempts: `tasks/{task_id}/trials/{trial_id}/`.
pub fn trial_prefix(task_id: &str, trial_id: &str) -> Result<String, InvalidKey> {
    Ok(format!("{}trials/{}/", task_prefix(task_id)?, one_part(trial_id)?))
}

/// Prefix of the files of an imported trial: `tasks/{task_id}/trials/{trial_id}/attempt-0/`.
pub fn import_prefix(task_id: &str, trial_id: &str) -> Result<String, InvalidKey> {
    attempt_prefix(task_id, trial_id, IMPORTED)
}

/// Prefix of Harbor's trial folder as an attempt left it: `tasks/{task_id}/trials/{trial_id}/attempt-{attempt}/`.
///
/// Every attempt has its own, so that a runner that was given up can't touch what a newer one stored.
pub fn attempt_prefix(task_id: &str, trial_id: &str, attempt: u32) -> Result<String, InvalidKey> {
    Ok(format!("{}attempt-{attempt}/", trial_prefix(task_id, trial_id)?))
}

/// Where a runner stores how an attempt came out, before it is recorded: beside the attempt's files, and no part of them.
pub fn attempt_outcome_key(task_id: &str, trial_id: &str, attempt: u32) -> Result<Key, InvalidKey> {
    Key::parse(format!("tasks/{task_id}/trials/{trial_id}/attempt-{attempt}.outcome.json"))
}

/// Prefix of the log chunks of an attempt: `tasks/{task_id}/trials/{trial_id}/attempt-{attempt}.log/`.
///
/// It lies beside the attempt's folder, which stays an exact copy of Harbor's.
pub fn attempt_log_prefix(task_id: &str, trial_id: &str, attempt: u32) -> Result<String, InvalidKey> {
    Ok(format!("{}attempt-{attempt}.log/", trial_prefix(task_id, trial_id)?))
}

/// One log chunk of an attempt, counted from 0: the log prefix and eight digits, so that listing order is time order.
///
/// Numbers above 99 999 999 would sort wrongly; at one chunk every two seconds that is more than six years.
pub fn attempt_log_chunk(task_id: &str, trial_id: &str, attempt: u32, chunk: u32) -> Result<Key, InvalidKey> {
    Key::parse(format!("{}{chunk:08}", attempt_log_prefix(task_id, trial_id, attempt)?))
}

/// Prefix of one upload that is not accepted yet: `staging/{token}/`.
pub fn staging_prefix(token: &str) -> Result<String, InvalidKey> {
    Ok(format!("staging/{}/", one_part(token)?))
}

/// Where the archive of one upload waits until it is checked: `staging/{token}/.oddish-task.tar.gz`.
pub fn staging_key(token: &str) -> Result<Key, InvalidKey> {
    Key::parse(format!("{}{ARCHIVE_NAME}", staging_prefix(token)?))
}

/// Where the files of an imported trial wait until they are checked: `staging/{token}/.oddish-trial-import.tar.gz`.
pub fn import_staging_key(token: &str) -> Result<Key, InvalidKey> {
    Key::parse(format!("{}{IMPORT_NAME}", staging_prefix(token)?))
}
