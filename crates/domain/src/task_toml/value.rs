//! What a TOML value is to Harbor, whose models (pydantic, in its lax mode) take a value of one type for one of another where nothing is
//! lost: `"512"`, `512.0` and `512` are all the whole number 512, but 1.4 is no text.

use std::collections::BTreeMap;

/// A value and the byte of the text where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(Whole),
    Number(f64),
    Flag(bool),
    Time,
    List(Vec<Node>),
    Table(Table),
}

pub(super) type Table = BTreeMap<String, Node>;

/// A whole number of any size, as Python has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Whole {
    /// It, where 64 bits hold it.
    pub(super) exact: Option<i64>,
    /// The float next to it; infinite where there is none.
    pub(super) near: f64,
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    pub(super) fn table(&self) -> Option<&Table> {
        if let Value::Table(table) = &self.value { Some(table) } else { None }
    }

    pub(super) fn list(&self) -> Option<&[Node]> {
        if let Value::List(list) = &self.value { Some(list) } else { None }
    }

    /// As a float.
    pub(super) fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Number(number) => Some(*number),
            Value::Whole(whole) => whole.near.is_finite().then_some(whole.near),
            Value::Flag(flag) => Some(f64::from(u8::from(*flag))),
            Value::Text(text) => float_of(text),
            _ => None,
        }
    }

    /// Whether it is a whole number.
    pub(super) fn is_whole(&self) -> bool {
        // 2^63, from which on a float is none of 64 bits.
        const BEYOND: f64 = 9_223_372_036_854_775_808.0;
        match &self.value {
            Value::Whole(_) | Value::Flag(_) => true,
            Value::Number(number) => number.fract() == 0.0 && number.abs() < BEYOND,
            Value::Text(text) => is_whole_text(text),
            _ => false,
        }
    }

    /// As true or false.
    pub(super) fn flag(&self) -> Option<bool> {
        match &self.value {
            Value::Flag(flag) => Some(*flag),
            Value::Whole(Whole { exact: Some(bit @ (0 | 1)), .. }) => Some(*bit == 1),
            Value::Number(number) if number.abs().total_cmp(&0.0).is_eq() => Some(false),
            Value::Number(number) if number.total_cmp(&1.0).is_eq() => Some(true),
            Value::Text(text) => match text.to_ascii_lowercase().as_str() {
                "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
                "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// What it is, for a message: short texts and numbers as they are.
    pub(super) fn shown(&self) -> String {
        const SHORT: usize = 40;
        match &self.value {
            Value::Text(text) if text.chars().count() <= SHORT => format!("the text {text:?}"),
            Value::Text(_) => "a long text".to_owned(),
            Value::Whole(Whole { exact: Some(whole), .. }) => whole.to_string(),
            Value::Whole(_) => "a number of more than 64 bits".to_owned(),
            Value::Number(number) => format!("{number:?}"),
            Value::Flag(flag) => flag.to_string(),
            Value::Time => "a date or time".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a section".to_owned(),
        }
    }
}

/// Without single underscores between the digits.
fn without_underscores(text: &str) -> String {
    let strip = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    if strip { text.replace('_', "") } else { text.to_owned() }
}

fn float_of(text: &str) -> Option<f64> {
    let text = without_underscores(text.trim());
    // Rust reads what pydantic does.
    if text.is_empty() { None } else { text.parse().ok() }
}

fn is_whole_text(text: &str) -> bool {
    /// Digits of the longest number that Python reads from a text.
    const MOST_DIGITS: usize = 4300;
    let text = text.trim();
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => return false,
        None => text,
    };
    let digits = without_underscores(whole);
    (1..=MOST_DIGITS).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn text(text: &str) -> Node {
        Node { value: Value::Text(text.to_owned()), at: 0 }
    }

    #[rstest]
    #[case("1", true)]
    #[case("+1", true)]
    #[case("-0", true)]
    #[case("01", true)]
    #[case(" 7\n", true)]
    #[case("1_000", true)]
    #[case("1.0", true)]
    #[case("1_000.00", true)]
    #[case("1.", false)]
    #[case("1.5", false)]
    #[case("_1", false)]
    #[case("1__0", false)]
    #[case("1e3", false)]
    #[case("0x10", false)]
    #[case("\u{663}", false)]
    #[case("lots", false)]
    #[case("", false)]
    fn whole_numbers_in_texts(#[case] given: &str, #[case] whole: bool) {
        assert_eq!(text(given).is_whole(), whole, "{given:?}");
    }

    #[rstest]
    #[case("1.", Some(1.0))]
    #[case(".5", Some(0.5))]
    #[case(" 1_0.5 ", Some(10.5))]
    #[case("1e3", Some(1000.0))]
    #[case("1e400", Some(f64::INFINITY))]
    #[case("-Infinity", Some(f64::NEG_INFINITY))]
    #[case("1__0", None)]
    #[case("lots", None)]
    #[case("", None)]
    fn numbers_in_texts(#[case] given: &str, #[case] number: Option<f64>) {
        assert_eq!(text(given).number(), number, "{given:?}");
    }

    #[test]
    fn what_is_nearly_of_a_type_is_of_it() {
        let whole = |exact, near| Node { value: Value::Whole(Whole { exact, near }), at: 0 };
        let number = |number| Node { value: Value::Number(number), at: 0 };
        assert!(whole(None, 1e20).is_whole() && number(512.0).is_whole());
        assert!(!number(512.5).is_whole() && !number(1e20).is_whole() && !number(f64::NAN).is_whole());
        assert_eq!((whole(None, f64::INFINITY).number(), whole(Some(2), 2.0).number()), (None, Some(2.0)));
        assert_eq!((whole(Some(1), 1.0).flag(), whole(Some(2), 2.0).flag()), (Some(true), None));
        assert_eq!((text("yEs").flag(), text("off ").flag(), number(0.0).flag()), (Some(true), None, Some(false)));
    }
}
