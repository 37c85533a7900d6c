//! Short texts for people to read: who submits, what an experiment or a key is called.

/// Characters of one at the most.
pub const MAX_CHARS: usize = 255;

/// Why a text is no label. Reads on from the name of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelFault {
    /// Nothing but spaces.
    #[error("must not be empty")]
    Empty,
    /// More than [`MAX_CHARS`] characters.
    #[error("must be at most {MAX_CHARS} characters")]
    TooLong,
    /// A line break, a terminal's escape, a NUL.
    #[error("must not contain control characters")]
    Control,
}

/// The text without the spaces around it, if it can be shown wherever a label is.
pub fn check(text: &str) -> Result<&str, LabelFault> {
    // As it was sent: a schema, too, counts the spaces around it.
    if text.trim().is_empty() {
        Err(LabelFault::Empty)
    } else if text.chars().count() > MAX_CHARS {
        Err(LabelFault::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(LabelFault::Control)
    } else {
        Ok(text.trim())
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
        assert_eq!(check(&format!("{longest}ü")), Err(LabelFault::TooLong));
        for empty in ["", " \t "] {
            assert_eq!(check(empty), Err(LabelFault::Empty));
        }
        for control in ["a\nb", "a\u{1b}[2J", "a\0", "a\u{85}b"] {
            assert_eq!(check(control), Err(LabelFault::Control));
        }
    }
}
