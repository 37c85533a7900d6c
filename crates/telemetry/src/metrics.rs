//! Metrics in `CloudWatch`'s embedded metric format: each document is one line on stdout, from which `CloudWatch` Logs takes the numbers
//! (AWS, "Specification: Embedded metric format").

use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// Most values of one metric in a document (the specification's bound).
pub const MOST_VALUES: usize = 100;

/// Most characters of a dimension's value (AWS, `Dimension`).
const LONGEST_DIMENSION: usize = 1024;

/// What a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// Where documents go: like the log, one place for the whole process.
static DESTINATION: OnceLock<Destination> = OnceLock::new();

struct Destination {
    namespace: String,
    writer: Mutex<Box<dyn Write + Send>>,
}

/// From now on each document is written here, as a line of its own whose metrics are of this namespace. Only the first call in a process
/// counts.
pub fn write_to(namespace: &str, writer: impl Write + Send + 'static) {
    let destination = Destination { namespace: namespace.to_owned(), writer: Mutex::new(Box::new(writer)) };
    let _the_first_stays = DESTINATION.set(destination);
}

/// Whether metrics are written at all: what is gathered for them alone need not be gathered otherwise.
#[must_use]
pub fn are_wanted() -> bool {
    DESTINATION.get().is_some()
}

/// One document: metrics that have their dimensions in common.
#[derive(Clone, Debug)]
pub struct Document {
    timestamp_ms: i64,
    dimension_sets: Vec<Vec<&'static str>>,
    metrics: Vec<Value>,
    members: Map<String, Value>,
}

impl Document {
    /// A document of metrics that were measured at `now`. Each gets a series for the values of every set of dimensions; without any set it
    /// gets one that has no dimension.
    #[must_use]
    pub fn new(now: OffsetDateTime, dimension_sets: &[&[&'static str]]) -> Self {
        let mut dimension_sets: Vec<Vec<_>> = dimension_sets.iter().map(|set| set.to_vec()).collect();
        if dimension_sets.is_empty() {
            dimension_sets.push(Vec::new());
        }
        let timestamp_ms = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        Self { timestamp_ms, dimension_sets, metrics: Vec::new(), members: Map::new() }
    }

    /// The value of a dimension, or something that is only logged. What `CloudWatch` takes for no dimension's value is escaped.
    #[must_use]
    pub fn text(mut self, name: &'static str, value: &str) -> Self {
        self.members.insert(name.to_owned(), dimension_value(value).into());
        self
    }

    /// A metric with one value.
    #[must_use]
    pub fn metric(mut self, name: &'static str, unit: Unit, value: impl Into<Value>) -> Self {
        self.metrics.push(json!({ "Name": name, "Unit": unit.as_str() }));
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// A metric with many values, [`MOST_VALUES`] at most: those behind them are left out.
    #[must_use]
    pub fn values(self, name: &'static str, unit: Unit, values: &[f64]) -> Self {
        let first = values.get(..MOST_VALUES).unwrap_or(values);
        self.metric(name, unit, first)
    }

    /// The document as JSON, its metrics in this namespace.
    #[must_use]
    pub fn to_json(&self, namespace: &str) -> Value {
        let directive = json!({ "Namespace": namespace, "Dimensions": self.dimension_sets, "Metrics": self.metrics });
        let mut document = self.members.clone();
        document.insert("_aws".into(), json!({ "Timestamp": self.timestamp_ms, "CloudWatchMetrics": [directive] }));
        Value::Object(document)
    }

    /// Writes it, if metrics are written.
    pub fn emit(&self) {
        if let Some(Destination { namespace, writer }) = DESTINATION.get() {
            let line = format!("{}\n", self.to_json(namespace));
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            // Where nobody can read the metrics, nobody can be told.
            let _closed = writer.write_all(line.as_bytes()).and_then(|()| writer.flush());
        }
    }
}

/// `CloudWatch` takes ASCII that can be printed, and not nothing.
fn dimension_value(value: &str) -> String {
    let printable = |c: char| c == ' ' || c.is_ascii_graphic();
    let mut text = String::new();
    for c in value.chars() {
        if printable(c) { text.push(c) } else { text.extend(c.escape_unicode()) }
    }
    text.truncate(LONGEST_DIMENSION);
    if text.trim().is_empty() { "none".to_owned() } else { text }
}
