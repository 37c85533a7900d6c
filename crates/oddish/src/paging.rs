//! Pages of lists: cursors, bounds and orders, the same for every list.

use oddish_db::paging::{Page, Position};

use crate::Error;

/// Rows of one page at the most.
pub const MAX_LIMIT: i64 = 1000;
/// Rows that may be skipped: whoever wants more takes cursors, which cost the same on every page.
const MAX_OFFSET: i64 = 1_000_000;

/// What a client says of the page that it wants.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'query> {
    /// Rows of the page at most.
    pub limit: i64,
    /// The largest `limit` that this list takes.
    pub max_limit: i64,
    /// Rows to skip.
    pub offset: Option<i64>,
    /// The cursor that the page before gave.
    pub cursor: Option<&'query str>,
    /// Name of the order, after a `-` for the highest first.
    pub sort: Option<&'query str>,
}

/// A page, and the name of its order.
#[derive(Debug)]
pub struct Chosen<T> {
    /// The page.
    pub page: Page,
    /// The order.
    pub sort: T,
    order: String,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// The entries.
    pub items: Vec<T>,
    /// What a client sends to get the next part, if there is more.
    pub next_cursor: Option<String>,
    /// How many entries fit, where that was asked for.
    pub total: Option<i64>,
}

/// Checks what a client wants of one list among several: the names of its parameters begin with that list's.
pub fn choose_of<T: Copy>(list: &str, wanted: Wanted<'_>, orders: &[(&str, T)]) -> Result<Chosen<T>, Error> {
    check(&format!("{list}_"), wanted, orders)
}

/// Checks what a client wants. `orders` are the names to sort by, the first being the usual one, which goes down.
pub fn choose<T: Copy>(wanted: Wanted<'_>, orders: &[(&str, T)]) -> Result<Chosen<T>, Error> {
    check("", wanted, orders)
}

fn check<T: Copy>(prefix: &str, wanted: Wanted<'_>, orders: &[(&str, T)]) -> Result<Chosen<T>, Error> {
    let fault = |field: &str, rule: String| {
        let field = format!("{prefix}{field}");
        Err(Error::invalid(&field, format_args!("{field} {rule}")))
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
    pub fn cursor(&self, next: Option<&Position>) -> Option<String> {
        next.map(|position| format!("{}~{:016x}~{}", self.order, position.value.to_bits(), position.id))
    }
}

/// A cursor names its order, so that it can't go on in another.
fn read_cursor(cursor: &str, order: &str) -> Result<Position, Error> {
    let bad = |why: &str| Error::refused(format!("Invalid cursor: {why}. Take it as the page before gave it."));
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
