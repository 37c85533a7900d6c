//! Rules for texts in the fields of a request.

use std::fmt::Display;

use oddish_domain::label;

use crate::Error;

/// The submitter of a task where the request names none.
pub(crate) const UNNAMED: &str = "unknown";

/// A label without the blanks around it. `field` is its place, outermost field first.
pub(crate) fn label<'a>(field: &[&str], text: &'a str) -> Result<&'a str, Error> {
    label::check(text).map_err(|rule| fault(field, rule))
}

/// [`Error::Invalid`] with a rule that reads on from the field's name.
pub(crate) fn fault(field: &[&str], rule: impl Display) -> Error {
    Error::invalid_at(field.iter().copied(), format_args!("{} {rule}", field.last().unwrap_or(&"it")))
}
