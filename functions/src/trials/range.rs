//! The `Range` header (RFC 9110, section 14).

use std::ops::Range;

use http::{HeaderMap, header};

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

/// What a request asks for of a file with `size` bytes. What is malformed, several ranges at once and a range under a condition that cannot be
/// checked are as if there was no header, as the standard allows.
pub(crate) fn asked(headers: &HeaderMap, size: u64) -> Asked {
    if headers.contains_key(header::IF_RANGE) {
        return Asked::Whole;
    }
    let header = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) = header.and_then(|text| text.strip_prefix("bytes=")?.trim().split_once('-')) else {
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(range: &str, size: u64) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        asked(&headers, size)
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
