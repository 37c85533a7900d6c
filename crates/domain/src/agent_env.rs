//! Environment variables that a submission gives its agents (docs/compatibility.md, 1.6). A value is a text that arrives as it is given: nothing in it
//! is a reference to another variable.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

/// Most bytes of one agent's variables, names and values together: every trial's row keeps them.
pub const MAX_AGENT_ENV_BYTES: usize = 16 << 10;

/// Environment variables for an agent, in clear. `Debug` shows their names only.
///
/// In this form they are never stored and never answered; what is stored is [`SealedEnv`](crate::sealing::SealedEnv).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AgentEnv(BTreeMap<String, String>);

/// What in the name of a variable says that its value is secret; Harbor goes by nearly the same. `TOKENS` says how many.
const SECRET_NAMES: [&str; 8] = ["KEY", "SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "AUTH"];

/// A variable that an agent can't get. Texts never repeat the value, nor the name where that may be a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AgentEnvError {
    /// The name is none that every shell takes.
    #[error("the name of an environment variable has letters, digits and underscores only, and begins with no digit")]
    Name,
    /// The value would end at this character.
    #[error("an environment variable must not contain a NUL character")]
    Nul,
    /// Harbor would take the value for a reference, and there is no other way to write it.
    #[error("an environment variable must not be ${{...}} with a line break in the name that it refers to")]
    Reference,
}

impl AgentEnv {
    /// Adds a variable, in place of one of this name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) -> Result<(), AgentEnvError> {
        let (name, value) = (name.into(), value.into());
        check_name(&name)?;
        if value.contains('\0') {
            return Err(AgentEnvError::Nul);
        }
        if is_reference(&value) && value.contains('\n') {
            return Err(AgentEnvError::Reference);
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, in order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Bytes of all names and values, of which [`MAX_AGENT_ENV_BYTES`] are allowed.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

/// Whether this can be the name of a variable.
pub fn check_name(name: &str) -> Result<(), AgentEnvError> {
    let sound = !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if sound { Ok(()) } else { Err(AgentEnvError::Name) }
}

/// Whether the name of a variable says that its value is secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace("TOKENS", "");
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Whether Harbor takes a value for a reference to a variable of its own process: `${NAME}` or `${NAME:-default}`, the whole of it
/// (`harbor.utils.env`).
pub fn is_reference(value: &str) -> bool {
    reference(value).is_some()
}

/// The name that a reference is to, and its default.
pub fn reference(value: &str) -> Option<(&str, Option<&str>)> {
    let inner = value.strip_prefix("${")?.strip_suffix('}')?;
    let (name, rest) = inner.split_at(inner.find(['}', ':']).unwrap_or(inner.len()));
    let default = match rest {
        "" => None,
        rest => Some(rest.strip_prefix(":-").filter(|default| !default.contains('\n'))?),
    };
    (!name.is_empty()).then_some((name, default))
}

/// Hides the values.
impl fmt::Debug for AgentEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", AgentEnvError::Name)]
    #[case("1ST", AgentEnvError::Name)]
    #[case("A=s3cret", AgentEnvError::Name)]
    #[case("A-B", AgentEnvError::Name)]
    #[case("\u{c4}", AgentEnvError::Name)]
    fn odd_names_are_refused(#[case] name: &str, #[case] error: AgentEnvError) {
        assert_eq!(AgentEnv::default().set(name, "x"), Err(error));
        assert!(!error.to_string().contains("s3cret"));
    }

    #[rstest]
    #[case("${HOME}", Some(("HOME", None)))]
    #[case("${HOME:-/root}", Some(("HOME", Some("/root"))))]
    #[case("${HOME:-}", Some(("HOME", Some(""))))]
    #[case("${A:-${B}}", Some(("A", Some("${B}"))))]
    #[case("${not a name}", Some(("not a name", None)))]
    #[case("${A\nB:-c}", Some(("A\nB", Some("c"))))]
    #[case("${A:-b\nc}", None)]
    #[case("${A}}", None)]
    #[case("${A:+b}", None)]
    #[case("${}", None)]
    #[case("${:-a}", None)]
    #[case("$HOME", None)]
    #[case(" ${HOME}", None)]
    #[case("${HOME} ", None)]
    #[case("${A}${B}", None)]
    fn references_are_what_harbor_takes_for_one(#[case] value: &str, #[case] found: Option<(&str, Option<&str>)>) {
        assert_eq!(reference(value), found, "{value}");
    }

    #[test]
    fn a_reference_that_cannot_be_written_otherwise_is_refused() {
        let mut env = AgentEnv::default();
        assert_eq!(env.set("A", "${B\nC}"), Err(AgentEnvError::Reference));
        env.set("A", "${B:-\n}").unwrap();
        env.set("B", "${B}").unwrap();
    }

    #[rstest]
    #[case("ANTHROPIC_API_KEY", true)]
    #[case("my_password", true)]
    #[case("GH_TOKEN", true)]
    #[case("MAX_TOKENS", false)]
    #[case("TOKENS_AND_TOKEN", true)]
    #[case("OUTPUT_FILE", false)]
    #[case("PHASE", false)]
    fn names_say_whether_a_value_is_secret(#[case] name: &str, #[case] secret: bool) {
        assert_eq!(is_secret_name(name), secret);
    }

    #[test]
    fn values_are_any_text_and_not_shown() {
        let mut env = AgentEnv::default();
        env.set("_key2", "s3cret = \"\n").unwrap();
        assert_eq!(env.set("B", "s3cret\0"), Err(AgentEnvError::Nul));
        assert_eq!(env.iter().collect::<Vec<_>>(), [("_key2", "s3cret = \"\n")]);
        assert_eq!(env.bytes(), 16);
        assert_eq!(format!("{env:?}"), r#"{"_key2"}"#);
    }
}
