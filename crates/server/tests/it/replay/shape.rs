//! What clients read of an answer: which fields, of which kind.
//!
//! `tests/clients/shapes.json` names the kinds: `text`, `integer`, `number`, `truth`, `time`, `object`, `anything`, words between bars, or
//! another shape; `?` after it for one that may be null, `[]` for a list, `[1]` for a list of so many.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(super) struct Shapes(BTreeMap<String, Map<String, Value>>);

impl Shapes {
    pub(super) fn read() -> Self {
        Self(serde_json::from_str(include_str!("../../clients/shapes.json")).unwrap())
    }

    /// Everything in which a value is not of this kind, each with its place.
    pub(super) fn faults(&self, kind: &str, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.check(kind, value, "", &mut faults);
        faults
    }

    fn check(&self, kind: &str, value: &Value, place: &str, faults: &mut Vec<String>) {
        if let Some(kind) = kind.strip_suffix('?') {
            if !value.is_null() {
                self.check(kind, value, place, faults);
            }
        } else if let Some((kind, length)) = kind.strip_suffix(']').and_then(|kind| kind.split_once('[')) {
            self.list(kind, length, value, place, faults);
        } else if let Some(fields) = self.0.get(kind) {
            for (name, kind) in fields {
                let place = format!("{place}/{name}");
                match value.get(name) {
                    Some(value) => self.check(kind.as_str().unwrap(), value, &place, faults),
                    None => faults.push(format!("{place} is missing")),
                }
            }
        } else if !is(kind, value) {
            faults.push(format!("{place} is {value} and no {kind}"));
        }
    }

    fn list(&self, kind: &str, length: &str, value: &Value, place: &str, faults: &mut Vec<String>) {
        let Some(items) = value.as_array() else {
            faults.push(format!("{place} is {value} and no list"));
            return;
        };
        if length.parse().is_ok_and(|length: usize| length != items.len()) {
            faults.push(format!("{place} has {} entries, not {length}", items.len()));
        }
        for (index, item) in items.iter().enumerate() {
            self.check(kind, item, &format!("{place}/{index}"), faults);
        }
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "text" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "truth" => value.is_boolean(),
        "object" => value.is_object(),
        "anything" => true,
        "null" => value.is_null(),
        "time" => value.as_str().is_some_and(is_time),
        words if words.contains('|') => value.as_str().is_some_and(|word| words.split('|').any(|known| known == word)),
        // A word that is none of the above would let everything pass.
        unknown => panic!("{unknown} is no kind"),
    }
}

/// A moment in UTC: older Pythons read no other form than these.
fn is_time(text: &str) -> bool {
    let parsed = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
    parsed.is_ok() && (text.ends_with('Z') || text.ends_with("+00:00"))
}
