//! YAML, with the place of every value and the meaning that Harbor's own reading gives it.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag, options};

use super::fault::Fault;
use super::node::{Content, Entry, Node, Place};
use super::scalar;
use crate::plain_text;

/// Levels of lists and mappings; no real file has as many.
const MOST_LEVELS: usize = 64;
/// Values of a file, with those that aliases repeat: a few lines of aliases can stand for billions.
const MOST_NODES: usize = 100_000;
/// The key that puts another mapping's keys among those of its own.
const MERGE: &str = "<<";

/// What the names of YAML's own types begin with.
const CORE: &str = "tag:yaml.org,2002:";

/// Reads a file of one document; an empty one is null.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let rules = options! { block_scalar_eof_without_line_feed: true, emit_comments: false };
    let mut composer =
        Composer { parser: Parser::new_from_str_with_options(text, rules), anchors: HashMap::new(), nodes: 0 };
    let mut whole = None;
    while let Some((event, span)) = composer.next()? {
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => {}
            _ if whole.is_some() => {
                return Err(fault(&span, "a second document begins here: a file has one".to_owned()));
            }
            event => whole = Some(composer.node(event, &span, MOST_LEVELS)?),
        }
    }
    Ok(whole.unwrap_or(Node { place: Place { line: 1, column: 1 }, content: Content::Null }))
}

struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Values that aliases may name, each with how many values it is.
    anchors: HashMap<usize, (Node, usize)>,
    /// Values so far.
    nodes: usize,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Fault> {
        self.parser.next().transpose().map_err(|error| syntax(&error))
    }

    /// The next event of a list or mapping, which the parser ends before its input ends.
    fn inner(&mut self, start: &Span) -> Result<(Event<'a>, Span), Fault> {
        self.next()?.ok_or_else(|| fault(start, "what begins here has no end".to_owned()))
    }

    /// The value that begins with an event.
    fn node(&mut self, event: Event<'a>, span: &Span, levels: usize) -> Result<Node, Fault> {
        if levels == 0 {
            return Err(fault(span, format!("lists and mappings lie more than {MOST_LEVELS} deep")));
        }
        let before = self.nodes;
        self.count(1, span)?;
        let (content, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => (scalar(&text, style, tag.as_deref(), span)?, anchor),
            Event::SequenceStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), "seq", span)?;
                (Content::List(self.list(span, levels)?), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), "map", span)?;
                (Content::Mapping(self.mapping(span, levels)?), anchor)
            }
            Event::Alias(anchor) => {
                let Some((named, size)) = self.anchors.get(&anchor) else {
                    return Err(fault(span, "an alias names the list or mapping that it stands in".to_owned()));
                };
                let (content, more) = (named.content.clone(), size - 1);
                self.count(more, span)?;
                (content, 0)
            }
            _ => return Err(fault(span, "a value is missing here".to_owned())),
        };
        let node = Node { place: place(span), content };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn count(&mut self, more: usize, span: &Span) -> Result<(), Fault> {
        self.nodes += more;
        if self.nodes > MOST_NODES {
            return Err(fault(span, format!("the file has more than {MOST_NODES} values")));
        }
        Ok(())
    }

    fn list(&mut self, start: &Span, levels: usize) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        loop {
            match self.inner(start)? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, &span, levels - 1)?),
            }
        }
    }

    fn mapping(&mut self, start: &Span, levels: usize) -> Result<Vec<Entry>, Fault> {
        let (mut own, mut merged) = (Vec::new(), Vec::new());
        loop {
            let (event, span) = self.inner(start)?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == MERGE);
            let key = self.node(event, &span, levels - 1)?;
            let (event, value_span) = self.inner(start)?;
            let value = self.node(event, &value_span, levels - 1)?;
            if is_merge {
                merged.extend(entries_to_merge(value)?);
            } else {
                own.push(Entry { key: text_of(key)?, place: place(&span), value });
            }
        }
        for entry in merged {
            // Keys of the mapping itself win, then those that were merged first.
            if !own.iter().any(|other: &Entry| other.key == entry.key) {
                own.push(entry);
            }
        }
        Ok(own)
    }
}

fn entries_to_merge(value: Node) -> Result<Vec<Entry>, Fault> {
    let refused = |place| Fault { place, text: format!("`{MERGE}` takes a mapping, or a list of mappings") };
    match value.content {
        Content::Mapping(entries) => Ok(entries),
        Content::List(items) => {
            let lists = items.into_iter().map(|item| match item.content {
                Content::Mapping(entries) => Ok(entries),
                _ => Err(refused(item.place)),
            });
            Ok(lists.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        _ => Err(refused(value.place)),
    }
}

fn text_of(key: Node) -> Result<String, Fault> {
    match key.content {
        Content::Text(text) => Ok(text),
        _ => Err(Fault { place: key.place, text: "a key must be a text: put it in quotes".to_owned() }),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, span: &Span) -> Result<Content, Fault> {
    let plain = || match style {
        ScalarStyle::Plain => scalar::plain(text),
        _ => Content::Text(text.to_owned()),
    };
    // Harbor's reading takes `!` alone for nothing.
    let Some(tag) = tag.filter(|tag| !is_empty(tag)) else { return Ok(plain()) };
    let meant = scalar::plain(text);
    let fits = match core_type(tag) {
        Some("str") => return Ok(Content::Text(text.to_owned())),
        Some("int") => matches!(&meant, Content::Number(number) if !number.is_f64()),
        Some("float") => matches!(&meant, Content::Number(number) if number.is_f64()),
        Some("bool") => matches!(meant, Content::Bool(_)),
        Some("null") => meant == Content::Null,
        _ => return Err(no_such_tag(tag, span)),
    };
    if fits { Ok(meant) } else { Err(fault(span, format!("this is no {}", shown(tag)))) }
}

fn check_tag(tag: Option<&Tag>, expected: &str, span: &Span) -> Result<(), Fault> {
    match tag {
        Some(tag) if !is_empty(tag) && core_type(tag) != Some(expected) => Err(no_such_tag(tag, span)),
        _ => Ok(()),
    }
}

/// Whether a tag is `!` alone.
fn is_empty(tag: &Tag) -> bool {
    matches!((tag.handle(), tag.suffix()), ("", "!") | ("!", ""))
}

/// The type of YAML's own that a tag names.
fn core_type(tag: &Tag) -> Option<&str> {
    (tag.handle() == CORE).then(|| tag.suffix())
}

fn no_such_tag(tag: &Tag, span: &Span) -> Fault {
    fault(span, format!("the tag {} has no meaning here: remove it", shown(tag)))
}

fn shown(tag: &Tag) -> String {
    let handle = if tag.handle() == CORE { "!!" } else { tag.handle() };
    plain_text::short_line(&format!("{handle}{}", tag.suffix()), 80)
}

fn syntax(error: &ScanError) -> Fault {
    let mark = error.marker();
    let place = Place { line: mark.line(), column: mark.col() + 1 };
    Fault { place, text: plain_text::line(&format!("not valid YAML: {}", error.info())) }
}

fn fault(span: &Span, text: String) -> Fault {
    Fault { place: place(span), text }
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}
