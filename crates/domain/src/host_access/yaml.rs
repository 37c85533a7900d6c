//! A YAML text as a tree that knows its lines.
//!
//! Nothing that Docker's parser would find may be hidden from ours, so what they could read differently is refused: tags that decode a value, and
//! more nodes than any real file has.

use serde_json::Value;

use crate::yaml::{self, Build, Collection, MERGE, MOST_LEVELS, MOST_VALUES, Place, Refusal, ScalarStyle, Tag};

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
    yaml::documents(text, Tree)
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

/// Builds such trees.
struct Tree;

impl Build for Tree {
    type Value = Node;
    type Mapping = Vec<(Key, Node)>;
    type Fault = String;

    fn scalar(&mut self, text: &str, _: ScalarStyle, tag: Option<&Tag>, place: Place) -> Result<Node, String> {
        check_tag(tag, place)?;
        Ok(Node { line: place.line, content: Content::Text(text.to_owned()) })
    }

    fn begin(&mut self, _: Collection, tag: Option<&Tag>, place: Place) -> Result<(), String> {
        check_tag(tag, place)
    }

    fn list(&mut self, items: Vec<Node>, place: Place) -> Node {
        Node { line: place.line, content: Content::List(items) }
    }

    /// The fields that `<<` merges come first, then `<<` itself.
    fn entry(&mut self, fields: &mut Vec<(Key, Node)>, key: yaml::Key<Node>, value: Node) -> Result<(), String> {
        let line = key.value.line;
        let Content::Text(name) = key.value.content else {
            return Err(format!("line {line}: a key that is no text"));
        };
        if name == MERGE {
            for merged in value.items() {
                fields.extend(merged.fields().iter().cloned());
            }
        }
        fields.push((Key { name, line }, value));
        Ok(())
    }

    fn mapping(&mut self, fields: Vec<(Key, Node)>, place: Place) -> Node {
        Node { line: place.line, content: Content::Map(fields) }
    }

    /// A value keeps the line on which it is written.
    fn alias(&mut self, named: &Node, _: Place) -> Node {
        named.clone()
    }

    fn refuse(&mut self, refusal: Refusal, Place { line, .. }: Place) -> String {
        match refusal {
            Refusal::Syntax(error) => error.to_string().replace('\n', " "),
            Refusal::NoEnd => "it ends too early".to_owned(),
            Refusal::NoValue => format!("line {line}: it cannot be understood"),
            Refusal::AliasOfItsOwn => format!("line {line}: an alias of something around it"),
            Refusal::TooDeep => format!("line {line}: more than {MOST_LEVELS} levels"),
            Refusal::TooMany => format!("line {line}: more than {MOST_VALUES} values"),
        }
    }
}

/// Tags that leave a value what it looks like. `!reset` and `!override` are Compose's: what they take back is looked at all the same.
fn check_tag(tag: Option<&Tag>, Place { line, .. }: Place) -> Result<(), String> {
    const HARMLESS: &[&str] = &["str", "int", "float", "bool", "null", "map", "seq", "merge"];
    let Some(tag) = tag else { return Ok(()) };
    let known = match tag.core_suffix() {
        Some(suffix) => HARMLESS.contains(&suffix),
        None => matches!(tag.original().as_str(), "!" | "!reset" | "!override"),
    };
    if known { Ok(()) } else { Err(format!("line {line}: the tag {} is not understood", tag.original())) }
}
