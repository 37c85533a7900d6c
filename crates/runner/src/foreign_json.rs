//! JSON that agents, tests and Harbor wrote, read so that one bad field voids no other.
//!
//! Python writes `NaN` and `Infinity`, numbers of any length and halves of characters, none of which other readers take.
//! Here such a number is read as a text, which no field that wants a number accepts. Fields that nobody asks for are passed over
//! without being kept, however large or deep they are, and of a field that is there twice the last counts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Deepest object or list that is kept; what is deeper is null.
const MAX_DEPTH: usize = 12;
/// Longest text that stands for a number that cannot be carried, in bytes.
const MAX_NUMBER_TEXT: usize = 40;

/// Whether a field of the object that is the value of `parent` is kept; at the top, `parent` is empty.
pub(crate) type Keep = fn(parent: &str, key: &str) -> bool;

/// Reads one JSON value with the fields that `keep` names.
pub(crate) fn read(bytes: &[u8], keep: Keep) -> serde_json::Result<Value> {
    let text = strict(&String::from_utf8_lossy(bytes));
    let mut json = serde_json::Deserializer::from_str(&text);
    let value = Kept { keep, parent: "", depth: 0 }.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// A number that a double can carry.
pub(crate) fn number(value: Option<&Value>) -> Option<f64> {
    value?.as_f64().filter(|number| number.is_finite())
}

/// A count, also where it is written as `12.0`; what can't be one is none.
pub(crate) fn count(value: Option<&Value>) -> Option<i64> {
    /// Below it every whole number is a double of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = value?;
    let whole = || value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < EXACT);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
    let count = value.as_i64().or_else(|| whole().map(|number| number as i64))?;
    (count >= 0).then_some(count)
}

/// The JSON text in which everything is as JSON has it: numbers beyond a double become texts, halves of characters U+FFFD.
fn strict(text: &str) -> String {
    let mut strict = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => push_text(&mut strict, rest),
            'N' | 'I' | '-' | '0'..='9' => push_number(&mut strict, rest),
            _ => {
                let length = rest.find(['"', 'N', 'I', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
                let length = length.unwrap_or(rest.len());
                strict.push_str(&rest[..length]);
                length
            }
        };
        rest = &rest[length..];
    }
    strict
}

/// Copies the number at the beginning of `rest`, and tells how long it is.
fn push_number(strict: &mut String, rest: &str) -> usize {
    for word in ["NaN", "Infinity", "-Infinity"] {
        if rest.starts_with(word) {
            strict.push('"');
            strict.push_str(word);
            strict.push('"');
            return word.len();
        }
    }
    let end = rest.find(|character: char| !character.is_ascii_digit() && !"+-.eE".contains(character));
    let number = &rest[..end.unwrap_or(rest.len())];
    if number.is_empty() {
        strict.push_str(&rest[..1]);
        return 1;
    }
    if number.parse::<f64>().is_ok_and(f64::is_infinite) {
        let shown = &number[..number.len().min(MAX_NUMBER_TEXT)];
        strict.push('"');
        strict.push_str(shown);
        strict.push_str(if shown.len() < number.len() { "...\"" } else { "\"" });
    } else {
        strict.push_str(number);
    }
    number.len()
}

/// Copies the text at the beginning of `rest`, quotes included, and tells how long it is.
fn push_text(strict: &mut String, rest: &str) -> usize {
    strict.push('"');
    let mut at = 1;
    while let Some(found) = rest[at..].find(['"', '\\']) {
        strict.push_str(&rest[at..at + found]);
        at += found;
        if rest[at..].starts_with('"') {
            strict.push('"');
            return at + 1;
        }
        at += match (surrogate(&rest[at..]), surrogate(rest.get(at + 6..).unwrap_or_default())) {
            (Some(Surrogate::Leading), Some(Surrogate::Trailing)) => {
                strict.push_str(&rest[at..at + 12]);
                12
            }
            (Some(_), _) => {
                strict.push('\u{fffd}');
                6
            }
            (None, _) => {
                let escape: String = rest[at..].chars().take(2).collect();
                strict.push_str(&escape);
                escape.len()
            }
        };
    }
    strict.push_str(&rest[at..]);
    rest.len()
}

