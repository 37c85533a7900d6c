//! Reads from an error's text how long a provider asks to wait.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Longest wait that is honoured: a mistaken or malicious text must not put a trial off forever.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// What comes before a wait, in lower case, and whether a number alone then means seconds, as in the HTTP header.
const MARKERS: &[(&str, bool)] = &[
    ("retry-after", true),
    ("retry_after", true),
    ("retry after", true),
    ("retrydelay", false),
    ("try again in", false),
    ("retry in", false),
];

/// What may stand between a marker and its value, as in `"retry_after": 20`, also where that is quoted in JSON again.
const BETWEEN: &[char] = &[' ', ':', '=', '"', '\'', '\\'];

/// Length of a date as the HTTP header has it, such as `Wed, 21 Oct 2026 07:28:00 GMT`.
const HTTP_DATE_BYTES: usize = 29;

/// How long a message asks to wait before the next request, at most [`RETRY_AFTER_MAX`]; the last wait that it names, if
/// there are several.
///
/// Understood are the HTTP header `Retry-After` with seconds or a date (none at all if it is past), and texts such as
/// `try again in 1m30s`, `Please retry after 26 seconds` and `"retryDelay": "34s"`.
pub fn retry_after(message: &str, now: OffsetDateTime) -> Option<Duration> {
    // ASCII only, so that both have the same byte offsets.
    let text = message.to_ascii_lowercase();
    let found = MARKERS.iter().flat_map(|&(marker, bare)| text.match_indices(marker).map(move |hit| (hit, bare)));
    found
        .filter_map(|((at, marker), bare)| {
            let start = at + marker.len();
            let value = text.get(start..)?.trim_start_matches(BETWEEN);
            let wait = span(value, bare).or_else(|| until_date(message.get(text.len() - value.len()..)?, now))?;
            Some((start, wait.min(RETRY_AFTER_MAX)))
        })
        .max_by_key(|&(start, _)| start)
        .map(|(_, wait)| wait)
}

/// A number with a unit, or several, such as `1m30.5s`, at the start of a text.
fn span(text: &str, bare: bool) -> Option<Duration> {
    let mut rest = text;
    let mut sum = None;
    while let Some((number, after)) = number(rest) {
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after_unit) = after.split_at(unit_end);
        let seconds = match unit {
            "ms" | "milliseconds" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            _ if bare && sum.is_none() => return Some(capped(number)),
            _ => break,
        };
        sum = Some(sum.unwrap_or_default() + number * seconds);
        rest = after_unit.trim_start();
    }
    sum.map(capped)
}

/// A decimal number at the start of a text, which may have a space after it.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest.trim_start()))
}

fn capped(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(RETRY_AFTER_MAX)
}

fn until_date(text: &str, now: OffsetDateTime) -> Option<Duration> {
    let date = OffsetDateTime::parse(text.get(..HTTP_DATE_BYTES)?, &Rfc2822).ok()?;
    Duration::try_from(date - now).ok()
}
