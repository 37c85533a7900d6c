use thiserror::Error;

/// One thing that keeps a task from running, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaskFault {
    /// No `task.toml` at the top.
    #[error("task.toml is missing: {}", match wrapped {
        Some(folder) => format!("it lies in {folder}/, so give that folder, or pack its contents instead of the folder"),
        None => "a task folder has it at its top".to_owned(),
    })]
    NoTaskToml {
        /// The folder at the top that has one.
        wrapped: Option<String>,
    },
    /// `task.toml` is no TOML.
    #[error("task.toml, line {line}, column {column}: {message}")]
    Syntax {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// The parser's words.
        message: String,
    },
    /// A value where a section should be.
    #[error("task.toml: {key} must be a section ([{key}], or [[steps]] for steps), but is of type {found}")]
    NotATable {
        /// The section's name.
        key: String,
        /// The value's type.
        found: &'static str,
    },
    /// A `[task]` without a usable name.
    #[error(
        "task.toml: [task] needs a name of the form \"org/name\" in letters, digits, dots, dashes and underscores, not {found:?}; \
         correct it or leave the whole section out"
    )]
    PackageName {
        /// The name, empty if there is none.
        found: String,
    },
    /// An image name that is empty or no text.
    #[error(
        "task.toml: [environment].docker_image must be the name of an image: correct it, or leave it out and add environment/Dockerfile"
    )]
    DockerImage,
    /// Nothing to make a sandbox from.
    #[error(
        "{}: add environment/Dockerfile or environment/docker-compose.yaml, or set docker_image in [environment] of task.toml",
        if *folder { "environment/ says nothing of an image" } else { "environment/ is missing" }
    )]
    NoEnvironment {
        /// Whether the folder itself is there.
        folder: bool,
    },
    /// A file that Harbor reads is missing.
    #[error("{path} is missing: add it")]
    NoFile {
        /// Its path.
        path: String,
    },
    /// No script judges the result.
    #[error("{} is missing: add a script that writes the reward", expected.join(" or "))]
    NoTests {
        /// Paths, one of which is enough.
        expected: Vec<String>,
    },
    /// A time-out that is no positive number.
    #[error("task.toml: {key} must be a positive number of seconds, not {found}")]
    Timeout {
        /// Its place, such as `agent.timeout_sec`.
        key: String,
        /// Its value, or the type of a longer one.
        found: String,
    },
    /// A step without a usable name.
    #[error("task.toml: steps[{index}] needs a name that can be the name of its folder below steps/")]
    StepName {
        /// From 0.
        index: usize,
    },
    /// Two steps of one name.
    #[error("task.toml: two steps are named {name:?}, which would share a folder: rename one")]
    StepRepeated {
        /// The name.
        name: String,
    },
}

impl TaskFault {
    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self::Syntax {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: error.message().replace('\n', ", "),
        }
    }
}
