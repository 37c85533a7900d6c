//! Concurrency limits of queue keys (docs/compatibility.md, 3.5).

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use thiserror::Error;

use crate::{
    label::LabelFault,
    queue_key::{check_key, trial_queue_key},
    settings::{Bounded, Defaulted, Group, Reader, Setting, Value},
};

/// The highest limit: every unit of it is a row in the database.
pub const MAX_CONCURRENCY: u32 = 10_000;

const DEFAULT: Setting<Limit> = Setting::new("ODDISH_DEFAULT_MODEL_CONCURRENCY", 8)
    .within(0, MAX_CONCURRENCY)
    .unit("trials")
    .doc("How many trials of one queue key (provider account and model) run at once; 0 pauses.");
const OVERRIDES: Setting<Overrides> = Setting::new("ODDISH_MODEL_CONCURRENCY_OVERRIDES", ())
    .doc("Limits of individual models, as a JSON object such as {\"openai/gpt-5.2\": 4}; 0 pauses a model.");

/// Limits by queue key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcurrencyLimits {
    /// The limit of every key without one of its own.
    pub default: u32,
    /// Limits by queue key; 0 pauses a key.
    pub overrides: BTreeMap<String, u32>,
}

impl Default for ConcurrencyLimits {
    fn default() -> Self {
        Self { default: DEFAULT.default().0, overrides: BTreeMap::new() }
    }
}

/// Why a text gives no limits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LimitsError {
    /// Not JSON, or not an object.
    #[error("must be a JSON object, such as {{\"openai/gpt-5.2\": 8}}{0}")]
    NotAnObject(String),
    /// A name that is there twice.
    #[error("{model:?} has two limits: keep one of them")]
    Twice {
        /// The model as given.
        model: String,
    },
    /// A limit that is no whole number, or too high.
    #[error("the limit of {model:?} must be a whole number up to {MAX_CONCURRENCY}, not {given}")]
    BadLimit {
        /// The model as given.
        model: String,
        /// Its value as JSON.
        given: String,
    },
    /// A model whose queue key cannot be kept.
    #[error("a model's queue key {reason}: {start:?}...")]
    BadModel {
        /// The beginning of the model as given.
        start: String,
        /// What is wrong with the key.
        reason: LabelFault,
    },
    /// Two names of one queue key with different limits.
    #[error("two names of the queue key `{key}` have different limits: keep one of them")]
    Contradiction {
        /// The key.
        key: String,
    },
}

impl ConcurrencyLimits {
    /// Its settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Concurrency",
        read_by: "`oddish-server`, the endpoint functions (for keys that are new), the library",
        settings: &[&DEFAULT, &OVERRIDES],
    };

    /// Reads [`Self::GROUP`].
    ///
    /// The models of the overrides may be spelled as they are for trials; a negative limit counts as 0.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self { default: reader.get(&DEFAULT).0, overrides: reader.get(&OVERRIDES).0 }
    }

    /// These limits with those of a JSON object over them, as `--n-concurrent` gives it; other keys stay as they are.
    pub fn with_n_concurrent(mut self, json: &str) -> Result<Self, LimitsError> {
        self.overrides.extend(limits_of(json)?);
        Ok(self)
    }

    /// How many trials of a queue key may run at once; 0 means that the key is paused.
    pub fn limit_for(&self, queue_key: &str) -> u32 {
        self.overrides.get(queue_key).copied().unwrap_or(self.default)
    }
}

struct Limit(u32);

impl Value for Limit {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::from_text_within(text, 0, MAX_CONCURRENCY)
    }
}

impl Bounded for Limit {
    /// A limit below `least` counts as `least`.
    fn from_text_within(text: &str, least: u32, most: u32) -> Result<Self, String> {
        let limit = text.parse().ok().and_then(|limit| bounded(limit, least, most));
        limit.map(Self).ok_or_else(|| format!("must be a whole number up to {most}"))
    }
}

impl Defaulted for Limit {
    type Constant = u32;

    fn of(constant: u32) -> Self {
        Self(constant)
    }

    fn written(constant: u32) -> String {
        constant.to_string()
    }
}

struct Overrides(BTreeMap<String, u32>);

impl Value for Overrides {
    fn from_text(text: &str) -> Result<Self, String> {
        limits_of(text).map(Self).map_err(|error| error.to_string())
    }
}

impl Defaulted for Overrides {
    type Constant = ();

    fn of((): ()) -> Self {
        Self(BTreeMap::new())
    }

    fn written((): ()) -> String {
        "{}".to_owned()
    }
}

/// The limits of a JSON object, by queue key.
fn limits_of(json: &str) -> Result<BTreeMap<String, u32>, LimitsError> {
    let mut limits = BTreeMap::new();
    let Entries(given) = serde_json::from_str(json).map_err(|error| LimitsError::NotAnObject(place(&error)))?;
    for (place, (model, value)) in given.iter().enumerate() {
        if given[..place].iter().any(|(other, _)| other == model) {
            return Err(LimitsError::Twice { model: model.clone() });
        }
        let Some(limit) = value.as_i64().and_then(|limit| bounded(limit, 0, MAX_CONCURRENCY)) else {
            return Err(LimitsError::BadLimit { model: model.clone(), given: value.to_string() });
        };
        // By the rule for trials, so that a limit applies to whatever a trial with that model waits for.
        let key = trial_queue_key("", Some(model));
        if let Err(reason) = check_key(&key) {
            return Err(LimitsError::BadModel { start: model.chars().take(40).collect(), reason });
        }
        if limits.insert(key.clone(), limit).is_some_and(|other| other != limit) {
            return Err(LimitsError::Contradiction { key });
        }
    }
    Ok(limits)
}

