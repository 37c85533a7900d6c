//! The fields of a mapping, each read as what it has to be. What is wrong is told with its place and path, in words of the file.

use serde_json::{Map, Number, Value};

use super::fault::Faults;
use super::node::{Content, Entry, Node};
use crate::plain_text;

/// How alike (0 to 1, Jaro-Winkler) a known key must be to be offered as what was meant.
const LIKENESS: f64 = 0.8;
/// From here on JSON and databases write a float without a fraction, and Harbor would read a whole number.
const LARGE_FLOAT: f64 = 1e16;
const A_TEXT: &str = "a text";
const A_MAPPING: &str = "a mapping";

/// A mapping, and where its faults go. A field that is null counts as absent; one with a fault is told and then counts as absent.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    /// Such as `agents[0].kwargs`; empty for the whole file.
    path: String,
    node: &'a Node,
    entries: &'a [Entry],
    faults: &'a Faults,
}

impl<'a> Fields<'a> {
    /// The fields of a value that has to be a mapping.
    pub(crate) fn of(node: &'a Node, path: &str, faults: &'a Faults) -> Option<Self> {
        let fields = |entries| Self { path: path.to_owned(), node, entries, faults };
        if let Content::Mapping(entries) = &node.content {
            return Some(fields(entries));
        }
        fields(&[]).must_be(node, path, A_MAPPING);
        None
    }

    /// All keys, in the order of the file.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value).filter(|value| !value.is_null())
    }

    /// Where a key stands, with its path: how what is said of it begins.
    pub(crate) fn place_of(&self, key: &str) -> String {
        let place = self.entries.iter().find(|entry| entry.key == key).map_or(self.node.place, |entry| entry.place);
        format!("{place}: {}", self.path_to(key))
    }

    pub(crate) fn path_to(&self, key: &str) -> String {
        let key = plain_text::short_line(key, 80);
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }

    /// Tells what is wrong with a field, or that it is absent.
    pub(crate) fn fault(&self, key: &str, text: &str) {
        let place =
            self.entries.iter().find(|entry| entry.key == key).map_or(self.node.place, |entry| entry.value.place);
        self.faults.add(place, format!("{}: {text}", self.path_to(key)));
    }

    /// Tells of a key, not of its value.
    fn fault_of_key(&self, entry: &Entry, text: &str) {
        self.faults.add(entry.place, format!("{}: {text}", self.path_to(&entry.key)));
    }

    fn must_be(&self, node: &Node, path: &str, expected: &str) {
        let whose = if path.is_empty() { "the file" } else { path };
        let text = match &node.content {
            Content::Unclear { spelling, problem } => {
                format!("{path}: {} {problem}", plain_text::short_line(spelling, 40))
            }
            other => format!("{whose} must be {expected}, not {}", described(other)),
        };
        self.faults.add(node.place, text);
    }

    /// Reads the value of a key.
    fn read<T>(&self, key: &str, expected: &str, read: impl Fn(&'a Content) -> Option<T>) -> Option<T> {
        let node = self.get(key)?;
        let value = read(&node.content);
        if value.is_none() {
            self.must_be(node, &self.path_to(key), expected);
        }
        value
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.read(key, A_TEXT, text)
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.read(key, "true or false", |content| match content {
            Content::Bool(flag) => Some(*flag),
            _ => None,
        })
    }

    /// A whole number of at least `least`.
    pub(crate) fn whole_number(&self, key: &str, least: u32) -> Option<u32> {
        let expected = if least == 0 { "a whole number, 0 or more" } else { "a whole number above 0" };
        self.read(key, expected, |content| match content {
            Content::Number(number) => whole(number).filter(|number| *number >= least),
            _ => None,
        })
    }

    /// A number above 0, as it is written.
    pub(crate) fn positive(&self, key: &str) -> Option<Number> {
        self.read(key, "a number above 0", |content| match content {
            Content::Number(number) => number.as_f64().is_some_and(|value| value > 0.0).then(|| number.clone()),
            _ => None,
        })
    }

    pub(crate) fn list(&self, key: &str) -> Option<&'a [Node]> {
        self.read(key, "a list", |content| match content {
            Content::List(items) => Some(items.as_slice()),
            _ => None,
        })
    }

    /// The texts of a list; none where there is no list.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        let items = self.list(key).unwrap_or_default().iter().enumerate();
        let read = items.filter_map(|(index, item)| {
            let value = text(&item.content);
            if value.is_none() {
                self.must_be(item, &format!("{}[{index}]", self.path_to(key)), A_TEXT);
            }
            value
        });
        read.collect()
    }

    /// The mappings of a list; none where there is no list.
    pub(crate) fn sections(&self, key: &str) -> Vec<Self> {
        let items = self.list(key).unwrap_or_default().iter().enumerate();
        items
            .filter_map(|(index, item)| Self::of(item, &format!("{}[{index}]", self.path_to(key)), self.faults))
            .collect()
    }

    pub(crate) fn section(&self, key: &str) -> Option<Self> {
        self.get(key).and_then(|node| Self::of(node, &self.path_to(key), self.faults))
    }

    /// A mapping of anything that JSON has.
    pub(crate) fn object(&self, key: &str) -> Map<String, Value> {
        match self.section(key).map(|section| self.json(section.node, &section.path)) {
            Some(Some(Value::Object(object))) => object,
            _ => Map::new(),
        }
    }

    /// A list of anything that JSON has.
    pub(crate) fn values(&self, key: &str) -> Vec<Value> {
        let items = self.list(key).unwrap_or_default().iter().enumerate();
        items.filter_map(|(index, item)| self.json(item, &format!("{}[{index}]", self.path_to(key)))).collect()
    }

    /// A value as JSON, unless something in it cannot be that.
    fn json(&self, node: &Node, path: &str) -> Option<Value> {
        let inexact = |number: &Number| match number.as_f64() {
            Some(value) if number.is_f64() => value.abs() >= LARGE_FLOAT || (value == 0.0 && value.is_sign_negative()),
            _ => false,
        };
        match &node.content {
            Content::Null => Some(Value::Null),
            Content::Bool(flag) => Some(Value::Bool(*flag)),
            Content::Number(number) if inexact(number) => {
                let advice = "write a whole number in plain digits, or put it in quotes as a text";
                self.faults.add(
                    node.place,
                    format!("{path}: {number} would reach Harbor without its fraction or sign: {advice}"),
                );
                None
            }
            Content::Number(number) => Some(Value::Number(number.clone())),
            Content::Text(text) => Some(Value::String(text.clone())),
            Content::Date(date) => {
                let date = plain_text::short_line(date, 40);
                self.faults.add(
                    node.place,
                    format!("{path}: {date} is a date, which JSON has not: put it in quotes as a text"),
                );
                None
            }
            Content::Unclear { .. } => {
                self.must_be(node, path, "a value");
                None
            }
            // All of them, so that every fault is told.
            Content::List(items) => {
                let items = items.iter().enumerate().map(|(index, item)| self.json(item, &format!("{path}[{index}]")));
                let read: Vec<Option<Value>> = items.collect();
                read.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Content::Mapping(entries) => {
                let inner = Fields { path: path.to_owned(), node, entries, faults: self.faults };
                let read: Vec<Option<(String, Value)>> = entries
                    .iter()
                    .map(|entry| Some((entry.key.clone(), self.json(&entry.value, &inner.path_to(&entry.key))?)))
                    .collect();
                read.into_iter().collect::<Option<Map<_, _>>>().map(Value::Object)
            }
        }
    }

    /// Names and values of environment variables; null where the value is to be taken from elsewhere. No fault repeats a value.
    pub(crate) fn variables(&self, key: &str) -> Vec<(String, Option<String>)> {
        let Some(section) = self.section(key) else { return Vec::new() };
        let read = section.entries.iter().filter_map(|entry| match &entry.value.content {
            Content::Null => Some((entry.key.clone(), None)),
            Content::Text(text) => Some((entry.key.clone(), Some(text.clone()))),
            _ => {
                section.faults.add(
                    entry.value.place,
                    format!("{}: it must be a text: put it in quotes", section.path_to(&entry.key)),
                );
                None
            }
        });
        read.collect()
    }

    /// Tells the keys that nothing reads, each with the advice that there is for it, or with the known key that looks most like it. Those
    /// that begin with `x-` are their author's own, as in Compose files.
    pub(crate) fn refuse_unknown(&self, known: &[&str], advice: impl Fn(&str) -> Option<String>) {
        let is_unknown = |key: &str| !known.contains(&key) && !key.starts_with("x-");
        for entry in self.entries.iter().filter(|entry| is_unknown(&entry.key)) {
            let advice = advice(&entry.key).unwrap_or_else(|| format!("unknown key; {}", nearest(&entry.key, known)));
            self.fault_of_key(entry, &advice);
        }
    }
}

