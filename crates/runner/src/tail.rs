//! Follows log files that grow.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

use nix::fcntl::OFlag;

/// Most bytes that one look takes from one file; the rest waits for the next.
const MAX_READ: usize = 256 << 10;
/// Most files of one folder that are followed.
const MAX_FILES: usize = 1000;
/// Most names in one folder that a look takes note of.
const MAX_NAMES: usize = 20_000;
/// Bytes that one look takes from all files of a folder, or a little more.
const MAX_LOOK: usize = 4 << 20;

/// Follows the `*.txt` and `*.log` files right in one folder, which need not exist yet.
///
/// The sandbox writes there while we read, and is not trusted: links are not followed, only regular files are read, and
/// folders below are left alone, since one of them could be swapped for a link between finding and opening a file.
#[derive(Debug)]
pub(crate) struct FolderTail {
    folder: PathBuf,
    label: &'static str,
    offsets: BTreeMap<OsString, u64>,
}

impl FolderTail {
    pub(crate) fn new(folder: PathBuf, label: &'static str) -> Self {
        Self { folder, label, offsets: BTreeMap::new() }
    }

    /// Whole lines that came since the last look, by file; with `to_the_end` unfinished ones too.
    pub(crate) fn grown(&mut self, to_the_end: bool) -> Vec<(String, Vec<u8>)> {
        let mut names: Vec<OsString> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .take(MAX_NAMES)
            .flatten()
            .map(|entry| entry.file_name())
            .filter(|name| {
                let name = name.to_string_lossy();
                name.ends_with(".txt") || name.ends_with(".log")
            })
            .take(MAX_FILES)
            .collect();
        names.sort();
        // Files come and go, and what is kept of them must not grow with them.
        self.offsets.retain(|name, _| names.binary_search(name).is_ok());
        let mut grown = Vec::new();
        let mut taken = 0;
        for name in names {
            if taken >= MAX_LOOK {
                break;
            }
            let offset = self.offsets.entry(name.clone()).or_default();
            let file = OpenOptions::new()
                .read(true)
                // Not blocking: the name may be a pipe that nobody writes to.
                .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
                .open(self.folder.join(&name));
            // A file that can't be read now is tried again at the next look.
            let Ok(text) = file.and_then(|file| read_on(&file, offset, to_the_end)) else { continue };
            taken += text.len();
            if !text.is_empty() {
                let shown: String =
                    name.to_string_lossy().chars().filter(|character| !character.is_control()).collect();
                grown.push((format!("{}/{shown}", self.label), text));
            }
        }
        grown
    }
}

/// Follows one open file, at an offset of our own: its writer shares the file's.
#[derive(Debug)]
pub(crate) struct FileTail {
    file: File,
    offset: u64,
}

impl FileTail {
    pub(crate) fn new(file: File) -> Self {
        Self { file, offset: 0 }
    }

    pub(crate) fn grown(&mut self, to_the_end: bool) -> Vec<u8> {
        read_on(&self.file, &mut self.offset, to_the_end).unwrap_or_default()
    }
}

fn read_on(file: &File, offset: &mut u64, to_the_end: bool) -> io::Result<Vec<u8>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Vec::new());
    }
    if metadata.len() < *offset {
        // It was started again.
        *offset = 0;
    }
    let room = usize::try_from(metadata.len() - *offset).unwrap_or(MAX_READ).min(MAX_READ);
    let mut text = vec![0; room];
    let read = file.read_at(&mut text, *offset)?;
    text.truncate(read);
    if !to_the_end && read < MAX_READ {
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        text.truncate(whole);
    }
    *offset += text.len() as u64;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;

    use super::*;

    fn texts(tail: &mut FolderTail, to_the_end: bool) -> Vec<(String, String)> {
        tail.grown(to_the_end).into_iter().map(|(name, text)| (name, String::from_utf8(text).unwrap())).collect()
    }

    fn one(name: &str, text: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), text.to_owned())]
    }

    #[test]
    fn whole_lines_come_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent");
        let mut tail = FolderTail::new(path.clone(), "agent");
        assert_eq!(texts(&mut tail, false), [], "the folder is not there yet");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a.txt"), "one\ntwo\nthr").unwrap();
        fs::write(path.join("trajectory.json"), "{}\n").unwrap();
        assert_eq!(texts(&mut tail, false), one("agent/a.txt", "one\ntwo\n"));
        assert_eq!(texts(&mut tail, false), []);
        fs::write(path.join("a.txt"), "one\ntwo\nthree\n").unwrap();
        fs::write(path.join("b.log"), "other").unwrap();
        assert_eq!(texts(&mut tail, false), one("agent/a.txt", "three\n"));
        assert_eq!(texts(&mut tail, true), one("agent/b.log", "other"));
        fs::write(path.join("a.txt"), "new\n").unwrap();
        assert_eq!(texts(&mut tail, false), one("agent/a.txt", "new\n"), "a file that was begun anew");
    }

    #[test]
    fn links_and_pipes_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "hush\n").unwrap();
        let agent = folder.path().join("agent");
        fs::create_dir(&agent).unwrap();
        symlink(&secret, agent.join("a.txt")).unwrap();
        nix::unistd::mkfifo(&agent.join("b.txt"), Mode::S_IRWXU).unwrap();
        assert_eq!(texts(&mut FolderTail::new(agent, "agent"), true), []);
    }

    #[test]
    fn a_line_without_end_does_not_wait_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.txt"), "x".repeat(MAX_READ + 10)).unwrap();
        let mut tail = FolderTail::new(folder.path().to_path_buf(), "agent");
        assert_eq!(texts(&mut tail, false)[0].1.len(), MAX_READ);
        assert_eq!(texts(&mut tail, true)[0].1.len(), 10);
    }
}
