//! What is logged, how, and whether metrics are written.

use std::str::FromStr;

use oddish_domain::settings::{Reader, Variable};
use tracing_subscriber::filter::{LevelFilter, Targets};

const LOG: &str = "ODDISH_LOG";
const LOG_FORMAT: &str = "ODDISH_LOG_FORMAT";
const METRICS: &str = "ODDISH_METRICS";
const METRICS_NAMESPACE: &str = "ODDISH_METRICS_NAMESPACE";

/// The namespace of metrics, unless another is chosen.
const NAMESPACE: &str = "Oddish";
/// Characters of a namespace at the most (AWS, `Metric`).
const LONGEST_NAMESPACE: usize = 255;

/// The variables that [`TelemetrySettings`] reads.
pub const TELEMETRY_VARIABLES: &[Variable] = &[
    Variable {
        name: LOG,
        default: "info",
        secret: false,
        doc: "What is logged: a level, or levels by part, such as `debug` or `oddish_dispatcher=debug,info`.",
    },
    Variable {
        name: LOG_FORMAT,
        default: "",
        secret: false,
        doc: "How log lines are written: `text`, or `json` for one JSON object a line. Unset: text where stderr is a terminal, else json. Functions always write json.",
    },
    Variable {
        name: METRICS,
        default: "none",
        secret: false,
        doc: "`emf`: metrics are written to stdout, in the embedded metric format of CloudWatch. `none`: they are not.",
    },
    Variable {
        name: METRICS_NAMESPACE,
        default: NAMESPACE,
        secret: false,
        doc: "The namespace of these metrics; one for each deployment where several share an account and a region.",
    },
];

/// What is logged, how, and whether metrics are written.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// Levels by part.
    pub filter: Targets,
    /// The form of log lines, where one is chosen.
    pub format: Option<LogFormat>,
    /// The namespace of metrics, where they are written.
    pub metrics: Option<String>,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { filter: Targets::new().with_default(LevelFilter::INFO), format: None, metrics: None }
    }
}

impl TelemetrySettings {
    /// Reads [`TELEMETRY_VARIABLES`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let are_wanted = reader.parsed(METRICS, Metrics::None) == Metrics::Emf;
        let namespace = reader.parsed(METRICS_NAMESPACE, Namespace(NAMESPACE.to_owned()));
        Self {
            filter: reader.parsed(LOG, Self::default().filter),
            format: reader.optional(LOG_FORMAT),
            metrics: are_wanted.then_some(namespace.0),
        }
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be `text` or `json`"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Metrics {
    None,
    Emf,
}

impl FromStr for Metrics {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "emf" => Ok(Self::Emf),
            _ => Err("must be `none` or `emf`"),
        }
    }
}

/// A namespace as `CloudWatch` takes it (AWS, `PutMetricData` and `Metric`).
struct Namespace(String);

impl FromStr for Namespace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let printable = |c: char| c == ' ' || c.is_ascii_graphic();
        let is_taken = text.starts_with("AWS/") || text.starts_with(':');
        if text.len() <= LONGEST_NAMESPACE && text.chars().all(printable) && !is_taken {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be at most 255 printable ASCII characters that begin with neither `AWS/` nor a colon")
        }
    }
}