/// What may have been meant by a key that is not known.
pub(crate) fn nearest(key: &str, known: &[&str]) -> String {
    let likeness = known.iter().map(|candidate| (strsim::jaro_winkler(key, candidate), candidate));
    match likeness.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
        Some((likeness, candidate)) if likeness > LIKENESS => format!("did you mean `{candidate}`?"),
        _ => format!("known are {}", known.join(", ")),
    }
}

fn text(content: &Content) -> Option<String> {
    match content {
        Content::Text(text) | Content::Date(text) => Some(text.clone()),
        _ => None,
    }
}

/// A whole number, also where it is written `3.0`.
fn whole(number: &Number) -> Option<u32> {
    match number.as_u64() {
        Some(number) => u32::try_from(number).ok(),
        None => number.as_f64().filter(|value| value.fract() == 0.0).and_then(|value| format!("{value}").parse().ok()),
    }
}

fn described(content: &Content) -> String {
    match content {
        Content::Null => "empty".to_owned(),
        Content::Bool(flag) => flag.to_string(),
        Content::Number(number) => number.to_string(),
        Content::Text(text) => format!("the text \"{}\"", plain_text::short_line(text, 40)),
        Content::Date(date) => format!("the date {}", plain_text::short_line(date, 40)),
        Content::Unclear { spelling, .. } => plain_text::short_line(spelling, 40),
        Content::List(_) => "a list".to_owned(),
        Content::Mapping(_) => A_MAPPING.to_owned(),
    }
}
