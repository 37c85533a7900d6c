//! Removes secret values from what is stored.
//!
//! Every occurrence of a secret, in clear or in one of the forms that programs commonly give it ([`Redactor::new`]),
//! is replaced. Occurrences that overlap are one. A value that is compressed, encrypted or encoded in another way is
//! not found.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use oddish_db::attempts::Outcome;

/// What stands in a text in place of a secret. It needs no escaping in JSON.
pub const MASK: &str = "[redacted]";
/// Shortest line of a value with several lines that is a secret of its own, in bytes.
const MIN_LINE: usize = 16;
/// Bytes from which on a message may have been cut, by the driver or before it is recorded.
const MAY_BE_CUT: usize = 16_000;
/// How a message ends that was cut before it is recorded.
const CUT: &str = " [cut]";

/// Replaces the secrets of one attempt. Cloning it is cheap.
#[derive(Clone, Default)]
pub struct Redactor(Option<Arc<Patterns>>);

struct Patterns {
    searcher: AhoCorasick,
    /// Those that hold a quotation mark, and so may go beyond one string of a JSON text.
    quoted: Option<AhoCorasick>,
    /// Each form, in an order of its own for each first byte.
    by_first_byte: Vec<Vec<Vec<u8>>>,
    longest: usize,
}

/// Shows no secret.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(..)")
    }
}

impl Redactor {
    /// One for these values. It looks for each of them
    ///
    /// - as it is, and line by line where it has several lines without quotes, as keys in PEM form have;
    /// - escaped as in a JSON text, with and without characters beyond ASCII, once and twice;
    /// - in base64, of either alphabet, wherever it stands in what is encoded;
    /// - as Harbor masks it itself, which leaves its first four and its last three characters.
    ///
    /// # Panics
    /// Where the values have 2^31 bytes, which no process's variables have.
    #[expect(clippy::expect_used, reason = "it takes 2^31 bytes, and a process's variables have far less")]
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: BTreeSet<&str> = values.into_iter().collect();
        let forms: BTreeSet<Vec<u8>> =
            values.iter().flat_map(|value| forms(value)).filter(|form| !form.is_empty()).collect();
        if forms.is_empty() {
            return Self(None);
        }
        let searcher = AhoCorasick::new(&forms).expect("there is room for all secrets");
        let quoted: Vec<&str> = values.into_iter().filter(|value| value.contains('"')).collect();
        let quoted = (!quoted.is_empty()).then(|| AhoCorasick::new(quoted).expect("there is room for all secrets"));
        let longest = forms.iter().map(Vec::len).max().unwrap_or_default();
        let mut by_first_byte = vec![Vec::new(); 256];
        for form in forms {
            by_first_byte[usize::from(form[0])].push(form);
        }
        Self(Some(Arc::new(Patterns { searcher, quoted, by_first_byte, longest })))
    }

    /// A whole text without the secrets.
    pub fn text(&self, text: &str) -> String {
        self.masked(text, |_| true).0
    }

    /// A whole text without those secrets whose place in it `counts` says yes to, and how many there were.
    pub(crate) fn masked(&self, text: &str, counts: impl Fn(Range<usize>) -> bool) -> (String, u64) {
        let Some(patterns) = &self.0 else { return (text.to_owned(), 0) };
        let found = patterns.searcher.find_overlapping_iter(text).map(|found| found.range());
        let mut secrets: Vec<Range<usize>> = found.filter(|secret| counts(secret.clone())).collect();
        secrets.sort_unstable_by_key(|secret| (secret.start, secret.end));
        let (mut clean, mut end, mut replaced) = (String::with_capacity(text.len()), 0, 0);
        for secret in secrets {
            // Those that overlap are one.
            if secret.start >= end {
                clean.push_str(&text[end..secret.start]);
                clean.push_str(MASK);
                replaced += 1;
            }
            end = end.max(secret.end);
        }
        clean.push_str(&text[end..]);
        (clean, replaced)
    }

    /// The message of an error without the secrets. One that is so long that it may have been cut may end in the beginning of a
    /// secret, which goes too.
    pub fn message(&self, text: &str) -> String {
        if text.len() < MAY_BE_CUT {
            return self.text(text);
        }
        let body = text.strip_suffix(CUT).unwrap_or(text);
        let mut scrubber = self.scrubber(Replacement::Mask);
        let mut clean = scrubber.push(body.as_bytes());
        if scrubber.pending.len() > scrubber.covered && scrubber.covered == 0 {
            clean.extend_from_slice(MASK.as_bytes());
        }
        clean.extend_from_slice(&text.as_bytes()[body.len()..]);
        String::from_utf8_lossy(&clean).into_owned()
    }

    /// Takes the secrets out of what an outcome says. The type of its error is the name of a class, which failures are told apart by.
    pub fn outcome(&self, outcome: &mut Outcome) {
        if let Some(text) = &mut outcome.error_message {
            *text = self.message(text);
        }
    }

    /// Whether a secret is in what `reader` gives; it is read to the first one.
    pub(crate) fn finds_any(&self, reader: impl Read) -> io::Result<bool> {
        let Some(patterns) = &self.0 else { return Ok(false) };
        patterns.searcher.stream_find_iter(reader).next().transpose().map(|found| found.is_some())
    }

    /// Whether a secret that may go beyond one string of a JSON text is in what `reader` gives, as it is.
    pub(crate) fn finds_quoted(&self, reader: impl Read) -> io::Result<bool> {
        let Some(quoted) = self.0.as_ref().and_then(|patterns| patterns.quoted.as_ref()) else { return Ok(false) };
        quoted.stream_find_iter(reader).next().transpose().map(|found| found.is_some())
    }

    /// One that takes a text piece by piece.
    pub(crate) fn scrubber(&self, replacement: Replacement) -> Scrubber {
        Scrubber { patterns: self.0.clone(), replacement, pending: Vec::new(), covered: 0, replaced: 0 }
    }
}

