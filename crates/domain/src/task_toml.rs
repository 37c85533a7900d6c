//! What a Harbor task must contain (contract 2.4, 3.7), so that a broken one is refused before it costs a trial.
//!
//! Checked is what would make every trial fail: files that Harbor needs, steps, and time-outs. Everything else in
//! `task.toml`, known to us or not, is Harbor's to judge. The keys of older task formats are accepted.

mod fault;

use crate::settings::Setting;
use std::{
    collections::{BTreeSet, HashSet},
    ops::Bound,
};

use toml::{Table, Value};

pub use self::fault::TaskFault;

/// The file that makes a folder a task.
pub const TASK_TOML: &str = "task.toml";

/// Seconds that an agent gets, unless configured otherwise, whose task sets no time-out.
pub const DEFAULT_AGENT_TIMEOUT_SEC: f64 = 3600.0;

/// The seconds that an agent gets whose task sets no time-out: 1 second to 1 year.
pub const AGENT_TIMEOUT_SEC: Setting<f64> = Setting::new("ODDISH_DEFAULT_AGENT_TIMEOUT_SEC", DEFAULT_AGENT_TIMEOUT_SEC)
    .within(1.0, 31_536_000.0)
    .unit("seconds")
    .doc(
        "Seconds that an agent may take where neither the task nor the submission says so; Harbor would set no limit.",
    );

const INSTRUCTION: &str = "instruction.md";
const MAX_STEP_NAME_BYTES: usize = 255;

/// Either makes an image.
const IMAGE_DEFINITIONS: [&str; 2] = ["Dockerfile", "docker-compose.yaml"];

/// The files of a task: paths relative to its folder, with `/` between their parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskListing(BTreeSet<String>);

impl<S: Into<String>> FromIterator<S> for TaskListing {
    fn from_iter<I: IntoIterator<Item = S>>(paths: I) -> Self {
        Self(paths.into_iter().map(Into::into).collect())
    }
}

impl TaskListing {
    fn has(&self, path: &str) -> bool {
        self.0.contains(path)
    }

    fn has_one_of(&self, folder: &str, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(&format!("{folder}/{name}")))
    }

    fn has_folder(&self, folder: &str) -> bool {
        let inside = format!("{folder}/");
        let from = (Bound::Included(inside.as_str()), Bound::Unbounded);
        self.0.range::<str, _>(from).next().is_some_and(|path| path.starts_with(&inside))
    }

    /// A task one folder further down, as when a folder was packed instead of its contents.
    fn wrapped_task(&self) -> Option<&str> {
        self.0.iter().find_map(|path| path.strip_suffix("/task.toml").filter(|folder| !folder.contains('/')))
    }
}

/// A task that can run.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskCheck {
    /// The name in `[task]`, as `org/name`.
    pub name: Option<String>,
    /// Seconds in `[agent].timeout_sec`.
    pub agent_timeout_sec: Option<f64>,
    /// Seconds to override the agent's time-out with where the submission doesn't say, because the task leaves it open
    /// and Harbor would then wait for ever. Harbor's override holds for all steps alike, so this is never less than
    /// what a step sets for itself.
    pub default_agent_timeout_sec: Option<f64>,
    /// What the author should know, one sentence each.
    pub warnings: Vec<String>,
    /// Step names in order; empty for a task of one step.
    pub steps: Vec<String>,
}

/// Checks a task by its files and the text of its `task.toml`; lists every fault.
///
/// `default_agent_timeout_sec` is what an agent gets whose task sets no time-out.
pub fn check_task(
    files: &TaskListing,
    task_toml: &str,
    default_agent_timeout_sec: f64,
) -> Result<TaskCheck, Vec<TaskFault>> {
    let mut checker = Checker { files, faults: Vec::new() };
    if !files.has(TASK_TOML) {
        return Err(vec![TaskFault::NoTaskToml { wrapped: files.wrapped_task().map(str::to_owned) }]);
    }
    let task = task_toml.parse::<Table>().map_err(|error| vec![TaskFault::syntax(task_toml, &error)])?;
    let check = checker.check(&task, default_agent_timeout_sec);
    if checker.faults.is_empty() { Ok(check) } else { Err(checker.faults) }
}

