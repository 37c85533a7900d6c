//! A YAML text as a tree that knows its lines.
//!
//! Nothing that Docker's parser would find may be hidden from ours, so what they could read differently is refused: tags that decode a value, and
//! more nodes than any real file has.

use std::collections::HashMap;

use granit_parser::{Event, Parser, Tag};
use serde_json::Value;

/// Most nodes of one file, counting what an alias repeats.
const MAX_NODES: usize = 100_000;
/// Most levels.
const MAX_DEPTH: usize = 64;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// From 1; 0 where the value was in no file.
    pub(super) line: usize,
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// A scalar, as it is written. Null is an empty one.
    Text(String),
    List(Vec<Node>),
    /// Keys that occur twice are there twice, so that both are looked at.
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) line: usize,
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::List(_) | Content::Map(_) => None,
        }
    }

    /// The items of a list; a value of another kind counts as a list of it alone, and nothing as an empty one.
    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            Content::Text(text) if is_null(text) => &[],
            Content::Text(_) | Content::Map(_) => std::slice::from_ref(self),
        }
    }

    pub(super) fn fields(&self) -> &[(Key, Self)] {
        match &self.content {
            Content::Map(fields) => fields,
            Content::Text(_) | Content::List(_) => &[],
        }
    }

    /// The last value of a key.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.fields().iter().rev().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// Whether it says nothing.
    pub(super) fn is_nothing(&self) -> bool {
        match &self.content {
            Content::Text(text) => is_null(text),
            Content::List(items) => items.is_empty(),
            Content::Map(fields) => fields.is_empty(),
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The documents of a text; the error is the parser's, or what is refused.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    let mut documents = Vec::new();
    while let Some((event, line)) = reader.next()? {
        if matches!(event, Event::DocumentStart(..) | Event::DocumentEnd | Event::StreamStart | Event::StreamEnd) {
            continue;
        }
        documents.push(reader.node(event, line, 0)?);
    }
    Ok(documents)
}

/// A JSON value as such a tree, without lines.
pub(super) fn of_json(value: &Value) -> Node {
    let content = match value {
        Value::Null => Content::Text(String::new()),
        Value::Bool(flag) => Content::Text(flag.to_string()),
        Value::Number(number) => Content::Text(number.to_string()),
        Value::String(text) => Content::Text(text.clone()),
        Value::Array(items) => Content::List(items.iter().map(of_json).collect()),
        Value::Object(fields) => Content::Map(
            fields.iter().map(|(name, value)| (Key { name: name.clone(), line: 0 }, of_json(value))).collect(),
        ),
    };
    Node { line: 0, content }
}

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, usize)>, String> {
        loop {
            match self.parser.next_event() {
                None => return Ok(None),
                Some(Err(error)) => return Err(error.to_string().replace('\n', " ")),
                Some(Ok((Event::Comment(..) | Event::Anchor(..), _))) => {}
                Some(Ok((event, span))) => return Ok(Some((event, span.start.line()))),
            }
        }
    }

    fn following(&mut self) -> Result<(Event<'a>, usize), String> {
        self.next()?.ok_or_else(|| "it ends too early".to_owned())
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Node, String> {
        if depth > MAX_DEPTH {
            return Err(format!("line {line}: more than {MAX_DEPTH} levels"));
        }
        self.count(1, line)?;
        if let Some(tag) = event.tag() {
            check_tag(tag, line)?;
        }
        let anchor = event.anchor_id().filter(|id| *id > 0);
        let content = match event {
            Event::Alias(id) => {
                let Some(named) = self.anchors.get(&id).cloned() else {
                    return Err(format!("line {line}: an alias of something around it"));
                };
                self.count(size(&named), line)?;
                return Ok(named);
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.following()? {
                        (Event::SequenceEnd, _) => break Content::List(items),
                        (event, line) => items.push(self.node(event, line, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => self.mapping(depth)?,
            other => match other.scalar() {
                Some((text, _)) => Content::Text(text.to_owned()),
                None => return Err(format!("line {line}: it cannot be understood")),
            },
        };
        let node = Node { line, content };
        if let Some(id) = anchor {
            self.anchors.insert(id, node.clone());
        }
        Ok(node)
    }

    /// The fields of a mapping, with those that `<<` merges into it.
    fn mapping(&mut self, depth: usize) -> Result<Content, String> {
        let mut fields = Vec::new();
        loop {
            let (event, line) = self.following()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Content::Map(fields));
            }
            let key = self.node(event, line, depth + 1)?;
            let (event, line) = self.following()?;
            let value = self.node(event, line, depth + 1)?;
            let Content::Text(name) = key.content else {
                return Err(format!("line {}: a key that is no text", key.line));
            };
            if name == "<<" {
                for merged in value.items() {
                    fields.extend(merged.fields().iter().cloned());
                }
            }
            fields.push((Key { name, line: key.line }, value));
        }
    }

    fn count(&mut self, more: usize, line: usize) -> Result<(), String> {
        self.nodes += more;
        if self.nodes > MAX_NODES { Err(format!("line {line}: more than {MAX_NODES} values")) } else { Ok(()) }
    }
}

/// Tags that leave a value what it looks like. `!reset` and `!override` are Compose's: what they take back is looked at all the same.
fn check_tag(tag: &Tag, line: usize) -> Result<(), String> {
    const HARMLESS: &[&str] = &["str", "int", "float", "bool", "null", "map", "seq", "merge"];
    let known = match tag.core_suffix() {
        Some(suffix) => HARMLESS.contains(&suffix),
        None => matches!(tag.original().as_str(), "!" | "!reset" | "!override"),
    };
    if known { Ok(()) } else { Err(format!("line {line}: the tag {} is not understood", tag.original())) }
}

fn size(node: &Node) -> usize {
    1 + match &node.content {
        Content::Text(_) => 0,
        Content::List(items) => items.iter().map(size).sum(),
        Content::Map(fields) => fields.iter().map(|(_, value)| 1 + size(value)).sum(),
    }
}
