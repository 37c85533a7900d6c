//! JSON, with the place of every value and the spelling of every number.

use std::fmt;

use oddish_domain::yaml::Place;
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::fault::Fault;
use super::node::{Content, Entry, Node};
use super::scalar;
use crate::plain_text;

/// Levels of lists and mappings; no real file has as many.
const MOST_LEVELS: usize = 64;

/// Reads a file, or a value of the command line.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    let source = Source { text };
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| source.fault(&error, text))?;
    source.node(whole.get(), MOST_LEVELS)
}

struct Source<'a> {
    text: &'a str,
}

impl<'a> Source<'a> {
    /// Where a part of the text begins.
    fn place(&self, part: &str) -> Place {
        let offset = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    /// What the parser says of a part of the text, with its place in the whole.
    fn fault(&self, error: &serde_json::Error, part: &str) -> Fault {
        let start = self.place(part);
        let place = match error.line() {
            0 => start,
            1 => Place { line: start.line, column: start.column + error.column().max(1) - 1 },
            line => Place { line: start.line + line - 1, column: error.column().max(1) },
        };
        let words = error.to_string();
        let words = words.split(" at line ").next().unwrap_or_default();
        let text = match error.classify() {
            Category::Eof => format!("the JSON ends too early: {words}"),
            _ => format!("not valid JSON: {words}"),
        };
        Fault { place, text: plain_text::line(&text) }
    }

    fn node(&self, part: &'a str, levels: usize) -> Result<Node, Fault> {
        let place = self.place(part);
        if levels == 0 {
            return Err(Fault { place, text: format!("lists and mappings lie more than {MOST_LEVELS} deep") });
        }
        let told = |error: &serde_json::Error| self.fault(error, part);
        let content = match part.as_bytes().first() {
            Some(b'{') => {
                let mut reader = serde_json::Deserializer::from_str(part);
                let entries = reader.deserialize_map(RawEntries).map_err(|error| told(&error))?;
                Content::Mapping(self.entries(entries, levels)?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(part).map_err(|error| told(&error))?;
                let items = items.into_iter().map(|item| self.node(item.get(), levels - 1));
                Content::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Content::Text(serde_json::from_str(part).map_err(|error| told(&error))?),
            Some(b't') => Content::Bool(true),
            Some(b'f') => Content::Bool(false),
            Some(b'n') => Content::Null,
            _ => scalar::number(part),
        };
        Ok(Node { place, content })
    }

    fn entries(&self, raw: Vec<(&'a RawValue, &'a RawValue)>, levels: usize) -> Result<Vec<Entry>, Fault> {
        let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
        for (key, value) in raw {
            let place = self.place(key.get());
            let key: String = serde_json::from_str(key.get()).map_err(|error| self.fault(&error, key.get()))?;
            entries.push(Entry { key, place, value: self.node(value.get(), levels - 1)? });
        }
        Ok(entries)
    }
}

/// The keys and values of an object as they are written.
struct RawEntries;

impl<'de> Visitor<'de> for RawEntries {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}
