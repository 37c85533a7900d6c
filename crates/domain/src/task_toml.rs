//! Checks a Harbor task (docs/compatibility.md, 2.4), so that a broken one is refused before it costs a trial.
//!
//! The check takes what Harbor's loader takes and refuses what that refuses: encodings, TOML 1.0, types of values, the rules of its models,
//! the files that it needs. It is stricter only where a task that loads could never run ([`TaskFault::is_stricter_than_the_loader`]).
//! `cargo xtask compare-tasks` runs both over any folder of tasks. Keys that Harbor doesn't know are ignored, as it ignores them.

mod checking;
mod compose;
mod document;
mod fault;
mod files;
mod harborignore;
mod rules;
mod sandboxes;
mod schema;
mod scripts;
mod steps;
mod timeouts;
mod value;
mod variables;
mod warning;

use crate::settings::Setting;

use self::checking::Checking;
use self::document::{Document, utf8};
use self::sandboxes::is_separate;
use self::schema::{TASK, check_model};
use self::steps::{Step, steps};
use self::value::{Node, Table};

pub use self::compose::NAME as COMPOSE;
pub(crate) use self::compose::plain as plain_path;
pub use self::fault::TaskFault;
pub use self::files::{TASK_TOML, TaskFiles, TaskListing};
pub use self::sandboxes::{Sandbox, Variable, sandboxes};
pub use self::timeouts::{StepTimeouts, TaskTimeouts};
pub use self::warning::TaskWarning;

/// Seconds that an agent gets, unless configured otherwise, whose task sets no time-out.
pub const DEFAULT_AGENT_TIMEOUT_SEC: f64 = 3600.0;

/// The seconds that an agent gets whose task sets no time-out: 1 second to 1 year.
pub const AGENT_TIMEOUT_SEC: Setting<f64> = Setting::new("ODDISH_DEFAULT_AGENT_TIMEOUT_SEC", DEFAULT_AGENT_TIMEOUT_SEC)
    .within(1.0, 31_536_000.0)
    .unit("seconds")
    .doc(
        "Time-out of the agent in seconds if neither the task nor the submission sets one. Harbor would set no limit.",
    );

const INSTRUCTION: &str = "instruction.md";
const DOCKERFILE: &str = "Dockerfile";
/// Bytes of a text that Harbor reads; one that goes on is looked at so far.
const MAX_TEXT: usize = 16 << 20;

/// A task that can run.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskCheck {
    /// The name in `[task]`, as `org/name`.
    pub name: Option<String>,
    /// Seconds in `[agent].timeout_sec`.
    pub agent_timeout_sec: Option<f64>,
    /// Seconds that the agent gets where neither the submission nor the task says, because Harbor would then wait forever: in a
    /// task of steps, in those that set no time-out of their own. None if the task leaves nothing open.
    pub default_agent_timeout_sec: Option<f64>,
    /// What the author should know.
    pub warnings: Vec<TaskWarning>,
    /// Step names in order; empty for a task of one step.
    pub steps: Vec<String>,
}

/// Checks a task by its files; lists every fault.
///
/// `default_agent_timeout_sec` is what an agent gets whose task sets no time-out.
pub fn check_task(files: &dyn TaskFiles, default_agent_timeout_sec: f64) -> Result<TaskCheck, Vec<TaskFault>> {
    let listing = files.listing();
    if !listing.has(TASK_TOML) {
        return Err(vec![TaskFault::NoTaskToml { wrapped: listing.wrapped_task().map(str::to_owned) }]);
    }
    let unreadable = || vec![TaskFault::Unreadable { path: TASK_TOML.to_owned() }];
    let bytes = files.read(TASK_TOML, document::MAX_BYTES + 1).ok_or_else(unreadable)?;
    let document = Document::parse(&bytes).map_err(|fault| vec![fault])?;
    let mut types = Checking::new(&document);
    check_model(&mut types, &TASK, &document.table);
    // The old name of `schema_version`, which goes before it.
    if let (Some(version), None) = (document.table.get("version"), document.table.get("schema_version"))
        && version.text().is_none()
    {
        types.wrong("version", version, "a text");
    }
    let mut checker = Checker { files, document: &document, faults: types.faults, warnings: Vec::new() };
    let check = checker.check(default_agent_timeout_sec);
    if checker.faults.is_empty() { Ok(check) } else { Err(checker.faults) }
}

