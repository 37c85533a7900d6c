//! Short texts in one line: names of submitters, experiments, keys, agents and models.

/// Most characters of one.
pub const MAX_CHARS: usize = 255;

/// Most characters of the name of an agent or a model in which some are not ASCII. The database counts trials by agent, model and
/// queue key together, in an index whose entries have at most 2704 bytes; a character has up to 4.
pub const MAX_CHARS_BEYOND_ASCII: usize = 200;

/// Most characters of a tag's value.
pub const MAX_VALUE_CHARS: usize = 4096;

/// Why a text is no label. Reads on from the name of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelFault {
    /// Nothing but spaces.
    #[error("must not be empty")]
    Empty,
    /// More characters than this.
    #[error("must be at most {0} characters")]
    TooLong(usize),
    /// More than [`MAX_CHARS_BEYOND_ASCII`] characters, of which some are not ASCII.
    #[error("must be at most {MAX_CHARS_BEYOND_ASCII} characters where some are not ASCII")]
    TooLongBeyondAscii,
    /// A line break, a terminal's escape, a NUL.
    #[error("must not contain control characters")]
    Control,
}

/// The text without the spaces around it, if it can be shown wherever a label is.
pub fn check(text: &str) -> Result<&str, LabelFault> {
    // As it was sent: a schema, too, counts the spaces around it.
    if text.trim().is_empty() {
        return Err(LabelFault::Empty);
    }
    check_line(text, MAX_CHARS)?;
    Ok(text.trim())
}

/// Checks the name of an agent or a model, which is kept letter by letter and may be empty.
pub fn check_name(name: &str) -> Result<(), LabelFault> {
    check_line(name, MAX_CHARS)?;
    if !name.is_ascii() && name.chars().count() > MAX_CHARS_BEYOND_ASCII {
        return Err(LabelFault::TooLongBeyondAscii);
    }
    Ok(())
}

/// Checks the value of a tag, which may be empty.
pub fn check_value(value: &str) -> Result<(), LabelFault> {
    check_line(value, MAX_VALUE_CHARS)
}

fn check_line(text: &str, most: usize) -> Result<(), LabelFault> {
    if text.chars().count() > most {
        Err(LabelFault::TooLong(most))
    } else if text.chars().any(char::is_control) {
        Err(LabelFault::Control)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_short_line() {
        assert_eq!(check(" größte Übung 🦦 "), Ok("größte Übung 🦦"));
        let longest = "ü".repeat(MAX_CHARS);
        assert_eq!(check(&longest), Ok(&*longest));
        assert_eq!(check(&format!("{longest}ü")), Err(LabelFault::TooLong(MAX_CHARS)));
        for empty in ["", " \t "] {
            assert_eq!(check(empty), Err(LabelFault::Empty));
        }
        for control in ["a\nb", "a\u{1b}[2J", "a\0", "a\u{85}b"] {
            assert_eq!(check(control), Err(LabelFault::Control));
            assert_eq!(check_name(control), Err(LabelFault::Control));
            assert_eq!(check_value(control), Err(LabelFault::Control));
        }
    }

    #[test]
    fn a_name_fits_into_the_index_that_counts_trials() {
        for longest in ["a".repeat(MAX_CHARS), "🦦".repeat(MAX_CHARS_BEYOND_ASCII), String::new()] {
            assert_eq!(check_name(&longest), Ok(()));
        }
        assert_eq!(check_name(&"a".repeat(MAX_CHARS + 1)), Err(LabelFault::TooLong(MAX_CHARS)));
        assert_eq!(check_name(&"🦦".repeat(MAX_CHARS_BEYOND_ASCII + 1)), Err(LabelFault::TooLongBeyondAscii));
        assert_eq!(check_value(&"ü".repeat(MAX_VALUE_CHARS)), Ok(()));
        assert_eq!(check_value(&"ü".repeat(MAX_VALUE_CHARS + 1)), Err(LabelFault::TooLong(MAX_VALUE_CHARS)));
    }
}
