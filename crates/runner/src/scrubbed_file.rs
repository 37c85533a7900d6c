//! Files with their secrets removed.
//!
//! A file that holds none is stored as it is. Of one that does, a copy is made and stored in its place:
//!
//! - in a text (valid UTF-8) each secret becomes [`MASK`];
//! - in a JSON file that is read by its keys (`trial_tree`) only those in the strings of values do;
//! - in any other file as many asterisks, so that everything else stays at its place;
//! - a JSON file that would be no JSON any more, since a secret went beyond one of its strings, becomes the JSON text of
//!   the mask as a whole.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Weak;

use oddish_artifacts::open_regular;
use serde::Serialize;
use serde::de::IgnoredAny;
use tempfile::NamedTempFile;

use crate::json_values::{JsonValues, Piece};
use crate::redaction::{MASK, Redactor, Replacement};
use crate::trial_tree::is_read_by_its_keys;

/// Bytes that are read at once.
const BLOCK: usize = 256 << 10;

/// How the secrets of a file were replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// Each by the mask.
    Text,
    /// Each by asterisks.
    Binary,
    /// The whole file by the mask.
    WholeFile,
    /// Those in its path; its content had none.
    Path,
}

/// A copy without secrets. It goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Scrubbed {
    pub(crate) copy: NamedTempFile,
    pub(crate) replaced: u64,
    pub(crate) form: Form,
}

/// A file of a trial, as it was found.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) path: PathBuf,
    /// How long it was.
    pub(crate) bytes: u64,
    /// Whether somebody still waits for what is made of it: reading ends when that is gone.
    pub(crate) waiting: Weak<()>,
}

impl Original {
    /// Opens it again. A sandbox may still be at work: what lies there now may be no file any more, or an endless one.
    fn open(&self) -> io::Result<impl Read + use<>> {
        let file = open_regular(&self.path)?;
        if file.metadata()?.len() > self.bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it grew while it was stored"));
        }
        Ok(WhileWaiting { file: file.take(self.bytes), waiting: self.waiting.clone() })
    }
}

struct WhileWaiting {
    file: io::Take<File>,
    waiting: Weak<()>,
}

impl Read for WhileWaiting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.waiting.strong_count() == 0 {
            return Err(io::Error::other("nobody waits for it any more"));
        }
        self.file.read(buffer)
    }
}

/// Makes a copy in `folder` without secrets, if the file has some.
pub(crate) fn scrub(redactor: &Redactor, original: &Original, folder: &Path) -> io::Result<Option<Scrubbed>> {
    let path = &original.path;
    if !redactor.finds_any(original.open()?)? {
        return Ok(None);
    }
    let form = if is_text(original.open()?)? { Form::Text } else { Form::Binary };
    if form == Form::Text && is_read_by_its_keys(path) && is_json(original.open()?)? {
        return scrub_values(redactor, original, folder);
    }
    let replacement = if form == Form::Text { Replacement::Mask } else { Replacement::SameLength };
    let mut scrubber = redactor.scrubber(replacement);
    let mut copy = NamedTempFile::new_in(folder)?;
    let mut writer = BufWriter::new(copy.as_file_mut());
    for_each_block(original.open()?, |block| writer.write_all(&scrubber.push(block)))?;
    writer.write_all(&scrubber.finish())?;
    writer.flush()?;
    drop(writer);
    let replaced = scrubber.replaced();
    if is_json_name(path) && is_json(original.open()?)? && !is_json(File::open(copy.path())?)? {
        return whole_file(folder, replaced).map(Some);
    }
    Ok(Some(Scrubbed { copy, replaced, form }))
}

