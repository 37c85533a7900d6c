//! Which member names are fit to become paths.

use super::{ArchiveError, UnpackLimits};
use crate::key::shown;

/// Checks the raw name of a member and brings it to plain form: parts joined by one `/`, none of them `.` or empty.
/// The archive's own top folder (`./`) gives an empty text.
pub(super) fn plain_path(raw: &[u8], limits: &UnpackLimits) -> Result<String, ArchiveError> {
    let path = || shown(raw);
    let Ok(text) = str::from_utf8(raw) else { return Err(ArchiveError::NonUtf8Name { path: path() }) };
    if text.chars().any(char::is_control) {
        return Err(ArchiveError::ControlCharacter { path: path() });
    }
    if text.starts_with('/') {
        return Err(ArchiveError::AbsolutePath { path: path() });
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(ArchiveError::PathTraversal { path: path() });
    }
    if parts.iter().any(|part| part.len() > limits.component_bytes) {
        return Err(ArchiveError::NameTooLong { path: path(), limit: limits.component_bytes });
    }
    if parts.len() > limits.depth {
        return Err(ArchiveError::TooDeep { path: path(), limit: limits.depth });
    }
    let plain = parts.join("/");
    if plain.len() > limits.path_bytes {
        return Err(ArchiveError::PathTooLong { path: path(), limit: limits.path_bytes });
    }
    Ok(plain)
}
