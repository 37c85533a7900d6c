//! How many trials of one queue key run at once (contract 3.6, 5).

use std::{collections::BTreeMap, str::FromStr};

use serde_json::Value;
use thiserror::Error;

use crate::{
    queue_key::trial_queue_key,
    settings::{Reader, Variable, json_object},
};

/// The limit of a key that nobody set a limit for.
pub const DEFAULT_CONCURRENCY: u32 = 8;

/// The highest limit: every unit of it is a row in the database.
pub const MAX_CONCURRENCY: u32 = 10_000;

const DEFAULT_VARIABLE: &str = "ODDISH_DEFAULT_MODEL_CONCURRENCY";
const OVERRIDES_VARIABLE: &str = "ODDISH_MODEL_CONCURRENCY_OVERRIDES";

/// The variables that [`ConcurrencyLimits::read`] reads.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: DEFAULT_VARIABLE,
        default: "8",
        secret: false,
        doc: "How many trials of one queue key (provider account and model) run at once; 0 pauses.",
    },
    Variable {
        name: OVERRIDES_VARIABLE,
        default: "{}",
        secret: false,
        doc: "Other limits for some models, as a JSON object such as {\"openai/gpt-5.2\": 4}; 0 pauses a model.",
    },
];

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
        Self { default: DEFAULT_CONCURRENCY, overrides: BTreeMap::new() }
    }
}

/// Why a text gives no limits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LimitsError {
    /// Not JSON, or not an object.
    #[error("{0}, such as {{\"openai/gpt-5.2\": 8}}")]
    NotAnObject(&'static str),
    /// A limit that is no whole number, or too high.
    #[error("the limit of {model:?} must be a whole number up to {MAX_CONCURRENCY}, not {given}")]
    BadLimit {
        /// The model as given.
        model: String,
        /// Its value as JSON.
        given: String,
    },
    /// Two names of one queue key with different limits.
    #[error("two names of the queue key `{key}` have different limits: keep one of them")]
    Contradiction {
        /// The key.
        key: String,
    },
}

impl ConcurrencyLimits {
    /// Reads the limits from `ODDISH_DEFAULT_MODEL_CONCURRENCY` and `ODDISH_MODEL_CONCURRENCY_OVERRIDES`.
    ///
    /// The models of the overrides may be spelled as they are for trials; a negative limit counts as 0.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let Limit(default) = reader.parsed(DEFAULT_VARIABLE, Limit(DEFAULT_CONCURRENCY));
        let Overrides(overrides) = reader.parsed(OVERRIDES_VARIABLE, Overrides::default());
        Self { default, overrides }
    }

    /// These limits with those of a JSON object over them, as `--n-concurrent` gives it; other keys stay as they are.
    pub fn with_n_concurrent(mut self, json: &str) -> Result<Self, LimitsError> {
        let Overrides(overrides) = json.parse()?;
        self.overrides.extend(overrides);
        Ok(self)
    }

    /// How many trials of a queue key may run at once; 0 means that the key is paused.
    pub fn limit_for(&self, queue_key: &str) -> u32 {
        self.overrides.get(queue_key).copied().unwrap_or(self.default)
    }
}

struct Limit(u32);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let limit = text.parse().ok().and_then(at_least_zero);
        limit.map(Self).ok_or_else(|| format!("must be a whole number up to {MAX_CONCURRENCY}"))
    }
}

#[derive(Default)]
struct Overrides(BTreeMap<String, u32>);

impl FromStr for Overrides {
    type Err = LimitsError;

    fn from_str(json: &str) -> Result<Self, Self::Err> {
        let mut limits = BTreeMap::new();
        for (model, value) in json_object(json).map_err(LimitsError::NotAnObject)? {
            let Some(limit) = value.as_i64().and_then(at_least_zero) else {
                return Err(LimitsError::BadLimit { model, given: Value::to_string(&value) });
            };
            // By the rule for trials, so that a limit applies to whatever a trial with that model waits for.
            let key = trial_queue_key("", Some(&model));
            if limits.insert(key.clone(), limit).is_some_and(|other| other != limit) {
                return Err(LimitsError::Contradiction { key });
            }
        }
        Ok(Self(limits))
    }
}

