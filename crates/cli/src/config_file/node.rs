//! What a file holds.

use oddish_domain::yaml::Place;
use serde_json::Number;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) content: Content,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    /// A day, perhaps with a time, without quotes: a text where one is asked for, and nothing that JSON has.
    Date(String),
    /// What looks like a number and cannot be sent on as one. It is a fault where it is read, and none where nobody asks for it.
    Unclear {
        spelling: String,
        /// Why not, and what to write; reads on from the spelling.
        problem: &'static str,
    },
    List(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) place: Place,
    pub(crate) value: Node,
}

/// Two values are equal wherever they stand.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl Node {
    /// Whether there is nothing: no key and an empty one are the same.
    pub(crate) fn is_null(&self) -> bool {
        self.content == Content::Null
    }
}