/// The same for a JSON file whose keys, numbers and signs stay as they are.
fn scrub_values(redactor: &Redactor, original: &Original, folder: &Path) -> io::Result<Option<Scrubbed>> {
    let mut scrubber = redactor.scrubber(Replacement::Mask);
    let mut copy = NamedTempFile::new_in(folder)?;
    let mut writer = BufWriter::new(copy.as_file_mut());
    let mut values = JsonValues::default();
    for_each_block(original.open()?, |block| {
        let mut clean = Vec::with_capacity(block.len());
        values.push(block, |piece| match piece {
            Piece::Value(bytes) => clean.extend(scrubber.push(bytes)),
            Piece::EndOfValue => clean.extend(scrubber.finish()),
            Piece::Form(bytes) => clean.extend_from_slice(bytes),
        });
        writer.write_all(&clean)
    })?;
    writer.flush()?;
    drop(writer);
    let replaced = scrubber.replaced();
    if redactor.finds_quoted(File::open(copy.path())?)? {
        return whole_file(folder, replaced + 1).map(Some);
    }
    Ok((replaced > 0).then_some(Scrubbed { copy, replaced, form: Form::Text }))
}

/// What is stored of a JSON file in which a secret went beyond one of the strings.
fn whole_file(folder: &Path, replaced: u64) -> io::Result<Scrubbed> {
    let mut copy = NamedTempFile::new_in(folder)?;
    copy.write_all(format!("\"{MASK}\"\n").as_bytes())?;
    Ok(Scrubbed { copy, replaced, form: Form::WholeFile })
}

