//! Walking the folder in the order in which S3 lists keys.

use std::fs;
use std::io;
use std::path::Path;

use crate::key::{Key, MAX_COMPONENTS};
use crate::store::ObjectMeta;

use super::is_absence;

/// Objects below `root` with `prefix`, after `after`, in byte order of the full key; at most `limit`.
///
/// What no key can name (the temporary folder, links, pipes, names that are not UTF-8) is passed over.
pub(super) fn list(root: &Path, prefix: &str, after: Option<&str>, limit: usize) -> io::Result<Vec<ObjectMeta>> {
    let mut found = Vec::new();
    // The last element is the next to visit. A folder's name ends in a slash, here and in the sort below: `a-b/x` comes
    // before `a/x`, since keys are compared as wholes and `-` comes before `/`.
    let mut to_visit = vec![prefix.rfind('/').map_or_else(String::new, |slash| prefix[..=slash].to_owned())];
    while let Some(name) = to_visit.pop() {
        if found.len() >= limit {
            break;
        }
        if name.is_empty() || name.ends_with('/') {
            let first = to_visit.len();
            to_visit.extend(children(root, &name)?.into_iter().filter(|child| may_hold(child, prefix, after)));
            to_visit[first..].sort_unstable_by(|a, b| b.cmp(a));
        } else if let Some(object) = object(root, name)? {
            found.push(object);
        }
    }
    Ok(found)
}

/// Whether `name` is a listed key, or a folder in which one may be.
fn may_hold(name: &str, prefix: &str, after: Option<&str>) -> bool {
    let is_folder = name.ends_with('/');
    let has_prefix = name.starts_with(prefix) || (is_folder && prefix.starts_with(name));
    let comes_after = after.is_none_or(|after| name > after || (is_folder && after.starts_with(name)));
    has_prefix && comes_after
}

/// Full names of what lies directly in a folder, those of folders with a slash at the end.
fn children(root: &Path, folder: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    if folder.matches('/').count() >= MAX_COMPONENTS {
        return Ok(names);
    }
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok(names),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let file_type = entry.file_type()?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if file_type.is_dir() {
            names.push(format!("{folder}{name}/"));
        } else if file_type.is_file() {
            names.push(format!("{folder}{name}"));
        }
    }
    Ok(names)
}

fn object(root: &Path, name: String) -> io::Result<Option<ObjectMeta>> {
    let Ok(key) = Key::parse(name) else { return Ok(None) };
    match fs::symlink_metadata(root.join(key.as_str())) {
        Ok(found) => Ok(Some(ObjectMeta { key, size: found.len(), modified: found.modified()? })),
        // Deleted since its folder was read.
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes `folder` and the folders in it, as far as they are empty. A write that comes in between wins.
pub(super) fn remove_empty_folders(folder: &Path) {
    let entries = walkdir::WalkDir::new(folder).follow_root_links(false).contents_first(true);
    for entry in entries.into_iter().flatten().filter(|entry| entry.file_type().is_dir()) {
        let _still_in_use = fs::remove_dir(entry.path());
    }
}