struct Checker<'a> {
    files: &'a TaskListing,
    faults: Vec<TaskFault>,
}

struct Step<'a> {
    name: String,
    key: String,
    table: &'a Table,
}

impl Checker<'_> {
    fn check(&mut self, task: &Table, default_agent_timeout_sec: f64) -> TaskCheck {
        let none = Table::new();
        let name = self.section(task, "", "task").and_then(|package| self.package_name(package));
        let environment = self.section(task, "", "environment").unwrap_or(&none);
        let verifier = self.section(task, "", "verifier").unwrap_or(&none);
        let agent = self.section(task, "", "agent").unwrap_or(&none);
        let steps = self.steps(task);

        let agent_timeout_sec = self.seconds(agent, "agent.timeout_sec");
        self.seconds(verifier, "verifier.timeout_sec");
        self.seconds(environment, "environment.build_timeout_sec");
        self.environment(environment);

        let script = test_script(environment);
        if steps.is_empty() {
            self.require(INSTRUCTION);
            if !self.files.has(&format!("tests/{script}")) && !self.brings_own_image(verifier, "tests") {
                self.faults.push(TaskFault::NoTests { expected: vec![format!("tests/{script}")] });
            }
        }
        let mut step_timeouts = Vec::new();
        for step in &steps {
            let folder = format!("steps/{}", step.name);
            self.require(&format!("{folder}/{INSTRUCTION}"));
            let step_agent = self.section(step.table, &step.key, "agent").unwrap_or(&none);
            let step_verifier = self.section(step.table, &step.key, "verifier").unwrap_or(&none);
            step_timeouts.push(self.seconds(step_agent, &format!("{}.agent.timeout_sec", step.key)));
            self.seconds(step_verifier, &format!("{}.verifier.timeout_sec", step.key));

            let expected = vec![format!("{folder}/tests/{script}"), format!("tests/{script}")];
            let found = expected.iter().any(|path| self.files.has(path))
                || self.brings_own_image(step_verifier, &format!("{folder}/tests"))
                || self.brings_own_image(verifier, "tests");
            if !found {
                self.faults.push(TaskFault::NoTests { expected });
            }
        }

        let open = if steps.is_empty() { agent_timeout_sec.is_none() } else { step_timeouts.contains(&None) };
        let default_agent_timeout_sec = (open && agent_timeout_sec.is_none())
            .then(|| step_timeouts.iter().flatten().fold(default_agent_timeout_sec, |most, own| most.max(*own)));
        let warnings =
            default_agent_timeout_sec.map(|seconds| no_agent_timeout(seconds, &step_timeouts)).into_iter().collect();
        let steps = steps.into_iter().map(|step| step.name).collect();
        TaskCheck { name, agent_timeout_sec, default_agent_timeout_sec, warnings, steps }
    }

    /// A section, if it is there; it then has to be a table.
    fn section<'t>(&mut self, parent: &'t Table, parent_key: &str, key: &str) -> Option<&'t Table> {
        match parent.get(key)? {
            Value::Table(table) => Some(table),
            other => {
                let key = if parent_key.is_empty() { key.to_owned() } else { format!("{parent_key}.{key}") };
                self.faults.push(TaskFault::NotATable { key, found: other.type_str() });
                None
            }
        }
    }

    /// Harbor refuses a `[task]` without a name of the form `org/name`.
    fn package_name(&mut self, package: &Table) -> Option<String> {
        let name = package.get("name").and_then(Value::as_str).unwrap_or_default();
        let part = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphanumeric())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if name.split_once('/').is_some_and(|(org, name)| part(org) && part(name)) && !name.contains("..") {
            return Some(name.to_owned());
        }
        self.faults.push(TaskFault::PackageName { found: name.to_owned() });
        None
    }

    fn environment(&mut self, environment: &Table) {
        let image = environment.get("docker_image");
        if image.is_some_and(|image| image.as_str().is_none_or(|image| image.trim().is_empty())) {
            self.faults.push(TaskFault::DockerImage);
        } else if image.is_none() && !self.files.has_one_of("environment", &IMAGE_DEFINITIONS) {
            self.faults.push(TaskFault::NoEnvironment { folder: self.files.has_folder("environment") });
        }
    }

    /// The seconds under the last part of `key`, if they are there; they then have to be positive.
    fn seconds(&mut self, section: &Table, key: &str) -> Option<f64> {
        let value = section.get(key.rsplit('.').next()?)?;
        #[expect(clippy::cast_precision_loss, reason = "no time-out needs more than 53 bits of seconds")]
        let seconds = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let seconds = seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0);
        if seconds.is_none() {
            self.faults.push(TaskFault::Timeout { key: key.to_owned(), found: describe(value) });
        }
        seconds
    }

    fn steps<'t>(&mut self, task: &'t Table) -> Vec<Step<'t>> {
        let Some(steps) = task.get("steps") else { return Vec::new() };
        let Some(tables) = steps.as_array() else {
            self.faults.push(TaskFault::NotATable { key: "steps".to_owned(), found: steps.type_str() });
            return Vec::new();
        };
        let mut seen = HashSet::new();
        let mut named = Vec::new();
        for (index, table) in tables.iter().enumerate() {
            let name = table.get("name").and_then(Value::as_str).filter(|name| is_folder_name(name));
            match (table.as_table(), name) {
                // Some file systems don't tell cases apart.
                (Some(_), Some(name)) if !seen.insert(name.to_lowercase()) => {
                    self.faults.push(TaskFault::StepRepeated { name: name.to_owned() });
                }
                (Some(table), Some(name)) => {
                    named.push(Step { name: name.to_owned(), key: format!("steps[{index}]"), table });
                }
                _ => self.faults.push(TaskFault::StepName { index }),
            }
        }
        named
    }

    /// Whether tests run in an image of their own that may contain them, so that no script needs to be here.
    fn brings_own_image(&self, verifier: &Table, tests: &str) -> bool {
        let own = verifier.get("environment");
        let separate = verifier.get("environment_mode").map_or(own.is_some(), |mode| mode.as_str() == Some("separate"));
        let image = own.is_some_and(|own| own.get("docker_image").is_some());
        separate && (image || self.files.has_one_of(tests, &IMAGE_DEFINITIONS))
    }

    fn require(&mut self, path: &str) {
        if !self.files.has(path) {
            self.faults.push(TaskFault::NoFile { path: path.to_owned() });
        }
    }
}

