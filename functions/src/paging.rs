//! Pages of lists: cursors, bounds and orders, the same for every list.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Uri, header};
use oddish_db::paging::{Page, Position};
use serde::Serialize;
use serde_json::json;

use crate::error::ApiError;

/// Rows of one page at the most.
pub(crate) const MAX_LIMIT: i64 = 1000;
/// Rows that may be skipped: whoever wants more takes cursors, which cost the same on every page.
const MAX_OFFSET: i64 = 1_000_000;

const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// What a client says of the page that it wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'query> {
    pub(crate) limit: i64,
    pub(crate) max_limit: i64,
    pub(crate) offset: Option<i64>,
    pub(crate) cursor: Option<&'query str>,
    pub(crate) sort: Option<&'query str>,
}

/// A page, and the name of its order.
#[derive(Debug)]
pub(crate) struct Chosen<T> {
    pub(crate) page: Page,
    pub(crate) sort: T,
    order: String,
}

/// Checks what a client wants of one list among several: the names of its parameters begin with that list's.
pub(crate) fn choose_of<T: Copy>(list: &str, wanted: Wanted<'_>, orders: &[(&str, T)]) -> Result<Chosen<T>, ApiError> {
    check(&format!("{list}_"), wanted, orders)
}

/// Checks what a client wants. `orders` are the names to sort by, the first being the usual one, which goes down.
pub(crate) fn choose<T: Copy>(wanted: Wanted<'_>, orders: &[(&str, T)]) -> Result<Chosen<T>, ApiError> {
    check("", wanted, orders)
}

fn check<T: Copy>(prefix: &str, wanted: Wanted<'_>, orders: &[(&str, T)]) -> Result<Chosen<T>, ApiError> {
    let fault = |field: &str, rule: String| {
        let field = format!("{prefix}{field}");
        Err(ApiError::value_error(vec![json!("query"), json!(field)], format!("{field} {rule}")))
    };
    if !(1..=wanted.max_limit).contains(&wanted.limit) {
        return fault("limit", format!("must be from 1 to {}", wanted.max_limit));
    }
    let offset = wanted.offset.unwrap_or_default();
    if !(0..=MAX_OFFSET).contains(&offset) {
        return fault("offset", format!("must be from 0 to {MAX_OFFSET}; go on with cursors beyond that"));
    }
    let usual = orders.first().map(|(name, _)| format!("-{name}")).unwrap_or_default();
    let order = wanted.sort.unwrap_or(&usual).to_owned();
    let (name, descending) = order.strip_prefix('-').map_or((order.as_str(), false), |name| (name, true));
    let Some((_, sort)) = orders.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = orders.iter().map(|(name, _)| *name).collect();
        return fault("sort", format!("must be one of {}, with a - before it for the highest first", names.join(", ")));
    };
    let after = wanted.cursor.map(|cursor| read_cursor(cursor, &order)).transpose()?;
    if after.is_some() && offset > 0 {
        return fault("offset", "and cursor exclude one another".to_owned());
    }
    Ok(Chosen { page: Page { limit: wanted.limit, offset, descending, after }, sort: *sort, order })
}

impl<T> Chosen<T> {
    /// What a client sends to get the next page.
    pub(crate) fn cursor(&self, next: Option<&Position>) -> Option<String> {
        next.map(|position| format!("{}~{:016x}~{}", self.order, position.value.to_bits(), position.id))
    }
}

/// A cursor names its order, so that it can't go on in another.
fn read_cursor(cursor: &str, order: &str) -> Result<Position, ApiError> {
    let bad = |why: &str| ApiError::bad_request(format!("Invalid cursor: {why}. Take it as the page before gave it."));
    let mut parts = cursor.splitn(3, '~');
    let (Some(of), Some(bits), Some(id)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(bad("it is none of ours"));
    };
    if of != order {
        return Err(bad("it belongs to a list in another order"));
    }
    let value =
        u64::from_str_radix(bits, 16).map(f64::from_bits).ok().filter(|value| bits.len() == 16 && !value.is_nan());
    let value = value.ok_or_else(|| bad("it is none of ours"))?;
    let known =
        !id.is_empty() && id.len() <= 128 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if known { Ok(Position { value, id: id.to_owned() }) } else { Err(bad("it is none of ours")) }
}

/// An answer that is a bare array, as older clients want it: where it goes on, and how much there is, is in headers.
pub(crate) fn array<T: Serialize>(items: &[T], next_cursor: Option<&str>, total: Option<i64>, uri: &Uri) -> Response {
    let mut response = Json(items).into_response();
    let headers = response.headers_mut();
    if let Some(cursor) = next_cursor {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let kept = pairs.filter(|(name, _)| name != "cursor" && name != "offset");
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("cursor", cursor).finish();
        // Relative to the address that was asked for, whatever stands before its path.
        let link = HeaderValue::from_str(&format!("<?{query}>; rel=\"next\""));
        for (name, value) in [(NEXT_CURSOR, HeaderValue::from_str(cursor)), (header::LINK, link)] {
            if let Ok(value) = value {
                headers.insert(name, value);
            }
        }
    }
    if let Some(total) = total {
        headers.insert(TOTAL_COUNT, HeaderValue::from(total));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: [(&str, u8); 2] = [("created_at", 0), ("reward", 1)];

    fn wanted<'a>(sort: Option<&'a str>, cursor: Option<&'a str>) -> Wanted<'a> {
        Wanted { limit: 10, max_limit: MAX_LIMIT, offset: None, cursor, sort }
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        for value in [0.0, -1.0, f64::NEG_INFINITY, 1_779_000_000_123_456.0, 0.1] {
            let position = Position { value, id: "task-1a2b3c4d-10".to_owned() };
            let cursor = choose(wanted(Some("-reward"), None), &ORDERS).unwrap().cursor(Some(&position)).unwrap();
            let chosen = choose(wanted(Some("-reward"), Some(&cursor)), &ORDERS).unwrap();
            assert_eq!((chosen.page.after, chosen.sort, chosen.page.descending), (Some(position), 1, true));
            assert!(choose(wanted(Some("reward"), Some(&cursor)), &ORDERS).is_err(), "another order");
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let nan = format!("-created_at~{:016x}~a", f64::NAN.to_bits());
        for cursor in
            ["", "x", "-created_at~0~a", "-created_at~0000000000000000~", "-created_at~0000000000000000~a\0", &nan]
        {
            assert!(choose(wanted(None, Some(cursor)), &ORDERS).is_err(), "{cursor:?}");
        }
    }
}
