//! The options of Harbor's environments, which a submission gives as `harbor.environment.kwargs`.
//!
//! Harbor 0.26 refuses an option that an environment does not have, and one of the wrong type, when the trial begins. `options.json` is what it
//! takes, written by `cargo xtask environment-options` from the schemas of the installed Harbor, so that the submission is refused instead. Values
//! are taken as pydantic takes them in its lax mode (<https://docs.pydantic.dev/latest/concepts/conversion_table/>). What a schema cannot say
//! is left to Harbor.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

/// The option that Harbor takes as true or false alone, in every environment.
const STRICT: &str = "auto_mounting";

static FORMS: LazyLock<BTreeMap<String, Vec<Form>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("options.json")).unwrap_or_default());

/// What the options of an environment may be together. Most environments have one form.
#[derive(Debug, Deserialize)]
struct Form {
    required: Vec<String>,
    /// By name, what the option may be; anything if there is nothing.
    options: BTreeMap<String, Vec<Alternative>>,
}

#[derive(Debug, Deserialize)]
struct Alternative {
    #[serde(rename = "type")]
    kind: Kind,
    /// Texts, of which it is one.
    one_of: Option<Vec<String>>,
    /// A number that it is larger than.
    above: Option<f64>,
    /// Fewest characters of the text.
    min_length: Option<usize>,
    /// What each part of an array or object may be.
    #[serde(default)]
    each: Vec<Self>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// An option that an environment does not take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OptionFault {
    /// It has no such option.
    #[error("`{option}` is no option of the environment `{environment}`, which has {}", known.join(", "))]
    Unknown {
        /// The environment.
        environment: String,
        /// The option as given.
        option: String,
        /// What it has.
        known: Vec<String>,
    },
    /// It cannot do without an option.
    #[error("the environment `{environment}` needs the option `{option}`")]
    Missing {
        /// The environment.
        environment: String,
        /// The option.
        option: String,
    },
    /// The option's value is not one that it takes. The value is not shown: it may be a secret.
    #[error("the option `{option}` of the environment `{environment}` must be {expected}")]
    Value {
        /// The environment.
        environment: String,
        /// The option.
        option: String,
        /// What it may be, such as `a whole number above 0 or null`.
        expected: String,
    },
}

impl OptionFault {
    /// The option.
    #[must_use]
    pub fn option(&self) -> &str {
        match self {
            Self::Unknown { option, .. } | Self::Missing { option, .. } | Self::Value { option, .. } => option,
        }
    }
}

/// Checks that `environment`, one of [`KNOWN_ENVIRONMENTS`](super::KNOWN_ENVIRONMENTS), takes these options.
pub fn check_options(environment: &str, given: &Map<String, Value>) -> Result<(), OptionFault> {
    let forms = FORMS.get(environment).map(Vec::as_slice).unwrap_or_default();
    let mut nearest: Option<Vec<OptionFault>> = None;
    for form in forms {
        let faults = form.faults(environment, given);
        if faults.is_empty() {
            return Ok(());
        }
        // What is told is what is wrong with the form that was meant.
        if nearest.as_ref().is_none_or(|others| faults.len() < others.len()) {
            nearest = Some(faults);
        }
    }
    nearest.and_then(|faults| faults.into_iter().next()).map_or(Ok(()), Err)
}

impl Form {
    fn faults(&self, environment: &str, given: &Map<String, Value>) -> Vec<OptionFault> {
        let environment = || environment.to_owned();
        let missing = self.required.iter().filter(|option| !given.contains_key(*option));
        let missing = missing.map(|option| OptionFault::Missing { environment: environment(), option: option.clone() });
        let refused = given.iter().filter_map(|(option, value)| {
            let Some(alternatives) = self.options.get(option) else {
                let known = self.options.keys().cloned().collect();
                return Some(OptionFault::Unknown { environment: environment(), option: option.clone(), known });
            };
            let taken = any_takes(alternatives, value) && (option != STRICT || value.is_boolean());
            (!taken).then(|| OptionFault::Value {
                environment: environment(),
                option: option.clone(),
                expected: words(alternatives),
            })
        });
        refused.chain(missing).collect()
    }
}

fn any_takes(alternatives: &[Alternative], value: &Value) -> bool {
    alternatives.is_empty() || alternatives.iter().any(|alternative| alternative.takes(value))
}