/// A limit with negative ones as 0; `None` where it is too high.
fn at_least_zero(limit: i64) -> Option<u32> {
    u32::try_from(limit.max(0)).ok().filter(|limit| *limit <= MAX_CONCURRENCY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, SettingsFaults};

    fn read(vars: &[(&str, &str)]) -> Result<ConcurrencyLimits, SettingsFaults> {
        let settings = Settings::from_map(vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        let mut reader = settings.reader();
        let limits = ConcurrencyLimits::read(&mut reader);
        reader.finish().map(|()| limits)
    }

    #[test]
    fn nothing_set_gives_the_published_defaults() {
        let defaults: Vec<(&str, &str)> = VARIABLES.iter().map(|variable| (variable.name, variable.default)).collect();
        assert_eq!(read(&[]), Ok(ConcurrencyLimits::default()));
        assert_eq!(read(&defaults), Ok(ConcurrencyLimits::default()));
        assert_eq!(ConcurrencyLimits::default().limit_for("openai/gpt-5.2"), 8);
    }

    #[test]
    fn overrides_apply_to_the_key_of_the_model_they_name() {
        let overrides = r#"{"GPT-5.2 Codex": 4, "google/gemini-2.5-pro": 2, "default": 1, "claude-x": -3}"#;
        let limits = read(&[(DEFAULT_VARIABLE, "16"), (OVERRIDES_VARIABLE, overrides)]).unwrap();
        assert_eq!(limits.limit_for("openai/gpt-5.2-codex"), 4);
        assert_eq!(limits.limit_for("gemini/gemini-2.5-pro"), 2);
        assert_eq!(limits.limit_for("default"), 1);
        assert_eq!(limits.limit_for("anthropic/claude-x"), 0);
        assert_eq!(limits.limit_for("grok-4"), 16);
        assert_eq!(read(&[(DEFAULT_VARIABLE, "-1")]).unwrap().limit_for("grok-4"), 0);
    }

    #[test]
    fn the_command_line_wins_key_by_key() {
        let limits = read(&[(OVERRIDES_VARIABLE, r#"{"gpt-5.2": 4, "o3": 5}"#)]).unwrap();
        let limits = limits.with_n_concurrent(r#"{"openai/gpt-5.2": 2, "grok-4": 1}"#).unwrap();
        assert_eq!(limits.limit_for("openai/gpt-5.2"), 2);
        assert_eq!(limits.limit_for("openai/o3"), 5);
        assert_eq!(limits.limit_for("grok-4"), 1);
    }

    #[test]
    fn bad_limits_are_refused() {
        let error = |json: &str| ConcurrencyLimits::default().with_n_concurrent(json).unwrap_err().to_string();
        assert!(error("{").starts_with("must be valid JSON"));
        assert!(error("[]").starts_with("must be a JSON object"));
        for value in ["1.5", "\"8\"", "true", "null", "10001", "99999999999999999999"] {
            let error = error(&format!(r#"{{"grok-4": {value}}}"#));
            assert!(error.starts_with("the limit of \"grok-4\" must be a whole number up to 10000"), "{error}");
        }
        assert!(error(r#"{"gpt-5.2": 1, "openai/gpt-5.2": 2}"#).contains("`openai/gpt-5.2`"));
        assert!(ConcurrencyLimits::default().with_n_concurrent(r#"{"gpt-5.2": 1, "openai/gpt-5.2": 1}"#).is_ok());
    }

    #[test]
    fn bad_variables_are_faults_with_their_names() {
        let faults = read(&[(DEFAULT_VARIABLE, "many"), (OVERRIDES_VARIABLE, "[]")]).unwrap_err();
        let names: Vec<&str> = faults.0.iter().map(|fault| fault.name.as_str()).collect();
        assert_eq!(names, [DEFAULT_VARIABLE, OVERRIDES_VARIABLE]);
        assert!(faults.to_string().contains("must be a whole number up to 10000; given \"many\""), "{faults}");
        assert!(faults.to_string().contains("must be a JSON object"), "{faults}");
        assert!(read(&[(DEFAULT_VARIABLE, "10001")]).is_err());
    }
}
