//! Whole numbers in requests, as [`oddish_domain::whole`] reads them.

use oddish_domain::whole::Whole;
pub(crate) use oddish_domain::whole::number;
use serde::{Deserialize, Deserializer};

/// Like [`number`], for a whole number that may be null.
pub(crate) fn option<'de, D: Deserializer<'de>, T: TryFrom<i64>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(|Whole(number)| number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Asked {
        #[serde(deserialize_with = "number")]
        plain: u32,
        #[serde(default, deserialize_with = "option")]
        perhaps: Option<i32>,
    }

    fn read(json: &str) -> Option<(u32, Option<i32>)> {
        let asked: Asked = serde_json::from_str(json).ok()?;
        Some((asked.plain, asked.perhaps))
    }

    #[test]
    fn a_float_without_a_fraction_is_an_integer() {
        assert_eq!(read(r#"{"plain": 3.0, "perhaps": -2.0}"#), Some((3, Some(-2))));
        assert_eq!(read(r#"{"plain": 1e3, "perhaps": null}"#), Some((1000, None)));
        assert_eq!(read(r#"{"plain": 4294967295}"#), Some((u32::MAX, None)));
    }

    #[test]
    fn anything_else_is_none() {
        for plain in ["3.5", "-1", "4294967296", "1e300", "\"3\"", "true", "null"] {
            assert_eq!(read(&format!("{{\"plain\": {plain}}}")), None, "{plain}");
        }
    }
}
