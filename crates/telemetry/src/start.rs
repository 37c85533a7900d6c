//! Destinations of log lines and metrics.

use std::io::{self, IsTerminal as _};

use oddish_domain::settings::{Settings, SettingsFaults};
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::{JsonLines, LogFormat, TelemetrySettings, metrics};

/// Where a program's log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// To stderr; stdout is for data.
    Stderr {
        /// Whether text may have colours.
        colours: bool,
    },
    /// To stdout, always as JSON: a function has nothing else to say there.
    Function,
}

/// Begins to log, and to write metrics, as the settings say. Where they are at fault, a log with the defaults begins all the same, so that
/// the fault can be logged.
pub fn start(settings: &Settings, output: Output) -> Result<(), SettingsFaults> {
    let mut reader = settings.reader();
    let read = TelemetrySettings::read(&mut reader);
    let outcome = reader.finish();
    if let Some(namespace) = &read.metrics {
        metrics::write_to(namespace, io::stdout());
    }
    match output {
        Output::Function => logging(&read, LogFormat::Json, false, io::stdout).init(),
        Output::Stderr { colours } => {
            let usual = if io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
            logging(&read, read.format.unwrap_or(usual), colours, io::stderr).init();
        }
    }
    outcome
}

/// What [`start`] logs through, with a writer of the caller's.
pub fn logging<W>(
    settings: &TelemetrySettings,
    format: LogFormat,
    colours: bool,
    writer: W,
) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    // A filter over all, and not one of a layer's own: with another layer beside it such a one loses the line that comes after a
    // `tracing::enabled!` that it denied, and sqlx asks that at every query.
    let (text, json) = match format {
        LogFormat::Text => (Some(tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colours)), None),
        LogFormat::Json => (None, Some(JsonLines::new(writer))),
    };
    tracing_subscriber::registry().with(text).with(json).with(settings.filter.clone())
}
