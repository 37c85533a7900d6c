//! Why a folder can't be packed, as it is told.

use oddish_artifacts::archive::PackError;

use crate::plain_text;
use crate::task_dirs::shown;

/// The fault as a line that is safe to print.
pub(crate) fn cannot_pack(error: PackError) -> String {
    match error {
        PackError::Io { path, source } => format!("cannot pack: {}: {source}", shown(&path)),
        other => format!("cannot pack: {}", plain_text::line(&other.to_string())),
    }
}
