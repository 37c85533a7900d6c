//! Reading typed settings from environment variables, with every fault found before anything starts.
//!
//! A crate's configuration is a struct with a constructor that takes a [`Reader`], and a list of the [`Variable`]s it
//! reads. The one who starts the process collects the variables (the process's over those of `.env`), lets each struct
//! read its own, and calls [`Reader::finish`] once. An empty value counts as not set (contract 5).

use std::{
    any::TypeId,
    collections::BTreeMap,
    fmt::{self, Display, Write as _},
    ops::RangeInclusive,
    str::FromStr,
};

use serde_json::{Map, Value};
use thiserror::Error;

/// One variable that a configuration struct reads, as published in `env.example`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name, such as `ODDISH_API_PORT`.
    pub name: &'static str,
    /// The value that not setting it amounts to; empty for none.
    pub default: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// What it does, with its unit; may span lines.
    pub doc: &'static str,
}

/// The variables that settings are read from.
#[derive(Clone, Default)]
pub struct Settings {
    vars: BTreeMap<String, String>,
}

impl Settings {
    /// Settings from variables by name.
    pub fn from_map(vars: BTreeMap<String, String>) -> Self {
        Self { vars }
    }

    /// A reader over all variables, with no fault yet.
    pub fn reader(&self) -> Reader<'_> {
        Reader { vars: &self.vars, faults: Vec::new() }
    }
}

/// Hides the values: some are secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

/// One setting that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFault {
    /// The variable.
    pub name: String,
    /// What is wrong, or what would be right.
    pub problem: String,
    given: Given,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Nothing,
    Value(String),
    Secret,
}

/// The longest part of a bad value that a fault repeats, in characters.
const SHOWN_CHARS: usize = 80;

impl Display for SettingsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, problem, given } = self;
        write!(f, "{name}: {problem}; ")?;
        match given {
            Given::Nothing => f.write_str("it is not set"),
            Given::Secret => f.write_str("its value is secret and not shown"),
            Given::Value(value) if value.chars().count() > SHOWN_CHARS => {
                write!(f, "given {:?}...", value.chars().take(SHOWN_CHARS).collect::<String>())
            }
            Given::Value(value) => write!(f, "given {value:?}"),
        }
    }
}

/// Every setting that can't be used, one line each.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct SettingsFaults(pub Vec<SettingsFault>);

impl Display for SettingsFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("some settings can't be used; correct these environment variables (or lines of .env):")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// Reads settings one by one and keeps the faults for [`Reader::finish`]; until then a faulty setting has its default.
#[derive(Debug)]
pub struct Reader<'a> {
    vars: &'a BTreeMap<String, String>,
    faults: Vec<SettingsFault>,
}

impl<'a> Reader<'a> {
    /// A text, or `default`.
    pub fn text(&mut self, name: &str, default: &str) -> String {
        self.value(name).unwrap_or(default).to_owned()
    }

    /// A value that its type can parse, or `default`.
    pub fn parsed<T>(&mut self, name: &str, default: T) -> T
    where
        T: FromStr<Err: Display> + 'static,
    {
        self.optional(name).unwrap_or(default)
    }

    /// A value that its type can parse, or nothing.
    pub fn optional<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: Display> + 'static,
    {
        let value = self.value(name)?;
        value
            .parse()
            .map_err(|error: T::Err| self.reject(name, accepted::<T>().unwrap_or_else(|| error.to_string())))
            .ok()
    }