fn for_each_block(mut file: impl Read, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&block[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a file is valid UTF-8.
fn is_text(file: impl Read) -> io::Result<bool> {
    let mut valid = true;
    let mut rest: Vec<u8> = Vec::new();
    for_each_block(file, |block| {
        if valid {
            rest.extend_from_slice(block);
            match std::str::from_utf8(&rest) {
                Ok(_) => rest.clear(),
                // The last character may go on in the next block.
                Err(error) if error.error_len().is_none() => drop(rest.drain(..error.valid_up_to())),
                Err(_) => valid = false,
            }
        }
        Ok(())
    })?;
    Ok(valid && rest.is_empty())
}

fn is_json_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json" || extension == "jsonl")
}

/// Whether a file holds JSON values and nothing else.
fn is_json(file: impl Read) -> io::Result<bool> {
    let reader = BufReader::with_capacity(BLOCK, file);
    for value in serde_json::Deserializer::from_reader(reader).into_iter::<IgnoredAny>() {
        if let Err(error) = value {
            return if error.is_io() { Err(error.into()) } else { Ok(false) };
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;

    const SECRET: &str = "sk-4711-\u{f6}-hush";

    fn scrubbed(name: &str, secret: &str, content: &[u8]) -> Option<(Vec<u8>, u64, Form)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let waiting = Arc::new(());
        let original = Original { path, bytes: content.len() as u64, waiting: Arc::downgrade(&waiting) };
        let scrubbed = scrub(&Redactor::new([secret]), &original, folder.path()).unwrap()?;
        Some((std::fs::read(scrubbed.copy.path()).unwrap(), scrubbed.replaced, scrubbed.form))
    }

    #[test]
    fn a_file_without_secrets_is_left_alone() {
        assert_eq!(scrubbed("a.txt", SECRET, b"sk-4711- is no secret"), None);
    }

    #[test]
    fn a_file_that_grew_and_one_that_nobody_waits_for_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "four and more").unwrap();
        let waiting = Arc::new(());
        let original = Original { path, bytes: 4, waiting: Arc::downgrade(&waiting) };
        let tried = |original: &Original| scrub(&Redactor::new([SECRET]), original, folder.path()).unwrap_err();
        assert_eq!(tried(&original).kind(), io::ErrorKind::InvalidInput);
        let original = Original { bytes: 100, ..original.clone() };
        assert!(scrub(&Redactor::new([SECRET]), &original, folder.path()).unwrap().is_none());
        drop(waiting);
        assert_eq!(tried(&original).kind(), io::ErrorKind::Other);
    }

    #[test]
    fn texts_get_the_mask() {
        let found = scrubbed("a.txt", SECRET, format!("\u{e4} {SECRET} {SECRET}\n").as_bytes());
        assert_eq!(found, Some(("\u{e4} [redacted] [redacted]\n".into(), 2, Form::Text)));
    }

    #[rstest]
    #[case(&[0xff], &[0])]
    #[case(&[], &[0xc3])]
    fn other_files_keep_their_length(#[case] before: &[u8], #[case] after: &[u8]) {
        let found = scrubbed("a.db", SECRET, &[before, SECRET.as_bytes(), after].concat());
        let expected = [before, &[b'*'; 15], after].concat();
        assert_eq!(found, Some((expected, 1, Form::Binary)));
    }

    /// Blocks end in the middle of a secret, and in the middle of a character.
    #[rstest]
    fn large_files_are_read_in_blocks(#[values(0, 1, 7, 8, 9, 10, 14)] into: usize) {
        let before = "x".repeat(BLOCK - into);
        let found = scrubbed("a.txt", SECRET, format!("{before}{SECRET}{SECRET}").as_bytes());
        assert_eq!(found, Some((format!("{before}[redacted][redacted]").into(), 2, Form::Text)));
    }

    #[test]
    fn json_stays_json() {
        let secret = "say \"hush\" \\ 4711\\";
        let content = serde_json::json!({ "log": format!("a {secret} b"), secret: 1 }).to_string();
        let found = scrubbed("a.json", secret, content.as_bytes()).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&found.0).unwrap();
        assert_eq!(read, serde_json::json!({ "log": "a [redacted] b", "[redacted]": 1 }));
        assert_eq!((found.1, found.2), (2, Form::Text));
    }

    /// Whatever a variable's value is: a result stays a result.
    #[rstest]
    #[case(
        "verifier_result",
        r#"{"verifier_result": {"x": 1}, "log": "a verifier_result"}"#,
        Some(r#"{"verifier_result": {"x": 1}, "log": "a [redacted]"}"#)
    )]
    #[case("reward", r#"{"rewards":{"reward":0.5}}"#, None)]
    #[case(
        "sk-\"4711\"",
        r#"{"sk-\"4711\"": 1, "a": ["sk-\"4711\"", {"b": "sk-\"4711\""}]}"#,
        Some(r#"{"sk-\"4711\"": 1, "a": ["[redacted]", {"b": "[redacted]"}]}"#)
    )]
    fn keys_by_which_a_file_is_read_stay(#[case] secret: &str, #[case] content: &str, #[case] clean: Option<&str>) {
        for name in ["result.json", "trajectory.json", "trajectory.jsonl"] {
            let found = scrubbed(name, secret, content.as_bytes()).map(|(clean, _, form)| (clean, form));
            assert_eq!(found, clean.map(|clean| (clean.into(), Form::Text)), "{name}");
        }
    }

    #[test]
    fn a_secret_that_is_json_takes_the_whole_of_a_file_that_is_read_by_its_keys() {
        let found =
            scrubbed("result.json", r#"{"user":"u","password":"hush"}"#, br#"{"a": {"user":"u","password":"hush"}}"#);
        assert_eq!(found, Some(("\"[redacted]\"\n".into(), 1, Form::WholeFile)));
    }

    #[rstest]
    #[case("a.json", r#"{"a": {"user":"u","password":"hush"}}"#, "\"[redacted]\"\n", Form::WholeFile)]
    #[case("a.jsonl", "{}\n{\"user\":\"u\",\"password\":\"hush\"}\n", "\"[redacted]\"\n", Form::WholeFile)]
    #[case("a.txt", r#"{"a": {"user":"u","password":"hush"}}"#, r#"{"a": [redacted]}"#, Form::Text)]
    #[case("a.json", r#"{"a": {"user":"u","password":"hush"}"#, r#"{"a": [redacted]"#, Form::Text)]
    fn what_would_be_no_json_any_more_goes_as_a_whole(
        #[case] name: &str,
        #[case] content: &str,
        #[case] clean: &str,
        #[case] form: Form,
    ) {
        let found = scrubbed(name, r#"{"user":"u","password":"hush"}"#, content.as_bytes());
        assert_eq!(found, Some((clean.into(), 1, form)));
    }
}
