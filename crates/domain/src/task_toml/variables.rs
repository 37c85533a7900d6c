//! Variables that a task takes from where its trials run, as `${NAME}`. The uploader can't know whether they are set there.

use std::collections::BTreeSet;

use super::value::{Node, Table};
use super::warning::TaskWarning;
use crate::agent_env::reference;

/// A warning about those that have no default, if there are some.
pub(super) fn warning(task: &Table) -> Option<TaskWarning> {
    let mut found = Found::default();
    found.environment("environment", task.get("environment"));
    found.env("solution.env", section(task, "solution"));
    found.verifier("verifier", section(task, "verifier"));
    for step in task.get("steps").and_then(Node::list).into_iter().flatten().filter_map(Node::table) {
        found.verifier("steps.verifier", section(step, "verifier"));
    }
    let Found { names, sections } = found;
    let list = |set: BTreeSet<String>| set.into_iter().collect();
    (!names.is_empty()).then(|| TaskWarning::Variables { names: list(names), sections: list(sections) })
}

#[derive(Default)]
struct Found {
    names: BTreeSet<String>,
    sections: BTreeSet<String>,
}

impl Found {
    fn verifier(&mut self, place: &str, verifier: Option<&Table>) {
        self.env(&format!("{place}.env"), verifier);
        self.environment(&format!("{place}.environment"), verifier.and_then(|verifier| verifier.get("environment")));
    }

    fn environment(&mut self, place: &str, environment: Option<&Node>) {
        self.env(&format!("{place}.env"), environment.and_then(Node::table));
    }

    fn env(&mut self, place: &str, section: Option<&Table>) {
        let env = section.and_then(|section| section.get("env")).and_then(Node::table);
        for value in env.into_iter().flat_map(Table::values).filter_map(Node::text) {
            if let Some((name, None)) = reference(value) {
                self.names.insert(name.to_owned());
                self.sections.insert(place.to_owned());
            }
        }
    }
}

fn section<'a>(table: &'a Table, key: &str) -> Option<&'a Table> {
    table.get(key).and_then(Node::table)
}
