//! Scripts that Linux would not run as they are.

use super::files::{TaskFiles, TaskListing};
use super::warning::TaskWarning;

/// Bytes of a script that are looked at.
const LOOK: usize = 256 << 10;
/// Scripts that are looked at.
const MOST: usize = 500;

/// Warnings about the shell scripts of a task.
pub(super) fn warnings(files: &dyn TaskFiles) -> Vec<TaskWarning> {
    let (mut windows, mut marked) = (Vec::new(), Vec::new());
    for path in scripts(files.listing()).take(MOST) {
        let Some(bytes) = files.read(path, LOOK) else { continue };
        if bytes.windows(2).any(|pair| pair == b"\r\n") {
            windows.push(path.to_owned());
        }
        if bytes.starts_with(b"\xef\xbb\xbf") {
            marked.push(path.to_owned());
        }
    }
    let windows = (!windows.is_empty()).then_some(TaskWarning::CarriageReturns { paths: windows });
    let marked = (!marked.is_empty()).then_some(TaskWarning::ByteOrderMark { paths: marked });
    windows.into_iter().chain(marked).collect()
}

fn scripts(listing: &TaskListing) -> impl Iterator<Item = &str> {
    listing.paths().filter(|path| matches!(path.rsplit_once('.'), Some((_, "sh" | "bash"))))
}
