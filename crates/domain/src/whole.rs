//! Whole numbers in requests, however JSON spells them: to JSON Schema, and to clients whose only number is a float, `3.0` is the integer 3.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// A whole number as JSON spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<T>(pub T);

impl<'de, T: TryFrom<i64>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Number::deserialize(deserializer)?;
        let whole = given.as_i64().or_else(|| exact(given.as_f64()?)).and_then(|whole| T::try_from(whole).ok());
        whole.map(Self).ok_or_else(|| D::Error::custom(format!("{given} is no whole number, or out of range")))
    }
}

/// For `#[serde(deserialize_with)]` on a whole number.
pub fn number<'de, D: Deserializer<'de>, T: TryFrom<i64>>(deserializer: D) -> Result<T, D::Error> {
    Whole::deserialize(deserializer).map(|Whole(number)| number)
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