/// Half of a character beyond the first 65,536, as UTF-16 and so JSON's escapes have them.
enum Surrogate {
    Leading,
    Trailing,
}

fn surrogate(escape: &str) -> Option<Surrogate> {
    let code = u32::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok()?;
    match code {
        0xD800..=0xDBFF => Some(Surrogate::Leading),
        0xDC00..=0xDFFF => Some(Surrogate::Trailing),
        _ => None,
    }
}

/// Reads a value without the fields that are not kept.
struct Kept<'a> {
    keep: Keep,
    parent: &'a str,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Kept<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > MAX_DEPTH {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| Value::Null);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Kept<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Kept { depth: self.depth + 1, ..self })? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if (self.keep)(self.parent, &key) {
                let value = fields.next_value_seed(Kept { keep: self.keep, parent: &key, depth: self.depth + 1 })?;
                object.insert(key, value);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn all(text: &str) -> Value {
        read(text.as_bytes(), |_, _| true).unwrap()
    }

    #[rstest]
    #[case("[NaN, Infinity, -Infinity, -1, 1e5]", json!(["NaN", "Infinity", "-Infinity", -1, 1e5]))]
    #[case("[1e999, -1e999]", json!(["1e999", "-1e999"]))]
    #[case(r#"["NaN 1e999 -Infinity \" \\", 1]"#, json!(["NaN 1e999 -Infinity \" \\", 1]))]
    #[case(r#"["\ud83d\ude00", "\ud83d", "\ude00\ud83d\u0041", "\\ud83d"]"#, json!(["\u{1f600}", "\u{fffd}", "\u{fffd}\u{fffd}A", "\\ud83d"]))]
    #[case(r#"{"a": 1, "a": 2}"#, json!({"a": 2}))]
    fn what_python_writes_is_read(#[case] text: &str, #[case] expected: Value) {
        assert_eq!(all(text), expected);
    }

    #[test]
    fn long_numbers_are_texts_that_show_how_they_begin() {
        assert_eq!(all(&"7".repeat(400)), json!(format!("{}...", "7".repeat(40))));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(read(b"{\"a\": \"\xff\", \"b\": 1}", |_, _| true).unwrap(), json!({"a": "\u{fffd}", "b": 1}));
    }

    #[test]
    fn only_what_is_asked_for_is_kept_however_deep_the_rest_is() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let text = format!(r#"{{"x": {deep}, "a": {{"x": NaN, "b": 1}}, "c": {deep}}}"#);
        let read = read(text.as_bytes(), |parent, key| parent == "a" || key == "a" || key == "c").unwrap();
        assert_eq!(read["a"], json!({"x": "NaN", "b": 1}));
        assert!(read.get("x").is_none() && read["c"].is_array());
    }

    #[rstest]
    #[case(json!(12), Some(12))]
    #[case(json!(12.0), Some(12))]
    #[case(json!(0), Some(0))]
    #[case(json!(-1), None)]
    #[case(json!(1.5), None)]
    #[case(json!(1e300), None)]
    #[case(json!("12"), None)]
    #[case(json!(u64::MAX), None)]
    fn counts_are_whole(#[case] value: Value, #[case] expected: Option<i64>) {
        assert_eq!(count(Some(&value)), expected);
    }

    proptest! {
        #[test]
        fn json_stays_as_it_is(text in "\\PC{0,20}|[\"\\\\NI0-9e.+-]{0,20}", number in any::<i64>()) {
            let value = json!({ text.clone(): [number, text, null, true] });
            prop_assert_eq!(all(&value.to_string()), value);
        }

        #[test]
        fn no_text_is_a_danger(text in "[\"\\\\u{}dDfF8aNnI0-9e.+:,\\[\\] -]{0,40}|\\PC{0,40}") {
            let _any_answer = read(text.as_bytes(), |_, _| true);
        }
    }
}
