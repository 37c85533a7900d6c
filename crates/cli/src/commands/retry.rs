//! `oddish retry`.

mod args;

use std::collections::BTreeMap;

use oddish_api_types::{RetryExperimentRequest, TrialOrigin, TrialResponse, TrialStatus};
use oddish_domain::id::short_id;
use serde_json::json;

use crate::batch::{Batch, each, patiently};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::question::confirmed;
use crate::target::{Filter, FilterArgs, Target};
use crate::view::change::{Retried, dry_run, number, retried_trials};
use crate::view::trial::counted;

pub(crate) use self::args::RetryArgs;

/// Runs trials again that have ended. Those that have a grade lose it, so that this asks first.
pub(crate) async fn retry(args: &RetryArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    let target = Target::find(&client, args.target.as_deref(), args.experiment.as_deref()).await?;
    let filter = Filter::find(&client, &args.filter).await?;
    let trials = target.trials(&client).await.map_err(|error| error.while_doing("cannot list the trials"))?;
    let meant: Vec<&TrialResponse> = trials.iter().filter(|trial| filter.takes(trial)).collect();
    let ids = |wanted: &dyn Fn(&TrialResponse) -> bool| -> Vec<String> {
        meant.iter().filter(|trial| wanted(trial)).map(|trial| trial.id.clone()).collect()
    };
    let can_run = |trial: &TrialResponse| trial.status.is_terminal() && trial.origin == TrialOrigin::Oddish;
    let mut retried = Retried {
        queued: ids(&can_run),
        not_ended: ids(&|trial| !trial.status.is_terminal()),
        imported: ids(&|trial| trial.status.is_terminal() && trial.origin == TrialOrigin::Imported),
    };
    if args.dry_run {
        return told(args, printer, &target, &retried, &meant);
    }
    let graded = meant.iter().filter(|trial| can_run(trial) && trial.reward.is_some()).count();
    if graded > 0 {
        let number = number(retried.queued.len(), meant.len(), "trial");
        let question = format!("Run {number} of {target} again? The grades of {} are lost.", counted(graded, "trial"));
        if !confirmed(&question, args.yes)? {
            printer.note("Aborted.");
            return Ok(ExitStatus::Success);
        }
    }
    let asked = std::mem::take(&mut retried.queued);
    // `patiently` and `each` repeat.
    let client = client.without_repeats();
    // Made once, so that a request that is sent twice is done once.
    let key = format!("{}{}{}{}", short_id(), short_id(), short_id(), short_id());
    if let (Target::Experiment(experiment), Some(request), false) =
        (&target, whole_request(&args.filter), asked.is_empty())
    {
        let answer = patiently(async || client.retry_experiment(&experiment.id, &key, &request).await).await;
        let answer = answer.map_err(|error| error.while_doing("cannot run the trials again"))?;
        retried.queued = answer.queued;
        return finish(args, printer, &target, &retried, &Batch::<()>::default());
    }
    let send = async |id: &str| client.retry_trial(id, &format!("{key}-{id}")).await;
    let batch = each(asked, "Queueing", printer, send).await?;
    retried.queued = batch.done.iter().map(|answer| answer.trial_id.clone()).collect();
    finish(args, printer, &target, &retried, &batch)
}

/// The request that means the same trials of an experiment, where the server knows all that the filter asks for.
fn whole_request(filter: &FilterArgs) -> Option<RetryExperimentRequest> {
    let FilterArgs { failed, agent, model, error_class, task } = filter;
    let is_known = agent.is_empty() && model.is_empty() && task.is_empty() && (*failed || !error_class.is_empty());
    is_known.then(|| RetryExperimentRequest {
        statuses: if *failed { vec![TrialStatus::Failed] } else { Vec::new() },
        error_classes: error_class.clone(),
        dry_run: false,
    })
}

fn told(
    args: &RetryArgs,
    printer: &Printer,
    target: &Target,
    retried: &Retried,
    meant: &[&TrialResponse],
) -> Result<ExitStatus, Failure> {
    if args.json {
        let would = json!({
            "dry_run": true, "target": target.as_json(), "would_queue": retried.queued, "not_ended": retried.not_ended,
            "imported": retried.imported
        });
        printer.json(&would)?;
    } else {
        let trials: BTreeMap<&str, &TrialResponse> = meant.iter().map(|trial| (trial.id.as_str(), *trial)).collect();
        let queued: Vec<&TrialResponse> =
            retried.queued.iter().filter_map(|id| trials.get(id.as_str()).copied()).collect();
        printer.result(&dry_run(target, "run again", &queued))?;
    }
    Ok(ExitStatus::Success)
}

fn finish<T>(
    args: &RetryArgs,
    printer: &Printer,
    target: &Target,
    retried: &Retried,
    batch: &Batch<T>,
) -> Result<ExitStatus, Failure> {
    batch.report(printer);
    if args.json {
        let result = json!({
            "dry_run": false, "target": target.as_json(), "queued": retried.queued, "not_ended": retried.not_ended,
            "imported": retried.imported, "failed": batch.failed, "not_tried": batch.not_tried
        });
        printer.json(&result)?;
    } else {
        printer.result(&retried_trials(target, retried))?;
    }
    Ok(batch.status())
}
