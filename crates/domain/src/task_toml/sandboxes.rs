//! The sandboxes that a task's trials have: the agent's, and those of verifiers that run in one of their own.

use super::compose;
use super::document::{Document, MAX_BYTES};
use super::files::{TASK_TOML, TaskFiles};
use super::steps::steps;
use super::value::{Node, Table};

/// A sandbox of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// The folder that it is made from, relative to the task: `environment`, or that of a verifier's tests.
    pub folder: String,
    /// Where `task.toml` has its variables, such as `environment.env`.
    pub section: String,
    /// Variables that it gets, and with it the `docker compose` that makes it.
    pub variables: Vec<Variable>,
}

/// A variable of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value as it is written, which may be a reference `${NAME}`.
    pub value: String,
    /// The line in `task.toml`, from 1.
    pub line: usize,
}

/// The sandboxes of a task; none where its `task.toml` can't be read, of which the check of the task tells.
pub fn sandboxes(files: &dyn TaskFiles) -> Vec<Sandbox> {
    let bytes = files.read(TASK_TOML, MAX_BYTES + 1).unwrap_or_default();
    let Ok(document) = Document::parse(&bytes) else { return Vec::new() };
    let task = &document.table;
    let own = sandbox(&document, "environment", "environment", table(task, "environment"));
    let mut sandboxes = vec![own.clone()];
    let verifier = table(task, "verifier");
    let steps = steps(&document, &mut Vec::new());
    if steps.is_empty() {
        sandboxes.extend(of_verifier(files, &document, &own, &[(verifier, "tests".to_owned(), "verifier".to_owned())]));
    }
    for step in &steps {
        let folder = format!("steps/{}/tests", step.name);
        let places = [
            (table(step.table, "verifier"), folder, format!("{}.verifier", step.key)),
            (verifier, "tests".to_owned(), "verifier".to_owned()),
        ];
        sandboxes.extend(of_verifier(files, &document, &own, &places));
    }
    sandboxes
}

type Place<'a> = (Option<&'a Table>, String, String);

/// The sandbox of a verifier, if it has one of its own. `places` are the sections that may describe it with their folders of tests, the nearest
/// first.
fn of_verifier(files: &dyn TaskFiles, document: &Document, agents: &Sandbox, places: &[Place<'_>]) -> Option<Sandbox> {
    let mode = places.iter().find_map(|(verifier, ..)| verifier.and_then(is_separate));
    if mode != Some(true) {
        return None;
    }
    let described =
        places.iter().find(|place| place.0.is_some_and(|verifier| table(verifier, "environment").is_some()));
    let has = |folder: &str| {
        ["Dockerfile", compose::NAME].iter().any(|name| files.listing().has(&format!("{folder}/{name}")))
    };
    let names_an_image = |verifier: Option<&Table>| {
        let environment = verifier.and_then(|verifier| table(verifier, "environment"));
        environment
            .and_then(|environment| environment.get("docker_image"))
            .and_then(Node::text)
            .is_some_and(|image| !image.is_empty())
    };
    let folder = places.iter().find(|(verifier, folder, _)| names_an_image(*verifier) || has(folder));
    let folder = folder.map_or("environment", |(_, folder, _)| folder);
    Some(match described {
        Some((verifier, _, key)) => {
            let environment = verifier.and_then(|verifier| table(verifier, "environment"));
            sandbox(document, folder, &format!("{key}.environment"), environment)
        }
        None => Sandbox { folder: folder.to_owned(), ..agents.clone() },
    })
}

/// Whether tests run in a sandbox of their own; none where the verifier doesn't say.
pub(super) fn is_separate(verifier: &Table) -> Option<bool> {
    match verifier.get("environment_mode").and_then(Node::text) {
        Some(mode) => Some(mode == "separate"),
        None => verifier.contains_key("environment").then_some(true),
    }
}

fn sandbox(document: &Document, folder: &str, key: &str, environment: Option<&Table>) -> Sandbox {
    let env = environment.and_then(|environment| table(environment, "env"));
    let variables = env.into_iter().flatten().filter_map(|(name, node)| {
        let value = node.text()?.to_owned();
        Some(Variable { name: name.clone(), value, line: document.line(node.at) })
    });
    Sandbox { folder: folder.to_owned(), section: format!("{key}.env"), variables: variables.collect() }
}

fn table<'a>(table: &'a Table, key: &str) -> Option<&'a Table> {
    table.get(key).and_then(Node::table)
}