/// The entries of a JSON object, also those whose names are there already.
struct Entries(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// Where a text is no JSON, in the parser's words; nothing where it is JSON of another type.
fn place(error: &serde_json::Error) -> String {
    if error.is_data() {
        return String::new();
    }
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    format!("; it is no JSON at line {}, column {}: {words}", error.line(), error.column())
}

/// A limit with lower ones as `least`; `None` where it is too high.
fn bounded(limit: i64, least: u32, most: u32) -> Option<u32> {
    u32::try_from(limit.max(least.into())).ok().filter(|limit| *limit <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, SettingsFaults};

    fn read(vars: &[(&str, &str)]) -> Result<ConcurrencyLimits, SettingsFaults> {
        let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Settings::from_map(vars.collect()).read(ConcurrencyLimits::read)
    }

    #[test]
    fn nothing_set_gives_the_published_defaults() {
        assert_eq!(read(&[]), Ok(ConcurrencyLimits::default()));
        assert_eq!(ConcurrencyLimits::default().limit_for("openai/gpt-5.2"), 8);
    }

    #[test]
    fn overrides_apply_to_the_key_of_the_model_they_name() {
        let overrides = r#"{"GPT-5.2 Codex": 4, "google/gemini-2.5-pro": 2, "default": 1, "claude-x": -3}"#;
        let limits = read(&[(DEFAULT.name(), "16"), (OVERRIDES.name(), overrides)]).unwrap();
        assert_eq!(limits.limit_for("openai/gpt-5.2-codex"), 4);
        assert_eq!(limits.limit_for("gemini/gemini-2.5-pro"), 2);
        assert_eq!(limits.limit_for("default"), 1);
        assert_eq!(limits.limit_for("anthropic/claude-x"), 0);
        assert_eq!(limits.limit_for("grok-4"), 16);
        assert_eq!(read(&[(DEFAULT.name(), "-1")]).unwrap().limit_for("grok-4"), 0);
    }

    #[test]
    fn the_command_line_wins_key_by_key() {
        let limits = read(&[(OVERRIDES.name(), r#"{"gpt-5.2": 4, "o3": 5}"#)]).unwrap();
        let limits = limits.with_n_concurrent(r#"{"openai/gpt-5.2": 2, "grok-4": 1}"#).unwrap();
        assert_eq!(limits.limit_for("openai/gpt-5.2"), 2);
        assert_eq!(limits.limit_for("openai/o3"), 5);
        assert_eq!(limits.limit_for("grok-4"), 1);
    }

    #[test]
    fn bad_limits_are_refused() {
        let error = |json: &str| ConcurrencyLimits::default().with_n_concurrent(json).unwrap_err().to_string();
        let told = "must be a JSON object, such as {\"openai/gpt-5.2\": 8}";
        assert_eq!(error("[]"), told);
        let syntax = error("{\"gpt-5.2\": 1,\n 'grok-4': 2}");
        assert!(syntax.starts_with(told) && syntax.contains("it is no JSON at line 2, column 2: "), "{syntax}");
        assert_eq!(error(r#"{"grok-4": 1, "grok-4": 1}"#), "\"grok-4\" has two limits: keep one of them");
        for value in ["1.5", "\"8\"", "true", "null", "10001", "99999999999999999999"] {
            let error = error(&format!(r#"{{"grok-4": {value}}}"#));
            assert!(error.starts_with("the limit of \"grok-4\" must be a whole number up to 10000"), "{error}");
        }
        assert!(
            error(&format!(r#"{{"{}": 1}}"#, "x".repeat(256))).starts_with("a model's queue key must be at most 255")
        );
        assert!(error(r#"{"grok\u001b": 1}"#).starts_with("a model's queue key must not contain control characters"));
        assert!(error(r#"{"gpt-5.2": 1, "openai/gpt-5.2": 2}"#).contains("`openai/gpt-5.2`"));
        assert!(ConcurrencyLimits::default().with_n_concurrent(r#"{"gpt-5.2": 1, "openai/gpt-5.2": 1}"#).is_ok());
    }

    #[test]
    fn bad_variables_are_faults_with_their_names() {
        let faults = read(&[(DEFAULT.name(), "many"), (OVERRIDES.name(), "[]")]).unwrap_err();
        let names: Vec<&str> = faults.0.iter().map(|fault| fault.name).collect();
        assert_eq!(names, [DEFAULT.name(), OVERRIDES.name()]);
        assert!(faults.to_string().contains("must be a whole number up to 10000; given \"many\""), "{faults}");
        assert!(faults.to_string().contains("must be a JSON object"), "{faults}");
        assert!(read(&[(DEFAULT.name(), "10001")]).is_err());
    }
}