impl Patterns {
    /// Where the bytes begin that may be the beginning of a secret that goes on.
    fn undecided_from(&self, text: &[u8]) -> usize {
        let first = text.len().saturating_sub(self.longest - 1);
        (first..text.len())
            .find(|start| {
                let rest = &text[*start..];
                self.by_first_byte[usize::from(rest[0])]
                    .iter()
                    .any(|form| form.len() > rest.len() && form.starts_with(rest))
            })
            .unwrap_or(text.len())
    }
}

/// What a secret is replaced with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replacement {
    /// [`MASK`].
    Mask,
    /// As many asterisks as it has bytes, so that everything else stays at its place.
    SameLength,
}

/// Takes secrets out of a text that comes in pieces, also those that lie across two of them. It keeps no more of the
/// text than may be the beginning of a secret.
pub(crate) struct Scrubber {
    patterns: Option<Arc<Patterns>>,
    replacement: Replacement,
    pending: Vec<u8>,
    /// Bytes at the beginning of `pending` that belong to a secret whose replacement was given out already.
    covered: usize,
    replaced: u64,
}

impl Scrubber {
    /// Takes the next piece, and gives what can't be a part of a secret any more.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let Some(patterns) = &self.patterns else { return piece.to_vec() };
        self.pending.extend_from_slice(piece);
        let decided = patterns.undecided_from(&self.pending);
        self.release(decided)
    }

    /// Gives what is left when nothing more comes.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.release(self.pending.len())
    }

    /// How many secrets were replaced so far.
    pub(crate) fn replaced(&self) -> u64 {
        self.replaced
    }

    fn release(&mut self, decided: usize) -> Vec<u8> {
        let Some(patterns) = &self.patterns else { return Vec::new() };
        let mut secrets: Vec<(usize, usize)> =
            patterns.searcher.find_overlapping_iter(&self.pending).map(|found| (found.start(), found.end())).collect();
        secrets.sort_unstable();
        let mut clean = Vec::with_capacity(decided);
        // Everything before this is given out, or a part of a secret.
        let mut end = self.covered;
        self.asterisks(&mut clean, end.min(decided));
        for (from, to) in secrets.into_iter().take_while(|(from, _)| *from < decided) {
            if from >= end {
                clean.extend_from_slice(&self.pending[end..from]);
                self.replaced += 1;
                if self.replacement == Replacement::Mask {
                    clean.extend_from_slice(MASK.as_bytes());
                }
                end = from;
            }
            if to > end {
                self.asterisks(&mut clean, to.min(decided).saturating_sub(end));
                end = to;
            }
        }
        if end < decided {
            clean.extend_from_slice(&self.pending[end..decided]);
        }
        self.covered = end.saturating_sub(decided);
        self.pending.drain(..decided);
        clean
    }

    fn asterisks(&self, clean: &mut Vec<u8>, number: usize) {
        if self.replacement == Replacement::SameLength {
            clean.resize(clean.len() + number, b'*');
        }
    }
}

/// What a secret may look like.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let once = json(value);
    let twice = json(&once);
    let mut forms: Vec<String> = vec![ascii(&once), ascii(&twice), json(&ascii(&once)), value.to_owned(), once, twice];
    let characters: Vec<char> = value.chars().collect();
    if let ([first @ .., _], [_, last @ ..]) = (characters.as_slice(), characters.as_slice())
        && characters.len() > 8
    {
        let (first, last) = (&first[..4], &last[last.len() - 3..]);
        forms.push(first.iter().chain(&['*'; 4]).chain(last).collect());
    }
    if value.contains('\n') {
        let lines = value.lines().map(str::trim).filter(|line| {
            line.len() >= MIN_LINE && !line.starts_with("-----") && !line.contains(['"', '\'', '{', '}', ',', ':'])
        });
        forms.extend(lines.map(str::to_owned));
    }
    for before in 0..3 {
        forms.extend(base64(value, before));
    }
    forms.into_iter().map(String::into_bytes).collect()
}

/// The text as it stands between the quotes of a JSON string.
fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The same with `\uXXXX` for what is not ASCII, as Python writes it.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// The part of a longer text's base64 that `value` alone decides, where `before` bytes, counted from a multiple of three,
/// come before it.
fn base64(value: &str, before: usize) -> [String; 2] {
    let bytes = [&vec![0; before][..], value.as_bytes()].concat();
    let decided = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)].map(|text| text[decided.clone()].to_owned())
}

#[cfg(test)]
mod tests;
