//! Settings, which programs read from environment variables, with every fault found before anything starts.
//!
//! A setting is one constant, a [`Setting`]: it has the name, default, range, unit and text, and readers read by it. A crate's
//! configuration is a struct with a constructor that takes a [`Reader`], and a [`Group`] that lists its settings for the documents. A
//! program collects the variables (its own over those of `.env`) and lets each struct read them within one [`Settings::read`]. An empty
//! value counts as not set (docs/compatibility.md, 4.2).

mod env_example;
mod env_file;
mod setting;
mod value;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt::{self, Display},
    sync::{Arc, Mutex, PoisonError},
};

use thiserror::Error;

pub use self::{
    env_example::env_example,
    env_file::{EnvFileFault, EnvFileProblem, read_env_file},
    setting::{ALL_PROGRAMS, AnySetting, Description, Group, Setting},
    value::{Bounded, Choice, Defaulted, Value},
};

/// The variables that settings are read from.
#[derive(Clone, Default)]
pub struct Settings {
    vars: BTreeMap<String, String>,
    asked: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Settings {
    /// Settings from variables by name.
    pub fn from_map(vars: BTreeMap<String, String>) -> Self {
        Self { vars, asked: Arc::default() }
    }

    /// Returns what `read` reads, or all faults that it met.
    pub fn read<T>(&self, read: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, SettingsFaults> {
        let mut reader = self.reader();
        let value = read(&mut reader);
        reader.finish().map(|()| value)
    }

    /// A reader over all variables, with no fault yet.
    pub fn reader(&self) -> Reader<'_> {
        Reader { settings: self, faults: Vec::new() }
    }

    /// Names of the settings that its readers were asked for, set or not. Tests compare documents and deployments with them.
    pub fn asked(&self) -> BTreeSet<&'static str> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Hides the values: some are secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

/// The variables of a process whose name and value are Unicode. No setting has others, and Harbor takes no others.
pub fn unicode_variables(vars: impl IntoIterator<Item = (OsString, OsString)>) -> BTreeMap<String, String> {
    vars.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// One setting that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFault {
    /// The variable.
    pub name: &'static str,
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
    settings: &'a Settings,
    faults: Vec<SettingsFault>,
}

impl<'a> Reader<'a> {
    /// The value of a setting, or its default where it is not set.
    pub fn get<T: Defaulted>(&mut self, setting: &Setting<T>) -> T {
        self.settings.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(setting.name());
        let Some(text) = self.text_of(setting.name()) else { return setting.default() };
        setting.parse(text).unwrap_or_else(|problem| {
            self.reject(setting, problem);
            setting.default()
        })
    }

    /// Two settings that are set together or not at all. `rule` says what the missing one must be, by the other's name.
    pub fn both<A: Value, B: Value>(
        &mut self,
        first: &Setting<Option<A>>,
        second: &Setting<Option<B>>,
        rule: impl FnOnce(&str) -> String,
    ) -> Option<(A, B)> {
        match (self.get(first), self.get(second)) {
            (Some(first), Some(second)) => return Some((first, second)),
            (Some(_), None) => self.reject(second, rule(first.name())),
            (None, Some(_)) => self.reject(first, rule(second.name())),
            (None, None) => {}
        }
        None
    }

    /// Adds a fault that a struct found itself. It repeats the value, unless the setting is secret.
    pub fn reject(&mut self, setting: &dyn AnySetting, problem: impl Into<String>) {
        let Description { name, secret, .. } = setting.describe();
        let given = match self.text_of(name) {
            None => Given::Nothing,
            Some(_) if secret => Given::Secret,
            Some(value) => Given::Value(value.to_owned()),
        };
        self.faults.push(SettingsFault { name, problem: problem.into(), given });
    }

    /// Ends the reading: all faults, if there are any.
    pub fn finish(self) -> Result<(), SettingsFaults> {
        if self.faults.is_empty() { Ok(()) } else { Err(SettingsFaults(self.faults)) }
    }

    fn text_of(&self, name: &str) -> Option<&'a str> {
        self.settings.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests;
