use std::fmt;

/// What the author of a task should know, although it can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskWarning {
    /// The agent's time-out is left open.
    NoAgentTimeout {
        /// Seconds that the agent gets, as text.
        seconds: String,
        /// Whether some steps of the task set one.
        some_steps: bool,
    },
    /// Variables that are taken from where the trial runs, and have no default: without them every trial fails.
    Variables {
        /// Their names, sorted.
        names: Vec<String>,
        /// The sections that refer to them, such as `verifier.env`.
        sections: Vec<String>,
    },
    /// Scripts with Windows line ends, which Linux doesn't run.
    CarriageReturns {
        /// Their paths.
        paths: Vec<String>,
    },
    /// Scripts that begin with a byte order mark, so that their first line is not read as meant.
    ByteOrderMark {
        /// Their paths.
        paths: Vec<String>,
    },
    /// Access to the machine that runs the trials, which servers with Docker refuse unless they are told otherwise.
    HostAccess {
        /// What asks for it, each with its place.
        places: Vec<String>,
    },
    /// A Compose file that we can't read; Docker may.
    Compose {
        /// Its path.
        path: String,
        /// The parser's words.
        message: String,
    },
}

impl TaskWarning {
    /// Whether a time-out in the submission makes it pointless.
    pub fn is_about_the_agents_timeout(&self) -> bool {
        matches!(self, Self::NoAgentTimeout { .. })
    }
}

/// One sentence.
impl fmt::Display for TaskWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAgentTimeout { seconds, some_steps } => {
                let scope = if *some_steps { " in steps that set none of their own" } else { "" };
                write!(
                    f,
                    "[agent].timeout_sec is not set: the agent gets {seconds} s{scope} unless the submission says otherwise"
                )
            }
            Self::Variables { names, sections } => write!(
                f,
                "[{}] of task.toml needs {} where trials run: without {} every trial fails. A runner passes keys of model providers on, and \
                 other variables that ODDISH_RUNNER_PASS_ENV names",
                sections.join("], ["),
                names.join(", "),
                if names.len() == 1 { "it" } else { "them" }
            ),
            Self::CarriageReturns { paths } => {
                write!(f, "Windows line ends, with which Linux does not run a script: save {} with LF", shown(paths))
            }
            Self::ByteOrderMark { paths } => write!(
                f,
                "a byte order mark, which Linux takes for a part of a script's first line: save {} without one",
                shown(paths)
            ),
            Self::HostAccess { places } => write!(
                f,
                "access to the machine that runs the trials, which a server that runs them in Docker refuses unless ODDISH_ALLOW_HOST_ACCESS=true is set \
                 there: {}",
                places.join("; ")
            ),
            Self::Compose { path, message } => write!(f, "{path} cannot be read as YAML: {message}"),
        }
    }
}

/// The first of them, and how many there are more.
fn shown(paths: &[String]) -> String {
    const MOST: usize = 3;
    let first = paths.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
