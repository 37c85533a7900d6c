//! `oddish results`.

mod args;

use crate::client::{Api, Client};
use crate::commands::fail_under::shortfalls;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::view::results::{csv, markdown, text};
use crate::view::table::stdout_width;

use self::args::Format;
pub(crate) use self::args::ResultsArgs;

/// Shows what the trials of an experiment show about each agent and model.
pub(crate) async fn results(args: &ResultsArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = Client::new(Api::resolve(args.api.as_deref())?)?;
    let rules: Vec<(&str, String)> = [("pass_threshold", args.pass_threshold), ("coverage_bar", args.coverage_bar)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.to_string())))
        .collect();
    let found = async { client.results(&client.experiment_id(&args.experiment).await?, &rules).await };
    let results = found.await.map_err(|error| error.while_doing("cannot get the results"))?;
    match if args.json { Format::Json } else { args.format } {
        Format::Table => printer.result(&text(&results, stdout_width())),
        Format::Markdown => printer.result(&markdown(&results)),
        Format::Csv => printer.result(&csv(&results)),
        Format::Json => printer.json(&results),
    }?;
    let shortfalls = args.fail_under.map(|bar| shortfalls(&results, bar)).unwrap_or_default();
    for shortfall in &shortfalls {
        printer.error(shortfall);
    }
    Ok(if shortfalls.is_empty() { ExitStatus::Success } else { ExitStatus::BelowBar })
}
