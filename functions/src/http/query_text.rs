//! Values in queries, which are all text: how one becomes a number, a truth value or a word.
//!
//! Truth values are taken as `FastAPI` takes them, since the published server does: clients in Python write `True`, `False`, `1` and `0`.

use std::borrow::Cow;

use serde::de::value::{Error, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// Reads a query string; an error comes with the parameter that is at fault.
pub(crate) fn read<T: DeserializeOwned>(query: &str) -> Result<T, serde_path_to_error::Error<Error>> {
    let pairs = form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name, Text(value)));
    serde_path_to_error::deserialize(MapDeserializer::new(pairs))
}

/// The text of one value.
struct Text<'a>(Cow<'a, str>);

/// The words for truth values, in any case, as a pattern for the `OpenAPI` document.
#[cfg(feature = "document")]
pub(crate) const TRUTH_VALUES: &str =
    "^([Tt][Rr][Uu][Ee]|[Yy][Ee][Ss]|[Oo][Nn]|[TtYy1]|[Ff][Aa][Ll][Ss][Ee]|[Nn][Oo]|[Oo][Ff][Ff]|[FfNn0])$";

/// The truth value that a text is, in the words of pydantic.
fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}

impl<'de> IntoDeserializer<'de> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident: $visit:ident),+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.0.parse().map_err(Error::custom)?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.into_deserializer().deserialize_any(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let truth = truth(&self.0);
        visitor.visit_bool(
            truth.ok_or_else(|| Error::custom("must be true or false (or 1, 0, yes, no, on, off, t, f, y, n)"))?,
        )
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.into_deserializer().deserialize_enum(name, variants, visitor)
    }

    parsed! {
        deserialize_i8: visit_i8, deserialize_i16: visit_i16, deserialize_i32: visit_i32, deserialize_i64: visit_i64,
        deserialize_u8: visit_u8, deserialize_u16: visit_u16, deserialize_u32: visit_u32, deserialize_u64: visit_u64,
        deserialize_f32: visit_f32, deserialize_f64: visit_f64
    }

    forward_to_deserialize_any! {
        char str string unit bytes byte_buf unit_struct tuple_struct struct identifier tuple ignored_any seq map
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::read;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Asked {
        plain: bool,
        perhaps: Option<bool>,
        limit: Option<i64>,
        name: Option<String>,
    }

    #[test]
    fn truth_values_are_taken_as_fastapi_takes_them() {
        for (words, expected) in [
            (["true", "True", "TRUE", "1", "yes", "On", "t", "Y"], true),
            (["false", "False", "FALSE", "0", "no", "oFF", "F", "n"], false),
        ] {
            for word in words {
                let asked: Asked = read(&format!("plain={word}&perhaps={word}")).unwrap();
                assert_eq!((asked.plain, asked.perhaps), (expected, Some(expected)), "{word}");
            }
        }
        for word in ["", "2", "tru", "yess", "none", "true%20", "-1"] {
            for field in ["plain", "perhaps"] {
                let error = read::<Asked>(&format!("{field}={word}")).unwrap_err();
                assert_eq!(error.path().to_string(), field, "{word}");
            }
        }
    }

    #[test]
    fn everything_else_is_as_it_was() {
        let asked: Asked = read("limit=5&name=1&other=x").unwrap();
        assert_eq!(asked, Asked { limit: Some(5), name: Some("1".to_owned()), ..Asked::default() });
        for wrong in ["limit=", "limit=five", "limit=1&limit=2", "limit=9223372036854775808"] {
            assert!(read::<Asked>(wrong).is_err(), "{wrong}");
        }
    }
}
