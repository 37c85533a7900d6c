//! Reading the text of `task.toml` as Harbor does: UTF-8 without a byte order mark, any kind of line break, and TOML 1.0, as Python's own
//! parser has it.

use toml::de::{DeFloat, DeInteger, DeTable, DeValue};
use toml_parser::Source;
use toml_parser::decoder::Encoding;
use toml_parser::parser::{Event, EventKind, parse_document};

use super::fault::TaskFault;
use super::files::TASK_TOML;
use super::value::{Node, Table, Value, Whole};

/// Largest `task.toml`, in bytes.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A `task.toml` that is TOML.
#[derive(Debug)]
pub(super) struct Document {
    text: String,
    pub(super) table: Table,
}

impl Document {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TaskFault> {
        if bytes.len() > MAX_BYTES {
            return Err(TaskFault::TooLarge { limit: MAX_BYTES });
        }
        let text = utf8(TASK_TOML, bytes)?;
        if text.starts_with('\u{feff}') {
            return Err(TaskFault::ByteOrderMark);
        }
        // Python takes each of these for a line break when it reads a text.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let table = read(&text).map_err(|(at, message)| {
            let (line, column) = position(&text, at);
            TaskFault::Syntax { line, column, message }
        })?;
        Ok(Self { text, table })
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        position(&self.text, at).0
    }
}

/// The text of a file that has to be UTF-8.
pub(super) fn utf8<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, TaskFault> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        TaskFault::NotUtf8 { path: path.to_owned(), line }
    })
}

/// Line, and column in characters, of a byte; from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The values of a text, or the byte where it is wrong and how.
fn read(text: &str) -> Result<Table, (usize, String)> {
    let parsed = DeTable::parse(text)
        .map_err(|error| (error.span().map_or(0, |span| span.start), error.message().replace('\n', ", ")))?;
    if let Some((at, what)) = newer_than_1_0(text) {
        return Err((at, format!("{what} is TOML 1.1, and Harbor reads TOML 1.0")));
    }
    table(parsed.get_ref()).map_err(|(at, message)| (at, message.to_owned()))
}

