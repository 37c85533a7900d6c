//! Settings as constants, and as documents show them.

use std::fmt::{self, Display};

use super::value::{Bounded, Defaulted, Value};

/// One setting: everything that documents say of it, and the rules by which its value is read. Its `Display` is its name.
///
/// ```
/// use oddish_domain::settings::{Setting, Settings};
///
/// const MIN_FREE_GB: Setting<u64> =
///     Setting::new("ODDISH_MIN_FREE_GB", 5).within(0, 1_000_000).unit("GB").doc("Free disk that a trial needs.");
/// const RUNNER: Setting<Option<String>> = Setting::optional("ODDISH_RUNNER").doc("The program that runs trials.");
///
/// let read = Settings::default().read(|reader| (reader.get(&MIN_FREE_GB), reader.get(&RUNNER)));
/// assert_eq!(read, Ok((5, None)));
/// ```
pub struct Setting<T: Defaulted> {
    name: &'static str,
    default: T::Constant,
    bounds: Option<Bounds<T>>,
    rule: Option<Rule<T>>,
    unit: &'static str,
    secret: bool,
    doc: &'static str,
}

/// A rule for values, and the same rule as a fault words it.
struct Rule<T> {
    holds: fn(&T) -> bool,
    problem: &'static str,
}

/// Bounds, and the function that applies them, which [`Bounded`] types alone have.
struct Bounds<T: Defaulted> {
    least: T::Constant,
    most: T::Constant,
    parse: ParseWithin<T, T::Constant>,
}

type ParseWithin<T, C> = fn(&str, C, C) -> Result<T, String>;

impl<T: Defaulted> Setting<T> {
    /// Makes a setting from its name and its default, the value where the variable is not set.
    pub const fn new(name: &'static str, default: T::Constant) -> Self {
        Self { name, default, bounds: None, rule: None, unit: "", secret: false, doc: "" }
    }

    /// Adds a rule: a value for which `holds` is false is a fault, and `problem` says what the value must be.
    #[must_use]
    pub const fn check(mut self, problem: &'static str, holds: fn(&T) -> bool) -> Self {
        self.rule = Some(Rule { holds, problem });
        self
    }

    /// Sets the unit of its number, such as `seconds`.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Marks its value as secret: no message and no document shows it.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Sets its text in the documents, which may span lines.
    #[must_use]
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// The name of its variable, such as `ODDISH_API_PORT`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its default.
    pub fn default(&self) -> T {
        T::of(self.default)
    }

    /// Reads the value of a text; the error says what the text must be.
    pub(super) fn parse(&self, text: &str) -> Result<T, String> {
        let value = match &self.bounds {
            Some(bounds) => (bounds.parse)(text, bounds.least, bounds.most)?,
            None => T::from_text(text)?,
        };
        match &self.rule {
            Some(rule) if !(rule.holds)(&value) => Err(rule.problem.to_owned()),
            _ => Ok(value),
        }
    }
}

impl<T: Bounded> Setting<T> {
    /// Sets bounds: a value below `least` or above `most` is a fault.
    #[must_use]
    pub const fn within(mut self, least: T::Constant, most: T::Constant) -> Self {
        self.bounds = Some(Bounds { least, most, parse: T::from_text_within });
        self
    }
}

impl<T: Value> Setting<Option<T>> {
    /// Makes a setting without a default.
    pub const fn optional(name: &'static str) -> Self {
        Self::new(name, ())
    }
}

impl<T: Defaulted> Display for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A setting as documents show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Name of the variable.
    pub name: &'static str,
    /// The default as it is written in the environment; empty for none.
    pub default: String,
    /// The least and the greatest value, where the setting has bounds.
    pub range: Option<(String, String)>,
    /// Unit of a number; empty for other values.
    pub unit: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Its text, which may span lines.
    pub doc: &'static str,
}

/// A setting of any type.
pub trait AnySetting {
    /// The setting as documents show it.
    fn describe(&self) -> Description;
}

impl<T: Defaulted> AnySetting for Setting<T> {
    fn describe(&self) -> Description {
        let Self { name, unit, secret, doc, .. } = *self;
        let range = self.bounds.as_ref().map(|bounds| (T::written(bounds.least), T::written(bounds.most)));
        Description { name, default: T::written(self.default), range, unit, secret, doc }
    }
}

/// Settings that one part of the system reads, for the documents.
#[derive(Clone, Copy)]
pub struct Group {
    /// The part.
    pub title: &'static str,
    /// The programs that read them, in Markdown.
    pub read_by: &'static str,
    /// The settings, in the order of the documents.
    pub settings: &'static [&'static dyn AnySetting],
}

impl Group {
    /// Each setting as documents show it.
    pub fn describe(&self) -> impl Iterator<Item = Description> {
        self.settings.iter().map(|setting| setting.describe())
    }
}

/// [`Group::read_by`] of what every program of a deployment reads.
pub const ALL_PROGRAMS: &str = "`oddish-server`, the endpoint functions, `dispatch`, `oddish-runner`, the library";
