//! YAML, walked in one place for all who read it: every value with where it stands, and bounds on what a text may become.
//!
//! What a value means is left to the reader, a [`Build`]: a client's file and a Compose file follow different rules.

use std::collections::HashMap;
use std::fmt;

use granit_parser::{Event, Parser, Span, StrInput, options};

pub use granit_parser::{ScalarStyle, ScanError, Tag};

/// Levels of lists and mappings; no real file has as many.
pub const MOST_LEVELS: usize = 64;
/// Values of a text, with those that aliases repeat: a few lines of aliases can stand for billions.
pub const MOST_VALUES: usize = 100_000;

/// The key that puts another mapping's keys among those of its own.
pub const MERGE: &str = "<<";

/// Where something stands: both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A value of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// A list.
    List,
    /// A mapping.
    Mapping,
}

/// Why a text is refused, whatever it means.
#[derive(Debug)]
pub enum Refusal {
    /// It is not YAML.
    Syntax(ScanError),
    /// A list or mapping that begins here has no end.
    NoEnd,
    /// No value stands where one must.
    NoValue,
    /// An alias names the list or mapping that it stands in.
    AliasOfItsOwn,
    /// More than [`MOST_LEVELS`].
    TooDeep,
    /// More than [`MOST_VALUES`].
    TooMany,
}

/// The key of an entry.
#[derive(Debug)]
pub struct Key<V> {
    /// What was built of it.
    pub value: V,
    /// Where it stands.
    pub place: Place,
    /// Whether it is [`MERGE`] without quotes and without a tag.
    pub is_merge: bool,
}

/// Builds the values that a reader wants.
pub trait Build {
    /// A value.
    type Value: Clone;
    /// A mapping whose end was not seen yet.
    type Mapping: Default;
    /// Why a text is refused.
    type Fault;

    /// A document begins, the first as number 0.
    fn document(&mut self, number: usize, place: Place) -> Result<(), Self::Fault> {
        let _ = (number, place);
        Ok(())
    }

    /// A scalar as it is written.
    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        place: Place,
    ) -> Result<Self::Value, Self::Fault>;

    /// A list or mapping begins.
    fn begin(&mut self, collection: Collection, tag: Option<&Tag>, place: Place) -> Result<(), Self::Fault>;

    /// A list with all its items.
    fn list(&mut self, items: Vec<Self::Value>, place: Place) -> Self::Value;

    /// The next entry of a mapping.
    fn entry(
        &mut self,
        mapping: &mut Self::Mapping,
        key: Key<Self::Value>,
        value: Self::Value,
    ) -> Result<(), Self::Fault>;

    /// A mapping with all its entries.
    fn mapping(&mut self, mapping: Self::Mapping, place: Place) -> Self::Value;

    /// The value that an alias at this place names.
    fn alias(&mut self, named: &Self::Value, place: Place) -> Self::Value;

    /// The text is refused.
    fn refuse(&mut self, refusal: Refusal, place: Place) -> Self::Fault;
}

/// The documents of a text.
pub fn documents<B: Build>(text: &str, build: B) -> Result<Vec<B::Value>, B::Fault> {
    // As other readers do, a text without a line feed at its end gets none.
    let rules = options! { block_scalar_eof_without_line_feed: true, emit_comments: false };
    let parser = Parser::new_from_str_with_options(text, rules);
    let mut walk = Walk { parser, build, anchors: HashMap::new(), values: 0 };
    let mut documents = Vec::new();
    while let Some((event, span)) = walk.next()? {
        if matches!(event, Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd) {
            continue;
        }
        walk.build.document(documents.len(), place(&span))?;
        documents.push(walk.value(event, &span, 0)?);
    }
    Ok(documents)
}

struct Walk<'a, B: Build> {
    parser: Parser<'a, StrInput<'a>>,
    build: B,
    /// Values that aliases may name, each with how many values it is.
    anchors: HashMap<usize, (B::Value, usize)>,
    /// Values so far.
    values: usize,
}

impl<'a, B: Build> Walk<'a, B> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, B::Fault> {
        self.parser.next().transpose().map_err(|error| {
            let mark = error.marker();
            let place = Place { line: mark.line(), column: mark.col() + 1 };
            self.build.refuse(Refusal::Syntax(error), place)
        })
    }

    /// The next event of a list or mapping, which the parser ends before its input ends.
    fn inner(&mut self, start: &Span) -> Result<(Event<'a>, Span), B::Fault> {
        match self.next()? {
            Some(next) => Ok(next),
            None => Err(self.refused(Refusal::NoEnd, start)),
        }
    }

    fn refused(&mut self, refusal: Refusal, span: &Span) -> B::Fault {
        self.build.refuse(refusal, place(span))
    }

    /// The value that begins with an event, `level` lists and mappings deep.
    fn value(&mut self, event: Event<'a>, span: &Span, level: usize) -> Result<B::Value, B::Fault> {
        if level >= MOST_LEVELS {
            return Err(self.refused(Refusal::TooDeep, span));
        }
        let before = self.values;
        self.count(1, span)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (self.build.scalar(&text, style, tag.as_deref(), place(span))?, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.build.begin(Collection::List, tag.as_deref(), place(span))?;
                (self.list(span, level)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.build.begin(Collection::Mapping, tag.as_deref(), place(span))?;
                (self.mapping(span, level)?, anchor)
            }
            Event::Alias(anchor) => {
                let Some((named, size)) = self.anchors.get(&anchor) else {
                    return Err(self.refused(Refusal::AliasOfItsOwn, span));
                };
                let (value, more) = (self.build.alias(named, place(span)), size - 1);
                self.count(more, span)?;
                (value, 0)
            }
            _ => return Err(self.refused(Refusal::NoValue, span)),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), self.values - before));
        }
        Ok(value)
    }

    fn count(&mut self, more: usize, span: &Span) -> Result<(), B::Fault> {
        self.values += more;
        if self.values > MOST_VALUES { Err(self.refused(Refusal::TooMany, span)) } else { Ok(()) }
    }

    fn list(&mut self, start: &Span, level: usize) -> Result<B::Value, B::Fault> {
        let mut items = Vec::new();
        loop {
            match self.inner(start)? {
                (Event::SequenceEnd, _) => return Ok(self.build.list(items, place(start))),
                (event, span) => items.push(self.value(event, &span, level + 1)?),
            }
        }
    }

    fn mapping(&mut self, start: &Span, level: usize) -> Result<B::Value, B::Fault> {
        let mut mapping = B::Mapping::default();
        loop {
            let (event, span) = self.inner(start)?;
            if event == Event::MappingEnd {
                return Ok(self.build.mapping(mapping, place(start)));
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == MERGE);
            let key = Key { value: self.value(event, &span, level + 1)?, place: place(&span), is_merge };
            let (event, span) = self.inner(start)?;
            let value = self.value(event, &span, level + 1)?;
            self.build.entry(&mut mapping, key, value)?;
        }
    }
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

#[cfg(test)]
mod tests;
