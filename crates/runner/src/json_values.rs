//! Which bytes of a JSON text are inside the strings that are values: what a program wrote into a form that another one reads. Keys,
//! numbers and signs are the form.

/// A piece of a JSON text, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Of a value's string, as it stands between its quotation marks.
    Value(&'a [u8]),
    /// The value's string is over.
    EndOfValue,
    /// Of everything else.
    Form(&'a [u8]),
}

/// Reads JSON texts, one after the other, that are known to be JSON. Its memory grows with their depth alone.
#[derive(Debug, Default)]
pub(crate) struct JsonValues {
    /// Whether each container that is open is an object.
    objects: Vec<bool>,
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Where a value is due, or nothing.
    #[default]
    Value,
    /// Where a key of an object is due.
    Key,
    /// Inside a string.
    String { is_key: bool, escaped: bool },
}

impl JsonValues {
    /// Takes the next bytes.
    pub(crate) fn push<'a>(&mut self, bytes: &'a [u8], mut give: impl FnMut(Piece<'a>)) {
        let mut start = 0;
        for (at, byte) in bytes.iter().enumerate() {
            match (self.place, byte) {
                (Place::String { is_key, escaped: true }, _) => self.place = Place::String { is_key, escaped: false },
                (Place::String { is_key, .. }, b'\\') => self.place = Place::String { is_key, escaped: true },
                (Place::String { is_key: true, .. }, b'"') => self.place = Place::Value,
                (Place::String { is_key: false, .. }, b'"') => {
                    give(Piece::Value(&bytes[start..at]));
                    give(Piece::EndOfValue);
                    (start, self.place) = (at, Place::Value);
                }
                (Place::String { .. }, _) => {}
                (Place::Key, b'"') => self.place = Place::String { is_key: true, escaped: false },
                (Place::Value, b'"') => {
                    give(Piece::Form(&bytes[start..=at]));
                    (start, self.place) = (at + 1, Place::String { is_key: false, escaped: false });
                }
                (_, b'{') => {
                    self.objects.push(true);
                    self.place = Place::Key;
                }
                (_, b'[') => {
                    self.objects.push(false);
                    self.place = Place::Value;
                }
                (_, b'}' | b']') => {
                    self.objects.pop();
                    self.place = Place::Value;
                }
                (_, b',') if self.objects.last() == Some(&true) => self.place = Place::Key,
                _ => {}
            }
        }
        let rest = &bytes[start..];
        if !rest.is_empty() {
            give(if matches!(self.place, Place::String { is_key: false, .. }) {
                Piece::Value(rest)
            } else {
                Piece::Form(rest)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"a": "x", "b\"": ["y\\", {"c": ""}, 1, "\"z"], "d": {"e": null, "f": "g:{"}} "h" {}"#;

    #[test]
    fn values_are_told_from_keys_however_the_text_is_cut() {
        for cut in 0..=TEXT.len() {
            let (mut values, mut form, mut current) = (Vec::new(), String::new(), String::new());
            let mut reader = JsonValues::default();
            for part in [&TEXT[..cut], &TEXT[cut..]] {
                reader.push(part.as_bytes(), |piece| match piece {
                    Piece::Value(bytes) => current.push_str(std::str::from_utf8(bytes).unwrap()),
                    Piece::EndOfValue => values.push(std::mem::take(&mut current)),
                    Piece::Form(bytes) => form.push_str(std::str::from_utf8(bytes).unwrap()),
                });
            }
            assert_eq!(values, ["x", r"y\\", "", r#"\"z"#, "g:{", "h"], "cut at {cut}");
            let expected = r#"{"a": "", "b\"": ["", {"c": ""}, 1, ""], "d": {"e": null, "f": ""}} "" {}"#;
            assert_eq!(form, expected, "cut at {cut}");
        }
    }
}
