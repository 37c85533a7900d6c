//! Settings of the log and of metrics.

use oddish_domain::settings::{Choice, Defaulted, Group, Reader, Setting, Value};
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};

const LOG: Setting<Filter> = Setting::new("ODDISH_LOG", LevelFilter::INFO)
    .doc("Log level, or levels by module, such as `debug` or `oddish_dispatcher=debug,info`.");
const LOG_FORMAT: Setting<Option<LogFormat>> = Setting::optional("ODDISH_LOG_FORMAT").doc(
    "Format of log lines: `text`, or `json` for one JSON object a line. Unset: text where stderr is a terminal, else json. \
     Functions always write json.",
);
const METRICS: Setting<Metrics> = Setting::new("ODDISH_METRICS", Metrics::None).doc(
    "`emf`: metrics are written to stdout in the embedded metric format of CloudWatch. `none`: no metrics are written.",
);
// As CloudWatch takes it (AWS, PutMetricData and Metric).
const METRICS_NAMESPACE: Setting<String> = Setting::new("ODDISH_METRICS_NAMESPACE", "Oddish")
    .check(
        "must be at most 255 printable ASCII characters that begin with neither `AWS/` nor a colon",
        |namespace: &String| {
            let printable = |c: char| c == ' ' || c.is_ascii_graphic();
            let is_taken = namespace.starts_with("AWS/") || namespace.starts_with(':');
            namespace.len() <= 255 && namespace.chars().all(printable) && !is_taken
        },
    )
    .doc("Namespace of these metrics. Deployments that share an account and a region need different ones.");

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
        Self { filter: LOG.default().0, format: None, metrics: None }
    }
}

impl TelemetrySettings {
    /// Their settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Log and metrics",
        read_by: "`oddish-server`, all functions, `oddish-runner`",
        settings: &[&LOG, &LOG_FORMAT, &METRICS, &METRICS_NAMESPACE],
    };

    /// Reads [`Self::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let (are_wanted, namespace) = (reader.get(&METRICS) == Metrics::Emf, reader.get(&METRICS_NAMESPACE));
        Self { filter: reader.get(&LOG).0, format: reader.get(&LOG_FORMAT), metrics: are_wanted.then_some(namespace) }
    }
}

/// Levels by part.
struct Filter(Targets);

impl Value for Filter {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: ParseError| error.to_string())
    }
}

impl Defaulted for Filter {
    type Constant = LevelFilter;

    fn of(constant: LevelFilter) -> Self {
        Self(Targets::new().with_default(constant))
    }

    fn written(constant: LevelFilter) -> String {
        constant.to_string()
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

impl Choice for LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Metrics {
    None,
    Emf,
}

impl Choice for Metrics {
    const WORDS: &'static [(&'static str, Self)] = &[("none", Self::None), ("emf", Self::Emf)];
}
