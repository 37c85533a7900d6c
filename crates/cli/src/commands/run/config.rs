//! What a file given with `--config` asks for, whichever kind of file it is.

use std::path::Path;

use oddish_api_types::{Priority, SweepConfig};
use oddish_domain::agent::check_agent;
use serde_json::{Map, Value};

use crate::config_file::Fields;
use crate::plain_text;
use crate::task_dirs::{Filter, Source, shown};

/// The settings of a file; each is absent, or empty, where the file doesn't have it.
#[derive(Debug, Default)]
pub(crate) struct RunConfig {
    pub(crate) agents: Vec<SweepConfig>,
    /// The agent where neither the file nor the command line names one.
    pub(crate) default_agent: Option<&'static str>,
    /// Trials of that agent on each task.
    pub(crate) default_trials: Option<u32>,
    /// Where tasks are, unless the command line says.
    pub(crate) tasks: Vec<Source>,
    /// Which of all tasks are wanted.
    pub(crate) filter: Filter,
    pub(crate) environment: Option<String>,
    pub(crate) priority: Option<Priority>,
    pub(crate) experiment_id: Option<String>,
    pub(crate) timeout_minutes: Option<f64>,
    pub(crate) max_attempts: Option<u32>,
    /// Harbor's settings for every trial, nested as a submission has them (docs/compatibility.md, 3.8).
    pub(crate) harbor: Map<String, Value>,
    /// What the file asks for and does not get, each in one line with its place.
    pub(crate) left_out: Vec<String>,
    /// The same of the tasks that it names, which does not matter where the command line names others.
    pub(crate) left_out_tasks: Vec<String>,
}

impl RunConfig {
    /// Sets a field of a section of Harbor's settings.
    pub(crate) fn set_harbor(&mut self, section: &str, key: &str, value: impl Into<Value>) {
        let section = self.harbor.entry(section).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(fields) = section {
            fields.insert(key.to_owned(), value.into());
        }
    }
}

/// Checks an agent of a file, whose name is in `name_key`.
pub(crate) fn check_agent_of(fields: &Fields<'_>, name_key: &str, agent: &str, model: Option<&str>) {
    if let Err(error) = check_agent(agent, model) {
        let key = if error.is_of_model() { "model_name" } else { name_key };
        fields.fault(key, &plain_text::line(&error.to_string()));
    }
}

/// What is said of a file.
pub(crate) fn of(path: &Path, line: &str) -> String {
    // A place follows the file, a sentence stands for itself.
    let separator = if line.starts_with("line ") { "," } else { ":" };
    format!("{}{separator} {line}", shown(path))
}
