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
    /// A file that can't be read, though it is there.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Its path.
        path: String,
    },
    /// `task.toml` is far larger than any real one.
    #[error("task.toml has more than {} MiB", limit >> 20)]
    TooLarge {
        /// Most bytes allowed.
        limit: usize,
    },
    /// `task.toml` begins with U+FEFF, which TOML 1.0 doesn't allow.
    #[error("task.toml begins with a byte order mark, which Harbor cannot read: save it as UTF-8 without one")]
    ByteOrderMark,
    /// A file that Harbor reads as UTF-8 is something else.
    #[error("{path}, line {line}: not UTF-8, which is how Harbor reads it: save it as UTF-8")]
    NotUtf8 {
        /// Its path.
        path: String,
        /// Line of the first byte that is wrong, from 1.
        line: usize,
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
    /// A value that is not of the type that Harbor takes.
    #[error("task.toml, line {line}: {key} must be {expected}, not {found}")]
    Value {
        /// Line of the value, from 1.
        line: usize,
        /// Its place, such as `environment.memory_mb`.
        key: String,
        /// What it has to be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A section lacks a key.
    #[error("task.toml, line {line}: {key} is missing: add it")]
    NoKey {
        /// Line of the section, from 1.
        line: usize,
        /// The key's place.
        key: String,
    },
    /// A value or section that breaks another rule of Harbor's.
    #[error("task.toml, line {line}: {key} {problem}")]
    Rule {
        /// Line of the value, from 1.
        line: usize,
        /// Its place.
        key: String,
        /// What is wrong; reads on from the place.
        problem: String,
    },
    /// A time-out at which nothing could ever run, or that never comes.
    #[error("task.toml, line {line}: {key} must be a positive number of seconds, not {found}")]
    Timeout {
        /// Line of the value, from 1.
        line: usize,
        /// Its place, such as `agent.timeout_sec`.
        key: String,
        /// Its value.
        found: String,
    },
    /// An image's name of nothing but spaces.
    #[error(
        "task.toml, line {line}: {key} must be the name of an image: correct it, or leave it out and add environment/Dockerfile"
    )]
    DockerImage {
        /// Line of the value, from 1.
        line: usize,
        /// Its place.
        key: String,
    },
    /// Nothing to make a sandbox from.
    #[error(
        "{}: add environment/Dockerfile, or set docker_image in [environment] of task.toml",
        if *folder { "environment/ says nothing of an image" } else { "environment/ is missing" }
    )]
    NoEnvironment {
        /// Whether the folder itself is there.
        folder: bool,
    },
    /// A Compose file whose main service Harbor would build, and nothing to build it from.
    #[error(
        "{folder}/docker-compose.yaml says nothing of how to build `main`, which Harbor builds from {folder}/Dockerfile{}: add {folder}/Dockerfile{}, \
         or set docker_image{} in [{section}] of task.toml",
        if image.is_some() { ", whatever image it names" } else { "" },
        image.as_ref().map(|image| format!(" with the line `FROM {image}`")).unwrap_or_default(),
        image.as_ref().map(|image| format!(" = {image:?}")).unwrap_or_default()
    )]
    NothingToBuild {
        /// `environment`, or the folder of tests that run in an image of their own.
        folder: String,
        /// Section of `task.toml` that could name an image.
        section: &'static str,
        /// The image that the file names for it.
        image: Option<String>,
    },
    /// A Compose file that builds the main service from a file that is not there.
    #[error("{folder}/docker-compose.yaml builds `main` from {path}, which is missing: add it")]
    NoDockerfile {
        /// The folder of the Compose file.
        folder: String,
        /// Path of the Dockerfile.
        path: String,
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
    /// The script that judges the result is kept from the sandbox.
    #[error("{path} is excluded by .harborignore, and without it there is no reward: correct .harborignore")]
    TestsIgnored {
        /// Its path.
        path: String,
    },
    /// A step without a usable name.
    #[error(
        "task.toml, line {line}: steps[{index}] needs a name that can be the name of its folder below steps/ on any system"
    )]
    StepName {
        /// Line of the step or of its name, from 1.
        line: usize,
        /// From 0.
        index: usize,
    },
    /// Two steps of one name.
    #[error(
        "task.toml, line {line}: two steps are named {name:?}, which would share a folder where case makes no difference: rename one"
    )]
    StepRepeated {
        /// Line of the second, from 1.
        line: usize,
        /// Its name.
        name: String,
    },
}

impl TaskFault {
    /// Whether Harbor's loader takes a task with this fault, which then can't run: the sandbox would not come up, a time-out would come at
    /// once or never. We refuse it before it costs a trial.
    pub fn is_stricter_than_the_loader(&self) -> bool {
        match self {
            Self::TooLarge { .. }
            | Self::Timeout { .. }
            | Self::DockerImage { .. }
            | Self::NothingToBuild { .. }
            | Self::NoDockerfile { .. } => true,
            Self::NoTaskToml { .. }
            | Self::Unreadable { .. }
            | Self::ByteOrderMark
            | Self::NotUtf8 { .. }
            | Self::Syntax { .. }
            | Self::Value { .. }
            | Self::NoKey { .. }
            | Self::Rule { .. }
            | Self::NoEnvironment { .. }
            | Self::NoFile { .. }
            | Self::NoTests { .. }
            | Self::TestsIgnored { .. }
            | Self::StepName { .. }
            | Self::StepRepeated { .. } => false,
        }
    }
}
