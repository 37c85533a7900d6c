//! The types of settings' values: how a text becomes one, and how a constant holds a default.

use std::{net::IpAddr, path::PathBuf};

/// A value that a text of the environment can give.
pub trait Value: Sized + 'static {
    /// Reads the value of a text that is not empty and has no blanks around it. The error says what the text must be; it repeats nothing
    /// of a text that may be secret.
    fn from_text(text: &str) -> Result<Self, String>;
}

/// A value that a setting has a default for; [`Option`] makes one of every [`Value`], whose default is none.
pub trait Defaulted: Value {
    /// The form that a constant holds: the value itself, or the text of a value that needs memory.
    type Constant: Copy + 'static;

    /// The value of a constant.
    fn of(constant: Self::Constant) -> Self;

    /// A constant as it is written in the environment; empty for none.
    fn written(constant: Self::Constant) -> String;
}

/// A value that a setting can have bounds for.
pub trait Bounded: Defaulted {
    /// Reads like [`Value::from_text`] a value from `least` to `most`.
    fn from_text_within(text: &str, least: Self::Constant, most: Self::Constant) -> Result<Self, String>;
}

/// One of a few values, each with a word for it.
pub trait Choice: Copy + PartialEq + 'static {
    /// Each word and its value.
    const WORDS: &'static [(&'static str, Self)];
}

impl<T: Choice> Value for T {
    fn from_text(text: &str) -> Result<Self, String> {
        let chosen = Self::WORDS.iter().find(|(word, _)| *word == text);
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<String> = Self::WORDS.iter().map(|(word, _)| format!("`{word}`")).collect();
            format!("must be {}", words.join(" or "))
        })
    }
}

impl<T: Choice> Defaulted for T {
    type Constant = Self;

    fn of(constant: Self) -> Self {
        constant
    }

    fn written(constant: Self) -> String {
        let word = Self::WORDS.iter().find(|(_, choice)| *choice == constant);
        word.map(|(word, _)| (*word).to_owned()).unwrap_or_default()
    }
}

impl<T: Value> Value for Option<T> {
    fn from_text(text: &str) -> Result<Self, String> {
        T::from_text(text).map(Some)
    }
}

impl<T: Value> Defaulted for Option<T> {
    type Constant = ();

    fn of((): ()) -> Self {
        None
    }

    fn written((): ()) -> String {
        String::new()
    }
}

/// `true`, `1`, `yes`, `on` and their opposites, in any case.
impl Value for bool {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err("must be one of true, false, 1, 0, yes, no, on, off".to_owned()),
        }
    }
}

impl Value for IpAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: std::net::AddrParseError| error.to_string())
    }
}

/// Types whose values constants hold themselves.
macro_rules! constants {
    ($($of:ty),+) => {$(
        impl Defaulted for $of {
            type Constant = Self;

            fn of(constant: Self) -> Self {
                constant
            }

            fn written(constant: Self) -> String {
                constant.to_string()
            }
        }
    )+};
}

constants! { bool, IpAddr, u16, u32, u64, usize, f64 }

macro_rules! numbers {
    ($($number:ty: $kind:literal),+) => {$(
        impl Value for $number {
            fn from_text(text: &str) -> Result<Self, String> {
                // The standard library's errors don't say which numbers there are.
                text.parse().map_err(|_| format!("must be {} from {} to {}", $kind, <$number>::MIN, <$number>::MAX))
            }
        }

        impl Bounded for $number {
            fn from_text_within(text: &str, least: Self, most: Self) -> Result<Self, String> {
                let number = text.parse().ok().filter(|number| (least..=most).contains(number));
                number.ok_or_else(|| format!("must be a number from {least} to {most}"))
            }
        }
    )+};
}

numbers! { u16: "a whole number", u32: "a whole number", u64: "a whole number", usize: "a whole number", f64: "a number" }

/// Types whose values need memory, of which constants hold the text.
macro_rules! texts {
    ($($of:ty: $convert:expr),+) => {$(
        impl Value for $of {
            fn from_text(text: &str) -> Result<Self, String> {
                Ok($convert(text))
            }
        }

        impl Defaulted for $of {
            type Constant = &'static str;

            fn of(constant: &'static str) -> Self {
                $convert(constant)
            }

            fn written(constant: &'static str) -> String {
                constant.to_owned()
            }
        }
    )+};
}

texts! { String: str::to_owned, PathBuf: PathBuf::from, Vec<String>: list }

/// The parts of a text with commas between them.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
