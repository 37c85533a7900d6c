//! `oddish experiments`.

mod args;

use oddish_api_types::ShareResponse;
use serde::Serialize;
use serde_json::json;

use crate::client::{Client, ClientError};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::naming;
use crate::plain_text;
use crate::printer::Printer;
use crate::view::table::stdout_width;
use crate::view::{experiment, task};

pub(crate) use self::args::ExperimentsArgs;
use self::args::{ExperimentsAction, ListArgs};

const LISTED: usize = 20;

/// Lists, shows, renames or shares experiments.
pub(crate) async fn experiments(args: &ExperimentsArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    let Some(action) = &args.action else {
        list(args, &ListArgs::default(), &client, printer).await?;
        return Ok(ExitStatus::Success);
    };
    match action {
        ExperimentsAction::List(chosen) => list(args, chosen, &client, printer).await?,
        ExperimentsAction::Show(of) => {
            let id = naming::experiment_id(&client, &of.experiment).await?;
            let found = client.experiment(&id).await.map_err(|error| failure("cannot show the experiment", &error))?;
            if args.json {
                printer.json(&found)?;
            } else {
                printer.result(&experiment::experiment(&found))?;
            }
        }
        ExperimentsAction::Rename { of, name } => {
            let id = naming::experiment_id(&client, &of.experiment).await?;
            let renamed = client
                .rename_experiment(&id, name)
                .await
                .map_err(|error| failure("cannot rename the experiment", &error))?;
            if args.json {
                printer.json(&renamed)?;
            } else {
                let (id, name) = (plain_text::line(&renamed.id), plain_text::line(&renamed.name));
                printer.result(&format!("Experiment {id} is called {name}"))?;
            }
        }
        ExperimentsAction::Publish(of) => {
            let id = naming::experiment_id(&client, &of.experiment).await?.into_owned();
            let share = client.publish_experiment(&id).await;
            let share = share.map_err(|error| failure("cannot publish the experiment", &error))?;
            show_share(args, &Share::new(&client, id, share), printer)?;
        }
        ExperimentsAction::Unpublish(of) => {
            let id = naming::experiment_id(&client, &of.experiment).await?.into_owned();
            let share = client.unpublish_experiment(&id).await;
            let share = share.map_err(|error| failure("cannot unpublish the experiment", &error))?;
            show_share(args, &Share::new(&client, id, share), printer)?;
        }
    }
    Ok(ExitStatus::Success)
}

async fn list(args: &ExperimentsArgs, chosen: &ListArgs, client: &Client, printer: &Printer) -> Result<(), Failure> {
    let filters = [
        ("query", chosen.query.clone()),
        ("status", chosen.status.map(|status| status.as_str().to_owned())),
        ("user", chosen.user.clone()),
    ];
    let filters: Vec<(&str, String)> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let most = if chosen.all { usize::MAX } else { chosen.limit.map_or(LISTED, |limit| limit as usize) };
    let listed = client.list_experiments(&filters, most).await;
    let (found, total) = listed.map_err(|error| error.while_doing("cannot list the experiments"))?;
    if args.json {
        printer.json(&json!({ "experiments": found, "total": total }))?;
    } else if found.is_empty() {
        printer.note(&format!("No such experiment at {}.", client.server()));
    } else {
        printer.result(&task::recent_experiments(&found, stdout_width()))?;
    }
    if let Some(total) = total.filter(|total| usize::try_from(*total).is_ok_and(|total| total > found.len())) {
        printer.note(&format!("{} of {total} experiments are shown: --all shows all.", found.len()));
    }
    Ok(())
}

/// Whether and how an experiment is shared, as `--json` prints it.
#[derive(Serialize)]
struct Share {
    id: String,
    name: String,
    is_public: bool,
    public_token: Option<String>,
    /// Where it is read without a key, while it is shared.
    public_url: Option<String>,
}

impl Share {
    fn new(client: &Client, id: String, share: ShareResponse) -> Self {
        let public_url = share.public_token.as_deref().map(|token| client.public_experiment_url(token).into());
        Self { id, name: share.name, is_public: share.is_public, public_token: share.public_token, public_url }
    }
}

fn show_share(args: &ExperimentsArgs, share: &Share, printer: &Printer) -> Result<(), Failure> {
    if args.json {
        return printer.json(share);
    }
    let experiment = format!("{} ({})", plain_text::line(&share.id), plain_text::line(&share.name));
    printer.result(&match (&share.public_token, &share.public_url) {
        (Some(token), Some(url)) => {
            let token = plain_text::line(token);
            format!("Experiment  {experiment}\nShared      yes\nToken       {token}\nURL         {url}")
        }
        _ => format!("Experiment  {experiment}\nShared      no"),
    })
}

fn failure(what: &str, error: &ClientError) -> Failure {
    let failure = error.while_doing(what);
    if error.is_not_found() { failure.with_hint("`oddish experiments list` lists ids and names") } else { failure }
}