impl Alternative {
    fn takes(&self, value: &Value) -> bool {
        match (self.kind, value) {
            (Kind::Null, value) => value.is_null(),
            (Kind::Boolean, value) => as_boolean(value).is_some(),
            (Kind::Integer, value) => {
                as_number(value).is_some_and(|number| number.fract() == 0.0 && self.is_above(number))
            }
            (Kind::Number, value) => as_number(value).is_some_and(|number| self.is_above(number)),
            (Kind::String, Value::String(text)) => {
                self.one_of.as_ref().is_none_or(|texts| texts.contains(text))
                    && self.min_length.is_none_or(|least| text.chars().count() >= least)
            }
            (Kind::Array, Value::Array(parts)) => parts.iter().all(|part| any_takes(&self.each, part)),
            (Kind::Object, Value::Object(fields)) => fields.values().all(|field| any_takes(&self.each, field)),
            (Kind::String | Kind::Array | Kind::Object, _) => false,
        }
    }

    fn is_above(&self, number: f64) -> bool {
        self.above.is_none_or(|bound| number > bound)
    }

    fn words(&self) -> String {
        let noun = match self.kind {
            Kind::Null => "null",
            Kind::Boolean => "true or false",
            Kind::Integer => "a whole number",
            Kind::Number => "a number",
            Kind::String if self.min_length.is_some() => "a text that is not empty",
            Kind::String => "a text",
            Kind::Array => "a list",
            Kind::Object => "an object",
        };
        match (&self.one_of, self.above) {
            (Some(texts), _) => format!("one of {}", texts.join(", ")),
            (None, Some(bound)) => format!("{noun} above {bound}"),
            (None, None) => noun.to_owned(),
        }
    }
}

fn words(alternatives: &[Alternative]) -> String {
    alternatives.iter().map(Alternative::words).collect::<Vec<_>>().join(", or ")
}

fn as_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
            "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
            _ => None,
        },
        _ => None,
    }
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => number_in(text.trim()),
        _ => None,
    }
}

/// A number as text, which may have single underscores between digits, as in Python.
fn number_in(text: &str) -> Option<f64> {
    let is_digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    let mut parts = text.split('_').peekable();
    while let Some(part) = parts.next() {
        let Some(next) = parts.peek() else { break };
        if !is_digit(part.chars().next_back()) || !is_digit(next.chars().next()) {
            return None;
        }
    }
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::super::KNOWN_ENVIRONMENTS;
    use super::*;

    fn check(environment: &str, given: Value) -> Result<(), String> {
        let Value::Object(given) = given else { panic!("{given} is no object") };
        check_options(environment, &given).map_err(|fault| fault.to_string())
    }

    #[test]
    fn every_environment_has_options() {
        for environment in KNOWN_ENVIRONMENTS {
            assert!(FORMS.contains_key(environment), "{environment}");
        }
        assert_eq!(FORMS.len(), KNOWN_ENVIRONMENTS.len());
    }

    #[rstest]
    #[case("docker", json!({}))]
    #[case("docker", json!({"auto_mounting": false, "keep_containers": true}))]
    #[case("docker", json!({"keep_containers": "yes"}))]
    #[case("ec2", json!({"region": "eu-west-1", "security_group_ids": ["sg-1"], "tags": {"team": "evals"}}))]
    #[case("e2b", json!({"sandbox_timeout_sec": "3600"}))]
    #[case("kernel", json!({"region": "us-east", "chrome_policy": {"any": [1, {}]}}))]
    #[case("modal", json!({"region": ["a", "b"]}))]
    #[case("modal", json!({"region": null}))]
    #[case("sbx", json!({"target": "cloud"}))]
    fn what_harbor_takes(#[case] environment: &str, #[case] given: Value) {
        assert_eq!(check(environment, given), Ok(()));
    }

    #[rstest]
    #[case("docker", json!({"keep_container": true}), "`keep_container` is no option of the environment `docker`, which has auto_mounting, keep_containers, ")]
    #[case("docker", json!({"auto_mounting": "true"}), "the option `auto_mounting` of the environment `docker` must be true or false")]
    #[case("docker", json!({"auto_mounting": null}), "must be true or false")]
    #[case("ec2", json!({}), "the environment `ec2` needs the option `region`")]
    #[case("ec2", json!({"region": 1}), "must be a text")]
    #[case("e2b", json!({"sandbox_timeout_sec": 0}), "must be a whole number above 0")]
    #[case("e2b", json!({"sandbox_timeout_sec": 1.5}), "must be a whole number above 0")]
    #[case("kernel", json!({"region": "moon"}), "must be one of us-east, us-west, eu-west, ap-southeast, or null")]
    #[case("modal", json!({"volumes": {"/data": 1}}), "must be an object, or null")]
    #[case("sbx", json!({"target": "cloud", "nothing": 1}), "`nothing` is no option of the environment `sbx`")]
    fn what_harbor_refuses(#[case] environment: &str, #[case] given: Value, #[case] told: &str) {
        let fault = check(environment, given).unwrap_err();
        assert!(fault.contains(told), "{fault}");
    }

    #[test]
    fn a_value_is_not_shown() {
        assert!(!check("modal", json!({"secrets": "s3cret"})).unwrap_err().contains("s3cret"));
    }
}