    /// A number within bounds, or `default`.
    pub fn within<T>(&mut self, name: &str, default: T, bounds: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(value) = self.value(name) else { return default };
        match value.parse() {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                self.reject(name, format!("must be a number from {} to {}", bounds.start(), bounds.end()));
                default
            }
        }
    }

    /// Yes or no, or `default`: `true`, `1`, `yes`, `on` and their opposites, in any case.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.value(name).map(str::to_ascii_lowercase).as_deref() {
            None => default,
            Some("true" | "1" | "yes" | "on") => true,
            Some("false" | "0" | "no" | "off") => false,
            Some(_) => {
                self.reject(name, "must be one of true, false, 1, 0, yes, no, on, off");
                default
            }
        }
    }

    /// A JSON object; empty when not set.
    pub fn json_map(&mut self, name: &str) -> Map<String, Value> {
        let Some(value) = self.value(name) else { return Map::new() };
        json_object(value).unwrap_or_else(|problem| {
            self.reject(name, problem);
            Map::new()
        })
    }

    /// A secret, or nothing.
    pub fn secret(&mut self, name: &str) -> Option<String> {
        self.value(name).map(str::to_owned)
    }

    /// Adds a fault that a struct found itself, repeating the value.
    pub fn reject(&mut self, name: &str, problem: impl Into<String>) {
        let given = self.value(name).map_or(Given::Nothing, |value| Given::Value(value.to_owned()));
        self.faults.push(SettingsFault { name: name.to_owned(), problem: problem.into(), given });
    }

    /// Adds a fault in a secret, of which `problem` must not contain a part either.
    pub fn reject_secret(&mut self, name: &str, problem: impl Into<String>) {
        let given = self.value(name).map_or(Given::Nothing, |_| Given::Secret);
        self.faults.push(SettingsFault { name: name.to_owned(), problem: problem.into(), given });
    }

    /// Ends the reading: all faults, if there are any.
    pub fn finish(self) -> Result<(), SettingsFaults> {
        if self.faults.is_empty() { Ok(()) } else { Err(SettingsFaults(self.faults)) }
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

/// Parses a JSON object; the error says what the text must be (contract 5).
pub(crate) fn json_object(text: &str) -> Result<Map<String, Value>, &'static str> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("must be a JSON object"),
        Err(_) => Err("must be valid JSON"),
    }
}

/// What to write for a number, since the standard library's parse errors don't say.
fn accepted<T: 'static>() -> Option<String> {
    let wanted = TypeId::of::<T>();
    let bounded = [
        (TypeId::of::<u8>(), u64::from(u8::MAX)),
        (TypeId::of::<u16>(), u64::from(u16::MAX)),
        (TypeId::of::<u32>(), u64::from(u32::MAX)),
        (TypeId::of::<u64>(), u64::MAX),
        (TypeId::of::<usize>(), usize::MAX as u64),
    ];
    if let Some((_, max)) = bounded.into_iter().find(|(id, _)| *id == wanted) {
        return Some(format!("must be a whole number from 0 to {max}"));
    }
    [TypeId::of::<i32>(), TypeId::of::<i64>()]
        .contains(&wanted)
        .then(|| "must be a whole number".to_owned())
        .or_else(|| [TypeId::of::<f32>(), TypeId::of::<f64>()].contains(&wanted).then(|| "must be a number".to_owned()))
}

/// The text of `env.example`: every variable under its group's title, commented out and with its default.
pub fn render_env_example(groups: &[(&str, &[Variable])]) -> String {
    let mut text = String::from(
        "# Every setting, with the value it has when it is not set. Copy to .env and uncomment what you change.\n",
    );
    for (title, variables) in groups {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {title}\n");
        for variable in *variables {
            text.push('\n');
            for line in variable.doc.lines() {
                let _ = writeln!(text, "# {line}");
            }
            if variable.secret {
                text.push_str("# (secret)\n");
            }
            let _ = writeln!(text, "#{}={}", variable.name, quoted(variable.default));
        }
    }
    text
}

