//! Whole numbers in requests, however JSON spells them: to JSON Schema, and to clients whose only number is a float, `3.0` is the integer 3.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// For `#[serde(deserialize_with)]` on a whole number.
pub(crate) fn number<'de, D: Deserializer<'de>, T: TryFrom<i64>>(deserializer: D) -> Result<T, D::Error> {
    let given = Number::deserialize(deserializer)?;
    read(&given).ok_or_else(|| D::Error::custom(format!("{given} is no whole number, or out of range")))
}

/// For one that may be null.
pub(crate) fn option<'de, D: Deserializer<'de>, T: TryFrom<i64>>(deserializer: D) -> Result<Option<T>, D::Error> {
    match Option::<Number>::deserialize(deserializer)? {
        None => Ok(None),
        Some(given) => match read(&given) {
            Some(number) => Ok(Some(number)),
            None => Err(D::Error::custom(format!("{given} is no whole number, or out of range"))),
        },
    }
}

fn read<T: TryFrom<i64>>(given: &Number) -> Option<T> {
    let whole = given.as_i64().or_else(|| exact(given.as_f64()?))?;
    T::try_from(whole).ok()
}

/// The integer that a float is, where floats still tell integers apart.
fn exact(float: f64) -> Option<i64> {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    if float.fract() != 0.0 || float.abs() > LARGEST {
        return None;
    }
    // Such a float is written without an exponent or a fraction.
    format!("{float}").parse().ok()
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
