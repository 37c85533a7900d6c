//! The faults of the values in a `task.toml`, each with its place.

use super::document::Document;
use super::fault::TaskFault;
use super::value::Node;

/// The faults found so far, and where they are looked for.
pub(super) struct Checking<'a> {
    document: &'a Document,
    pub(super) faults: Vec<TaskFault>,
    /// Place of the section that is looked at, such as `steps[0].agent`; empty at the top.
    section: String,
    /// Byte of that section.
    at: usize,
}

impl<'a> Checking<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self { document, faults: Vec::new(), section: String::new(), at: 0 }
    }

    /// The place of a key of the section that is looked at.
    pub(super) fn place(&self, key: &str) -> String {
        if self.section.is_empty() { key.to_owned() } else { format!("{}.{key}", self.section) }
    }

    /// A rule that a key of the section breaks.
    pub(super) fn rule(&mut self, key: &str, node: &Node, problem: impl Into<String>) {
        let (line, key) = (self.document.line(node.at), self.place(key));
        self.faults.push(TaskFault::Rule { line, key, problem: problem.into() });
    }

    /// A value of another type than a key of the section has.
    pub(super) fn wrong(&mut self, key: &str, node: &Node, expected: impl Into<String>) {
        let (line, key) = (self.document.line(node.at), self.place(key));
        self.faults.push(TaskFault::Value { line, key, expected: expected.into(), found: node.shown() });
    }

    /// Looks at a section below this one.
    pub(super) fn within(&mut self, key: &str, at: usize, look: impl FnOnce(&mut Self)) {
        let place = self.place(key);
        let outside = (std::mem::replace(&mut self.section, place), std::mem::replace(&mut self.at, at));
        look(self);
        (self.section, self.at) = outside;
    }

    /// A key that the section lacks.
    pub(super) fn missing(&mut self, key: &str) {
        let line = self.document.line(self.at);
        self.faults.push(TaskFault::NoKey { line, key: self.place(key) });
    }
}
