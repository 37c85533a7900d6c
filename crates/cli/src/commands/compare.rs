//! `oddish compare`.

mod args;

use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::naming;
use crate::printer::Printer;
use crate::view::comparison::text;
use crate::view::table::stdout_width;

pub(crate) use self::args::CompareArgs;

/// Compares two experiments, or two models of one.
pub(crate) async fn compare(args: &CompareArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    let between = args.between.as_deref().unwrap_or_default();
    let chosen = [
        ("agent", args.agent.clone()),
        ("model", args.model.clone().or_else(|| between.first().cloned())),
        ("with_model", between.get(1).cloned()),
        ("pass_threshold", args.pass_threshold.map(|threshold| threshold.to_string())),
    ];
    let left = naming::experiment_id(&client, &args.left).await?;
    let right = match &args.right {
        Some(right) => naming::experiment_id(&client, right).await?,
        None => left.clone(),
    };
    let chosen = chosen.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let query: Vec<(&str, String)> = [("with", right.into_owned())].into_iter().chain(chosen).collect();
    let compared = client.compare(&left, &query).await.map_err(|error| error.while_doing("cannot compare"))?;
    if args.json {
        printer.json(&compared)?;
    } else {
        printer.result(&text(&compared, stdout_width()))?;
    }
    if compared.comparisons.is_empty() {
        return Err(Failure::new("nothing to compare: no agent and model has trials on both sides")
            .with_hint("name one of each side, such as with --between M1 M2"));
    }
    Ok(ExitStatus::Success)
}