/// A number or truth value as it is; of anything longer only the type.
fn describe(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        other => format!("of type {}", other.type_str()),
    }
}

fn no_agent_timeout(seconds: f64, step_timeouts: &[Option<f64>]) -> String {
    let place = if step_timeouts.is_empty() {
        "[agent].timeout_sec is not set"
    } else {
        "[agent].timeout_sec and that of some steps are not set"
    };
    let scope =
        if step_timeouts.iter().any(Option::is_some) { " in every step, also where a step sets its own" } else { "" };
    format!("{place}: the agent gets {seconds} s{scope} unless the submission says otherwise")
}

fn test_script(environment: &Table) -> &'static str {
    let windows = environment.get("os").and_then(Value::as_str).is_some_and(|os| os.eq_ignore_ascii_case("windows"));
    if windows { "test.bat" } else { "test.sh" }
}

/// Whether a step's name can be one folder's name on any system, as Harbor demands.
fn is_folder_name(name: &str) -> bool {
    !name.trim().is_empty()
        && name.len() <= MAX_STEP_NAME_BYTES
        && !name.ends_with(['.', ' '])
        && !name.contains(['<', '>', ':', '"', '/', '\\', '|', '?', '*'])
        && !name.contains(char::is_control)
}

#[cfg(test)]
mod tests;