struct Checker<'a> {
    files: &'a dyn TaskFiles,
    document: &'a Document,
    faults: Vec<TaskFault>,
    warnings: Vec<TaskWarning>,
}

impl<'a> Checker<'a> {
    fn check(&mut self, default_agent_timeout_sec: f64) -> TaskCheck {
        static NONE: Table = Table::new();
        let document = self.document;
        let task = &document.table;
        let section = |key: &str| task.get(key).and_then(Node::table).unwrap_or(&NONE);
        let (environment, verifier, agent) = (section("environment"), section("verifier"), section("agent"));
        let steps = steps(document, &mut self.faults);

        let agent_timeout_sec = self.seconds(agent, "agent.timeout_sec");
        self.seconds(verifier, "verifier.timeout_sec");
        self.seconds(environment, "environment.build_timeout_sec");
        self.environment(environment);
        if steps.is_empty() {
            self.instruction(INSTRUCTION);
            self.tests(environment, &[(verifier, "tests".to_owned())]);
        }
        let mut step_timeouts = Vec::new();
        for step in &steps {
            let folder = format!("steps/{}", step.name);
            self.instruction(&format!("{folder}/{INSTRUCTION}"));
            let section = |key: &str| step.table.get(key).and_then(Node::table).unwrap_or(&NONE);
            step_timeouts.push(self.seconds(section("agent"), &format!("{}.agent.timeout_sec", step.key)));
            self.seconds(section("verifier"), &format!("{}.verifier.timeout_sec", step.key));
            self.tests(
                environment,
                &[(section("verifier"), format!("{folder}/tests")), (verifier, "tests".to_owned())],
            );
        }

        let open = agent_timeout_sec.is_none() && (steps.is_empty() || step_timeouts.contains(&None));
        if open {
            let some_steps = step_timeouts.iter().any(Option::is_some);
            self.warnings
                .insert(0, TaskWarning::NoAgentTimeout { seconds: default_agent_timeout_sec.to_string(), some_steps });
        }
        self.warnings.extend(variables::warning(task));
        if !is_windows(environment) {
            self.warnings.extend(scripts::warnings(self.files));
        }
        TaskCheck {
            name: section("task").get("name").and_then(Node::text).map(str::to_owned),
            agent_timeout_sec,
            default_agent_timeout_sec: open.then_some(default_agent_timeout_sec),
            warnings: std::mem::take(&mut self.warnings),
            steps: steps.into_iter().map(|step: Step<'_>| step.name).collect(),
        }
    }

    fn environment(&mut self, environment: &Table) {
        let listing = self.files.listing();
        if self.image(environment, "environment.docker_image") || listing.has("environment/Dockerfile") {
            return;
        }
        if listing.has(&format!("environment/{}", compose::NAME)) {
            self.compose("environment", "environment");
        } else {
            self.faults.push(TaskFault::NoEnvironment { folder: listing.has_folder("environment") });
        }
    }

    /// Whether an environment names an image. An empty name is none to Harbor.
    fn image(&mut self, environment: &Table, key: &str) -> bool {
        let Some(node) = environment.get("docker_image") else { return false };
        let Some(image) = node.text().filter(|image| !image.is_empty()) else { return false };
        if image.trim().is_empty() {
            self.faults.push(TaskFault::DockerImage { line: self.document.line(node.at), key: key.to_owned() });
        }
        true
    }

    /// The Compose file of a folder without a Dockerfile.
    fn compose(&mut self, folder: &str, section: &'static str) {
        let path = format!("{folder}/{}", compose::NAME);
        let Some(bytes) = self.files.read(&path, MAX_TEXT) else {
            return self.faults.push(TaskFault::Unreadable { path });
        };
        match compose::check(self.files.listing(), folder, section, &String::from_utf8_lossy(&bytes)) {
            Ok(fault) => self.faults.extend(fault),
            Err(message) => self.warnings.push(TaskWarning::Compose { path, message }),
        }
    }

    /// The tests of the task or of a step: in the sandbox of the agent, in a copy of it, or in an image of their own that holds them.
    /// `places` are the verifiers that may bring an image, the step's own first, and their folders of tests.
    fn tests(&mut self, environment: &'a Table, places: &[(&'a Table, String)]) {
        let listing = self.files.listing();
        let is_separate = places.iter().find_map(|(verifier, _)| is_separate(verifier)).unwrap_or(false);
        let own = |verifier: &'a Table| verifier.get("environment").and_then(Node::table);
        if is_separate {
            for (verifier, folder) in places {
                let named = own(verifier).is_some_and(|own| self.image(own, "verifier.environment.docker_image"));
                if named || listing.has(&format!("{folder}/{DOCKERFILE}")) {
                    return;
                }
                if listing.has(&format!("{folder}/{}", compose::NAME)) {
                    return self.compose(folder, "verifier.environment");
                }
            }
        }
        // A separate sandbox without a system of its own has the task's.
        let system =
            places.iter().find_map(|(verifier, _)| own(verifier)).filter(|own| is_separate && own.contains_key("os"));
        let script = if is_windows(system.unwrap_or(environment)) { "test.bat" } else { "test.sh" };
        let expected: Vec<String> = places.iter().map(|(_, folder)| format!("{folder}/{script}")).collect();
        match expected.iter().position(|path| listing.has(path)) {
            None => self.faults.push(TaskFault::NoTests { expected }),
            Some(place) => self.ignored(&places[place].1, script),
        }
    }

    /// Harbor keeps what a `.harborignore` beside it names from the sandbox.
    fn ignored(&mut self, folder: &str, script: &str) {
        let path = format!("{folder}/{}", harborignore::NAME);
        if !self.files.listing().has(&path) {
            return;
        }
        if let Some(text) = self.text(&path)
            && harborignore::excludes(&text, script)
        {
            self.faults.push(TaskFault::TestsIgnored { path: format!("{folder}/{script}") });
        }
    }

    fn instruction(&mut self, path: &str) {
        if self.files.listing().has(path) {
            let _only_its_encoding_matters = self.text(path);
        } else {
            self.faults.push(TaskFault::NoFile { path: path.to_owned() });
        }
    }

    /// A file that Harbor reads as a text; what keeps it from that is a fault.
    fn text(&mut self, path: &str) -> Option<String> {
        let Some(mut bytes) = self.files.read(path, MAX_TEXT) else {
            self.faults.push(TaskFault::Unreadable { path: path.to_owned() });
            return None;
        };
        if bytes.len() == MAX_TEXT {
            // The last line may have been cut in the middle of a character.
            bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or_default());
        }
        utf8(path, &bytes).map(str::to_owned).map_err(|fault| self.faults.push(fault)).ok()
    }

    /// The seconds under the last part of `key`, if they are there; they then have to be positive.
    fn seconds(&mut self, section: &Table, key: &str) -> Option<f64> {
        let node = section.get(key.rsplit('.').next()?)?;
        let seconds = node.number()?;
        if seconds.is_finite() && seconds > 0.0 {
            return Some(seconds);
        }
        let line = self.document.line(node.at);
        self.faults.push(TaskFault::Timeout { line, key: key.to_owned(), found: node.shown() });
        None
    }
}

fn is_windows(environment: &Table) -> bool {
    environment.get("os").and_then(Node::text).is_some_and(|os| os.eq_ignore_ascii_case("windows"))
}

#[cfg(test)]
mod tests;