/// A value as `.env` files write it: in single quotes where it would not be taken as it stands.
fn quoted(value: &str) -> String {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@,+%".contains(c));
    if plain { value.to_owned() } else { format!("'{value}'") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Priority;

    fn settings(vars: &[(&str, &str)]) -> Settings {
        Settings::from_map(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn set_values_win_over_defaults() {
        let settings = settings(&[
            ("PORT", " 9000 "),
            ("HOST", "::1"),
            ("FLAG", "Yes"),
            ("OFF", "0"),
            ("MAP", r#"{"a": 1}"#),
            ("KEY", "s3cret"),
            ("PRIORITY", "high"),
            ("SHARE", "0.5"),
        ]);
        let mut reader = settings.reader();
        assert_eq!(reader.parsed::<u16>("PORT", 8000), 9000);
        assert_eq!(reader.text("HOST", "127.0.0.1"), "::1");
        assert!(reader.flag("FLAG", false));
        assert!(!reader.flag("OFF", true));
        assert_eq!(reader.json_map("MAP")["a"], 1);
        assert_eq!(reader.secret("KEY").as_deref(), Some("s3cret"));
        assert_eq!(reader.optional::<Priority>("PRIORITY"), Some(Priority::High));
        assert!((reader.within("SHARE", 1.0, 0.0..=1.0) - 0.5_f64).abs() < f64::EPSILON);
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn empty_counts_as_not_set() {
        let settings = settings(&[("PORT", ""), ("HOST", "  "), ("FLAG", ""), ("MAP", ""), ("KEY", "")]);
        let mut reader = settings.reader();
        assert_eq!(reader.parsed::<u16>("PORT", 8000), 8000);
        assert_eq!(reader.text("HOST", "127.0.0.1"), "127.0.0.1");
        assert!(reader.flag("FLAG", true));
        assert!(reader.json_map("MAP").is_empty());
        assert_eq!(reader.secret("KEY"), None);
        assert_eq!(reader.optional::<u16>("ABSENT"), None);
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn every_fault_is_listed_and_no_secret_shown() {
        let settings = settings(&[
            ("PORT", "70000"),
            ("FLAG", "maybe"),
            ("MAP", "[1]"),
            ("OTHER", "{"),
            ("PRIORITY", "medium"),
            ("SHARE", "NaN"),
            ("DATABASE_URL", "postgres://u:s3cret@h"),
            ("LONG", &"x".repeat(1000)),
        ]);
        let mut reader = settings.reader();
        assert_eq!(reader.parsed::<u16>("PORT", 8000), 8000);
        reader.flag("FLAG", false);
        reader.json_map("MAP");
        reader.json_map("OTHER");
        reader.optional::<Priority>("PRIORITY");
        reader.within("SHARE", 1.0, 0.0..=1.0);
        reader.reject_secret("DATABASE_URL", "must name a database");
        reader.reject("NEEDED", "must be set");
        reader.parsed::<i64>("LONG", 1);
        let text = reader.finish().unwrap_err().to_string();
        let lines: Vec<&str> = text.lines().skip(1).map(str::trim_start).collect();
        let long = format!("LONG: must be a whole number; given {:?}...", "x".repeat(SHOWN_CHARS));
        assert_eq!(
            lines,
            [
                "PORT: must be a whole number from 0 to 65535; given \"70000\"",
                "FLAG: must be one of true, false, 1, 0, yes, no, on, off; given \"maybe\"",
                "MAP: must be a JSON object; given \"[1]\"",
                "OTHER: must be valid JSON; given \"{\"",
                "PRIORITY: \"medium\" is not a priority: use one of high, low; given \"medium\"",
                "SHARE: must be a number from 0 to 1; given \"NaN\"",
                "DATABASE_URL: must name a database; its value is secret and not shown",
                "NEEDED: must be set; it is not set",
                &long,
            ]
        );
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn the_example_shows_every_variable() {
        let api = [
            Variable { name: "PORT", default: "8000", secret: false, doc: "TCP port." },
            Variable { name: "LIMITS", default: "{}", secret: false, doc: "JSON object.\nBy queue key." },
        ];
        let keys = [Variable { name: "KEY", default: "", secret: true, doc: "For the agents." }];
        let expected = "\
# Every setting, with the value it has when it is not set. Copy to .env and uncomment what you change.

## API

# TCP port.
#PORT=8000

# JSON object.
# By queue key.
#LIMITS='{}'

## Keys

# For the agents.
# (secret)
#KEY=
";
        assert_eq!(render_env_example(&[("API", &api), ("Keys", &keys)]), expected);
    }
}
