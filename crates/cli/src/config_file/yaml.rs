//! YAML, with the place of every value and the meaning that Harbor's own reading gives it.

use oddish_domain::yaml::{
    Build, Collection, Key, MERGE, MOST_LEVELS, MOST_VALUES, Place, Refusal, ScalarStyle, Tag, documents,
};

use super::fault::Fault;
use super::node::{Content, Entry, Node};
use super::scalar;
use crate::plain_text;

/// What the names of YAML's own types begin with.
const CORE: &str = "tag:yaml.org,2002:";

/// Reads a file of one document; an empty one is null.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let whole = documents(text, Nodes)?.pop();
    Ok(whole.unwrap_or(Node { place: Place { line: 1, column: 1 }, content: Content::Null }))
}

/// Builds the values of a client's file.
struct Nodes;

/// A mapping of which not all entries were seen.
#[derive(Default)]
struct Open {
    own: Vec<Entry>,
    merged: Vec<Entry>,
}

impl Build for Nodes {
    type Value = Node;
    type Mapping = Open;
    type Fault = Fault;

    fn document(&mut self, number: usize, place: Place) -> Result<(), Fault> {
        if number == 0 { Ok(()) } else { Err(fault(place, "a second document begins here: a file has one".to_owned())) }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Result<Node, Fault> {
        Ok(Node { place, content: scalar(text, style, tag, place)? })
    }

    fn begin(&mut self, collection: Collection, tag: Option<&Tag>, place: Place) -> Result<(), Fault> {
        let expected = match collection {
            Collection::List => "seq",
            Collection::Mapping => "map",
        };
        check_tag(tag, expected, place)
    }

    fn list(&mut self, items: Vec<Node>, place: Place) -> Node {
        Node { place, content: Content::List(items) }
    }

    fn entry(&mut self, mapping: &mut Open, key: Key<Node>, value: Node) -> Result<(), Fault> {
        if key.is_merge {
            mapping.merged.extend(entries_to_merge(value)?);
        } else {
            mapping.own.push(Entry { key: text_of(key.value)?, place: key.place, value });
        }
        Ok(())
    }

    fn mapping(&mut self, Open { mut own, merged }: Open, place: Place) -> Node {
        for entry in merged {
            // Keys of the mapping itself win, then those that were merged first.
            if !own.iter().any(|other| other.key == entry.key) {
                own.push(entry);
            }
        }
        Node { place, content: Content::Mapping(own) }
    }

    fn alias(&mut self, named: &Node, place: Place) -> Node {
        Node { place, content: named.content.clone() }
    }

    fn refuse(&mut self, refusal: Refusal, place: Place) -> Fault {
        let text = match refusal {
            Refusal::Syntax(error) => plain_text::line(&format!("not valid YAML: {}", error.info())),
            Refusal::NoEnd => "what begins here has no end".to_owned(),
            Refusal::NoValue => "a value is missing here".to_owned(),
            Refusal::AliasOfItsOwn => "an alias names the list or mapping that it stands in".to_owned(),
            Refusal::TooDeep => format!("lists and mappings lie more than {MOST_LEVELS} deep"),
            Refusal::TooMany => format!("the file has more than {MOST_VALUES} values"),
        };
        fault(place, text)
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

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Result<Content, Fault> {
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
        _ => return Err(no_such_tag(tag, place)),
    };
    if fits { Ok(meant) } else { Err(fault(place, format!("this is no {}", shown(tag)))) }
}

fn check_tag(tag: Option<&Tag>, expected: &str, place: Place) -> Result<(), Fault> {
    match tag {
        Some(tag) if !is_empty(tag) && core_type(tag) != Some(expected) => Err(no_such_tag(tag, place)),
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

fn no_such_tag(tag: &Tag, place: Place) -> Fault {
    fault(place, format!("the tag {} has no meaning here: remove it", shown(tag)))
}

fn shown(tag: &Tag) -> String {
    let handle = if tag.handle() == CORE { "!!" } else { tag.handle() };
    plain_text::short_line(&format!("{handle}{}", tag.suffix()), 80)
}

fn fault(place: Place, text: String) -> Fault {
    Fault { place, text }
}
