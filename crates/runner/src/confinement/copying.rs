//! Copying what Harbor needs of the user's files.

use std::fs;
use std::io;
use std::path::Path;

use walkdir::WalkDir;

/// Copies a file, or a folder with all files in it. What is neither is left out, and what has gone meanwhile.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    for entry in WalkDir::new(from).follow_links(true) {
        let entry = entry?;
        let target = match entry.path().strip_prefix(from) {
            Ok(below) if !below.as_os_str().is_empty() => to.join(below),
            _ => to.to_path_buf(),
        };
        if entry.file_type().is_dir() {
            fs::create_dir_all(target)?;
            continue;
        }
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        if entry.file_type().is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
