//! The `Range` header (RFC 9110, section 14).

use std::convert::Infallible;
use std::ops::Range;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};

/// The header, as far as it counts.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct RangeHeader {
    /// Which bytes are wanted, such as `bytes=0-1023`: one range.
    #[param(rename = "Range")]
    range: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for RangeHeader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::read(&parts.headers))
    }
}

/// What of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it.
    Whole,
    /// These bytes, of which there is at least one.
    Part(Range<u64>),
    /// Bytes that it does not have.
    Outside,
}

impl RangeHeader {
    /// A range under a condition, which cannot be checked, is as if there was no header.
    fn read(headers: &HeaderMap) -> Self {
        let header = headers.get(header::RANGE).filter(|_| !headers.contains_key(header::IF_RANGE));
        Self { range: header.and_then(|value| value.to_str().ok()).map(str::to_owned) }
    }

    /// What is asked for of a file with `size` bytes. What is malformed, and several ranges at once, are as if there was no header, as the
    /// standard allows.
    pub(crate) fn of(&self, size: u64) -> Asked {
        let range = self.range.as_deref();
        let Some((first, last)) = range.and_then(|text| text.strip_prefix("bytes=")?.trim().split_once('-')) else {
            return Asked::Whole;
        };
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            // A number too large to count with is past the end of any file.
            digits.then(|| text.parse().unwrap_or(u64::MAX))
        };
        let range = match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
            (Some(first), None) if last.is_empty() => first..size,
            (None, Some(length)) if first.is_empty() => size.saturating_sub(length)..size,
            _ => return Asked::Whole,
        };
        if range.is_empty() { Asked::Outside } else { Asked::Part(range) }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(range: &str, size: u64) -> Asked {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(range).unwrap())]);
        RangeHeader::read(&headers).of(size)
    }

    #[test]
    fn a_range_under_a_condition_does_not_count() {
        let headers = [(header::RANGE, "bytes=0-0"), (header::IF_RANGE, "\"tag\"")];
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        assert_eq!(RangeHeader::read(&HeaderMap::from_iter(headers)).of(10), Asked::Whole);
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(of("bytes=0-0", 10), Asked::Part(0..1));
        assert_eq!(of("bytes=3-99", 10), Asked::Part(3..10));
        assert_eq!(of("bytes=3-99999999999999999999999", 10), Asked::Part(3..10));
        assert_eq!(of("bytes=3-", 10), Asked::Part(3..10));
        assert_eq!(of("bytes=-3", 10), Asked::Part(7..10));
        assert_eq!(of("bytes=-30", 10), Asked::Part(0..10));
        for outside in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of(outside, 10), Asked::Outside, "{outside}");
        }
        assert_eq!(of("bytes=0-", 0), Asked::Outside);
        for none in ["bytes=5-3", "bytes=a-b", "bytes=-", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2", "bytes"] {
            assert_eq!(of(none, 10), Asked::Whole, "{none}");
        }
    }
}