type Odd = (usize, &'static str);

fn table(table: &DeTable<'_>) -> Result<Table, Odd> {
    table.iter().map(|(key, value)| Ok((key.get_ref().clone().into_owned(), node(value)?))).collect()
}

fn node(spanned: &toml::Spanned<DeValue<'_>>) -> Result<Node, Odd> {
    let at = spanned.span().start;
    let value = match spanned.get_ref() {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(integer) => Value::Whole(whole(integer)),
        DeValue::Float(float) => Value::Number(number(float)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(time) => {
            if time.time.is_some_and(|time| time.second.is_none()) {
                return Err((at, "a time without seconds is TOML 1.1, and Harbor reads TOML 1.0"));
            }
            if time.date.is_some_and(|date| date.year == 0) {
                return Err((at, "there is no year 0"));
            }
            Value::Time
        }
        DeValue::Array(list) => Value::List(list.iter().map(node).collect::<Result<_, _>>()?),
        DeValue::Table(inner) => Value::Table(self::table(inner)?),
    };
    Ok(Node { value, at })
}

fn whole(integer: &DeInteger<'_>) -> Whole {
    let digits = integer.as_str();
    let exact = i64::from_str_radix(digits, integer.radix()).ok();
    #[expect(clippy::cast_precision_loss, reason = "the float next to it is what is wanted")]
    let near = exact.map_or_else(
        // Only decimal numbers are read beyond 64 bits with care; of others nothing but their size matters.
        || if integer.radix() == 10 { digits.parse().unwrap_or(f64::INFINITY) } else { f64::MAX },
        |exact| exact as f64,
    );
    Whole { exact, near }
}

fn number(float: &DeFloat<'_>) -> f64 {
    // What is too large is infinite, in Python as here.
    float.as_str().parse().unwrap_or(f64::NAN)
}

/// The first thing in a valid text that TOML 1.0 doesn't have, and what it is. Times without seconds are found with the values.
fn newer_than_1_0(text: &str) -> Option<(usize, &'static str)> {
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let mut events: Vec<Event> = Vec::new();
    parse_document(&tokens, &mut events, &mut ());
    // Whether each container that is open is an inline table, and where the last comma in it was, if nothing came after it.
    let mut open: Vec<(bool, Option<usize>)> = Vec::new();
    for event in events {
        let at = event.span().start();
        match event.kind() {
            EventKind::InlineTableOpen => open.push((true, None)),
            EventKind::ArrayOpen => open.push((false, None)),
            EventKind::ArrayClose => drop(open.pop()),
            EventKind::InlineTableClose => {
                if let Some((true, Some(comma))) = open.pop() {
                    return Some((comma, "a comma before the end of an inline table"));
                }
            }
            EventKind::ValueSep => {
                if let Some((_, comma)) = open.last_mut() {
                    *comma = Some(at);
                }
            }
            EventKind::Newline | EventKind::Comment if open.last().is_some_and(|(is_table, _)| *is_table) => {
                return Some((at, "a line break in an inline table"));
            }
            EventKind::SimpleKey | EventKind::Scalar => {
                if let Some((_, comma)) = open.last_mut() {
                    *comma = None;
                }
                let is_basic = matches!(event.encoding(), Some(Encoding::BasicString | Encoding::MlBasicString));
                let raw = text.get(at..event.span().end()).unwrap_or_default();
                if is_basic && let Some(escape) = newer_escape(raw) {
                    return Some((at + escape, "the escape \\e or \\x"));
                }
            }
            _ => {}
        }
    }
    None
}

/// Where a string has an escape that TOML 1.0 doesn't have.
fn newer_escape(raw: &str) -> Option<usize> {
    let mut bytes = raw.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'\\' && matches!(bytes.next(), Some((_, b'e' | b'x'))) {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn fault(bytes: &[u8]) -> String {
        Document::parse(bytes).map(|_| ()).unwrap_err().to_string()
    }

    #[rstest]
    #[case(b"a = {b = 1, c = [\n1,\n2,\n]}\n")]
    #[case(b"a = [{b = 1}, {c = 2},]\r\nd = '\\e'\rf = \"\\\\e\"")]
    #[case(b"a = 123456789012345678901234567890\nb = 0xffffffffffffffffffff\nc = 1e999\nd = inf\ne = nan")]
    #[case(b"a = 2024-02-29\nb = 07:32:00\nc = 1979-05-27T07:32:00Z")]
    #[case("# \u{e4}\n\"\u{e4}\" = '\u{1f511}'".as_bytes())]
    #[case(b"")]
    fn what_python_reads_is_read(#[case] text: &[u8]) {
        Document::parse(text).unwrap();
    }

    #[rstest]
    #[case(b"a = 1\nb = {c = 1,}", "line 2, column 11: a comma before the end of an inline table is TOML 1.1")]
    #[case(b"b = {\nc = 1}", "line 1, column 6: a line break in an inline table is TOML 1.1")]
    #[case(b"b = {c = 1, # why\nd = 2}", "a line break in an inline table")]
    #[case(b"b = \"x\\e[0m\"", "line 1, column 7: the escape \\e or \\x is TOML 1.1")]
    #[case(b"\"\\x41\" = 1", "the escape \\e or \\x")]
    #[case(b"a = 07:32", "line 1, column 5: a time without seconds")]
    #[case(b"a = [2023-02-29]", "line 1, column 6: invalid date")]
    #[case(b"a = 0000-01-01", "line 1, column 5: there is no year 0")]
    #[case(b"\xef\xbb\xbfa = 1", "task.toml begins with a byte order mark")]
    #[case(b"a = 'caf\xe9'", "task.toml, line 1: not UTF-8")]
    #[case(b"\n\na = '\xff\xfe'", "task.toml, line 3: not UTF-8")]
    #[case(b"a = 1\na = 2", "line 2, column 1: ")]
    fn what_python_refuses_is_refused(#[case] text: &[u8], #[case] expected: &str) {
        let found = fault(text);
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn a_huge_file_is_not_read() {
        assert!(
            fault(&vec![b'\n'; MAX_BYTES + 1]).contains("more than 1 MiB"),
            "{}",
            fault(&vec![b'\n'; MAX_BYTES + 1])
        );
    }

    #[test]
    fn values_know_their_lines() {
        let document = Document::parse(b"[a]\r\n\r\nb = [\r1, 'x']").unwrap();
        let list = document.table["a"].table().unwrap()["b"].list().unwrap();
        assert_eq!(list.iter().map(|node| document.line(node.at)).collect::<Vec<_>>(), [4, 4]);
    }
}
