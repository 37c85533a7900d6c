//! Resolves the paths of a Compose file.

use super::fault::HostAccess;
use crate::task_toml::plain_path;

/// Harbor's folders for what a trial leaves, which a task's services may share under these names.
const HARBORS: &[&str] = &["HOST_VERIFIER_LOGS_PATH", "HOST_AGENT_LOGS_PATH", "HOST_ARTIFACTS_PATH"];

/// What is looked at: a file of the task as it was written, or what Compose made of all of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The folder of the sandbox, relative to the task, such as `environment`.
    pub(super) environment: &'a str,
    /// Set where Compose has resolved everything.
    pub(super) merged: Option<Merged<'a>>,
}

/// What is known where Compose has resolved everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merged<'a> {
    /// The task's folder on this machine.
    pub(super) task: &'a str,
    /// The folders that Harbor shares.
    pub(super) harbors: &'a [String],
    /// Compose's name of the sandbox.
    pub(super) project: &'a str,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Located {
    /// To this place in the task.
    Task(String),
    /// To a folder that Harbor shares.
    Harbors,
    Outside,
    /// A variable tells, which only the runner knows.
    Unknown,
}

impl Scope<'_> {
    /// Where a path leads that is relative to `folder` of the task.
    pub(super) fn locate(&self, folder: &str, path: &str) -> Located {
        if let Some(merged) = self.merged {
            if merged.harbors.iter().any(|harbors| harbors == path) {
                return Located::Harbors;
            }
            let path = if path.starts_with('/') { path.to_owned() } else { format!("{}/{folder}/{path}", merged.task) };
            let (Some(path), Some(task)) = (plain_path(&path), plain_path(merged.task)) else {
                return Located::Outside;
            };
            return match path.strip_prefix(&task) {
                Some("") => Located::Task(String::new()),
                Some(inside) if inside.starts_with('/') => Located::Task(inside[1..].to_owned()),
                _ => Located::Outside,
            };
        }
        if HARBORS.iter().any(|name| path == format!("${{{name}}}") || path == format!("${name}")) {
            return Located::Harbors;
        }
        // Harbor shares it or does not; where it does not, the default counts.
        if let Some((name, default)) = path.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')?.split_once(":-"))
            && HARBORS.contains(&name)
            && !default.contains(['$', '{', '}'])
        {
            return self.locate(folder, default);
        }
        if has_variable(path) {
            return Located::Unknown;
        }
        if path.starts_with(['/', '~', '\\']) || is_on_a_drive(path) {
            return Located::Outside;
        }
        plain_path(&format!("{folder}/{path}")).map_or(Located::Outside, Located::Task)
    }

    /// Whether a place in the task is in the folder of the sandbox, or that folder itself.
    pub(super) fn is_in_environment(&self, place: &str) -> bool {
        place == self.environment || is_below(place, self.environment)
    }
}

/// Whether a place lies below another one.
pub(super) fn is_below(place: &str, above: &str) -> bool {
    place.strip_prefix(above).is_some_and(|rest| rest.starts_with('/') || (above.is_empty() && !rest.is_empty()))
}

fn is_on_a_drive(path: &str) -> bool {
    let mut characters = path.chars();
    characters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && characters.next() == Some(':')
        && matches!(characters.next(), Some('\\' | '/'))
}

/// Whether Compose would put the value of a variable into a text. A doubled dollar sign stands for itself.
pub(super) fn has_variable(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        match rest.strip_prefix('$') {
            Some(after) => rest = after,
            None => return true,
        }
    }
    false
}

/// Names that Harbor or the runner give values to of which nobody can tell before Harbor begins what they will be.
const UNSURE: &[&str] =
    &["CPUS", "HOME", "MAIN_IMAGE_NAME", "MEMORY", "PATH", "PREBUILT_IMAGE_NAME", "PWD", "TEMP", "TMP", "TMPDIR"];
/// Beginnings of such names.
const UNSURE_PREFIXES: &[&str] =
    &["BUILDKIT_", "BUILDX_", "DOCKER_", "EGRESS_", "ENV_", "HARBOR_", "HOST_", "LITELLM_", "PYTHON", "XDG_"];

/// Whether a variable in a text is one whose value cannot be told before Harbor begins.
pub(super) fn is_unsure(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let name = rest.strip_prefix('{').unwrap_or(rest);
        let end = name.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let name = &name[..end.unwrap_or(name.len())];
        if UNSURE.contains(&name) || UNSURE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            return true;
        }
    }
    false
}

/// What was found in one file.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) path: &'a str,
    pub(super) faults: Vec<HostAccess>,
}

impl Found<'_> {
    pub(super) fn add(&mut self, line: usize, key: impl Into<String>, problem: impl Into<String>) {
        let line = (line > 0).then_some(line);
        self.faults.push(HostAccess { path: self.path.to_owned(), line, key: key.into(), problem: problem.into() });
    }
}
