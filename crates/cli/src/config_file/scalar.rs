//! What a word without quotes means in YAML, and what a number is.
//!
//! Harbor reads its files as YAML 1.1, most other programs by YAML 1.2, and what travels to Harbor is JSON. A number is taken where all
//! three agree on it; what they read differently, or cannot carry, is not guessed at.

use serde_json::Number;

use super::node::Content;

const AMBIGUOUS: &str = "is read in different ways by different versions of YAML: write a number in plain digits (8, 1000, 1.5e+3), or put a text in quotes";
const TOO_MANY_DIGITS: &str = "is a whole number outside -9223372036854775808 to 18446744073709551615, and would be rounded on its way: put it in quotes as a text";
const TOO_LARGE: &str = "is beyond the numbers that a program can hold: put it in quotes as a text";
const TOO_SMALL: &str = "is so small that it would become 0: write 0, or put it in quotes as a text";
const NOT_FINITE: &str = "is no number that can be sent to Harbor: leave it out, or put it in quotes as a text";
const SPECIAL: &str = "has a meaning of its own in YAML: put it in quotes as a text";

/// The meaning of a scalar without quotes or a tag.
pub(super) fn plain(text: &str) -> Content {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Content::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Content::Bool(false),
        "=" | "<<" => return unclear(text, SPECIAL),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        unclear(text, NOT_FINITE)
    } else if is_clear_number(text) {
        number(text)
    } else if is_number_of_1_1(text) || is_number_of_1_2(text) {
        unclear(text, AMBIGUOUS)
    } else if is_date(text) {
        Content::Date(text.to_owned())
    } else {
        Content::Text(text.to_owned())
    }
}

/// The value of a number that is written as in JSON, or as all versions of YAML write it.
pub(super) fn number(text: &str) -> Content {
    if let Some(digits) = text.strip_prefix("0x") {
        return whole(text, u64::from_str_radix(digits, 16).ok().map(Number::from));
    }
    if !text.contains(['.', 'e', 'E']) {
        let signed = text.parse::<i64>().ok().map(Number::from);
        return whole(text, signed.or_else(|| text.parse::<u64>().ok().map(Number::from)));
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let is_zero = !mantissa.contains(|digit: char| matches!(digit, '1'..='9'));
    match text.parse::<f64>() {
        Ok(0.0) if !is_zero => unclear(text, TOO_SMALL),
        Ok(float) => Number::from_f64(float).map_or_else(|| unclear(text, TOO_LARGE), Content::Number),
        Err(_) => unclear(text, AMBIGUOUS),
    }
}

fn whole(text: &str, number: Option<Number>) -> Content {
    number.map_or_else(|| unclear(text, TOO_MANY_DIGITS), Content::Number)
}

fn unclear(text: &str, problem: &'static str) -> Content {
    Content::Unclear { spelling: text.to_owned(), problem }
}

/// Whether all versions of YAML take it for the same number.
fn is_clear_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = digits(unsigned) && (unsigned == "0" || !unsigned.starts_with('0'));
    let hexadecimal = text.strip_prefix("0x").is_some_and(|digits| all(digits, |c| c.is_ascii_hexdigit()));
    whole || hexadecimal || is_clear_fraction(text, unsigned)
}

/// A number with a point; its exponent has a sign.
fn is_clear_fraction(text: &str, unsigned: &str) -> bool {
    let (mantissa, exponent) = split_exponent(unsigned);
    let Some((before, after)) = mantissa.split_once('.') else { return false };
    let exponent_is_clear = exponent.is_none_or(|exponent| exponent.strip_prefix(['-', '+']).is_some_and(digits));
    // YAML 1.1 knows `.5` and no `-.5`.
    let begins = digits(before) || (before.is_empty() && digits(after) && unsigned == text);
    begins && (after.is_empty() || digits(after)) && exponent_is_clear
}

/// The numbers of YAML 1.1 as `PyYAML`, and so Harbor, reads them.
fn is_number_of_1_1(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let spaced =
        |digits: &str| digits.starts_with(|c: char| c.is_ascii_digit()) && loose(digits, |c| c.is_ascii_digit());
    if let Some(digits) = unsigned.strip_prefix("0b") {
        return loose(digits, |c| matches!(c, '0' | '1'));
    }
    if let Some(digits) = unsigned.strip_prefix("0x") {
        return loose(digits, |c| c.is_ascii_hexdigit());
    }
    if unsigned.contains(':') {
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let mut parts = whole.split(':');
        return parts.next().is_some_and(spaced)
            && parts.all(|part| digits(part) && part.len() <= 2 && part.parse::<u8>().is_ok_and(|part| part < 60))
            && (fraction.is_empty() || loose(fraction, |c| c.is_ascii_digit()));
    }
    if let Some(octal) = unsigned.strip_prefix('0').filter(|rest| !rest.is_empty() && !rest.contains('.')) {
        return loose(octal, |c| matches!(c, '0'..='7'));
    }
    let (mantissa, exponent) = split_exponent(unsigned);
    match mantissa.split_once('.') {
        None => exponent.is_none() && spaced(mantissa),
        Some((before, after)) => {
            (spaced(before) || (before.is_empty() && spaced(after) && unsigned == text))
                && (after.is_empty() || loose(after, |c| c.is_ascii_digit()))
                && exponent.is_none_or(|exponent| exponent.strip_prefix(['-', '+']).is_some_and(digits))
        }
    }
}

/// The numbers of YAML 1.2.
fn is_number_of_1_2(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(octal) = text.strip_prefix("0o") {
        return all(octal, |c| matches!(c, '0'..='7'));
    }
    let (mantissa, exponent) = split_exponent(unsigned);
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let empty_or_digits = |part: &str| part.is_empty() || digits(part);
    (digits(before) || digits(after))
        && empty_or_digits(before)
        && empty_or_digits(after)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

/// A day, with or without a time, as YAML 1.1 knows them.
fn is_date(text: &str) -> bool {
    let (day, time) = text.split_at(text.find(['T', 't', ' ', '\t']).unwrap_or(text.len()));
    let parts: Vec<&str> = day.split('-').collect();
    let [year, month, of_month] = parts[..] else { return false };
    let short = |part: &str| digits(part) && part.len() <= 2;
    let is_day = digits(year) && year.len() == 4 && short(month) && short(of_month);
    let exact = month.len() == 2 && of_month.len() == 2;
    is_day && if time.is_empty() { exact } else { time.matches(':').count() >= 2 }
}

fn split_exponent(text: &str) -> (&str, Option<&str>) {
    match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    }
}

fn digits(text: &str) -> bool {
    all(text, |c| c.is_ascii_digit())
}

fn all(text: &str, is_digit: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(is_digit)
}

/// [`all`], with underscores between, as YAML 1.1 has them.
fn loose(text: &str, is_digit: impl Fn(char) -> bool) -> bool {
    all(text, |c| c == '_' || is_digit(c))
}
