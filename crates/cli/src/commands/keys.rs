//! `oddish keys`. On stdout is what was asked for, a new key alone above all; everything else is on stderr.

mod args;

use oddish_api_types::{CreateApiKeyRequest, CreatedApiKeyResponse};

use crate::client::Client;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::plain_text;
use crate::printer::Printer;
use crate::view::api_key;
use crate::view::table::stdout_width;

use self::args::KeysAction;
pub(crate) use self::args::KeysArgs;

/// Creates, lists or revokes keys.
pub(crate) async fn keys(args: &KeysArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    match args.action.as_ref().unwrap_or(&KeysAction::List) {
        KeysAction::Create { name, owner, scope, expires_in_days } => {
            let wanted = CreateApiKeyRequest {
                name: name.clone(),
                owner: owner.clone(),
                scope: Some(scope.to_string()),
                expires_in_days: *expires_in_days,
            };
            create(args, &wanted, &client, printer).await?;
        }
        KeysAction::List => {
            let found = client.api_keys().await.map_err(|error| error.while_doing("cannot list the keys"))?;
            if args.json {
                printer.json(&found)?;
            } else if found.is_empty() {
                printer.note("There are no keys yet: `oddish keys create` creates one.");
            } else {
                printer.result(&api_key::api_keys(&found, stdout_width()))?;
            }
        }
        KeysAction::Revoke { id } => {
            let revoked = client.revoke_api_key(id).await.map_err(|error| {
                let failure = error.while_doing(&format!("cannot revoke {}", plain_text::short_line(id, 200)));
                if error.is_not_found() { failure.with_hint("`oddish keys list` lists the ids") } else { failure }
            })?;
            if args.json {
                printer.json(&revoked)?;
            } else {
                let id = plain_text::line(&revoked.key_id);
                printer.result(&format!("Revoked key {id}: it stops working within a minute"))?;
            }
        }
    }
    Ok(ExitStatus::Success)
}

async fn create(
    args: &KeysArgs,
    wanted: &CreateApiKeyRequest,
    client: &Client,
    printer: &Printer,
) -> Result<(), Failure> {
    let created = client.create_api_key(wanted).await.map_err(|error| error.while_doing("cannot create the key"))?;
    let shown = if args.json {
        printer.json(&created)
    } else {
        printer.note(&introduction(&created));
        printer.result(&plain_text::line(&created.key))
    };
    shown.map_err(|failure| {
        // Nobody knows it, and it works.
        let why = failure.faults().first().map_or("stdout is closed", String::as_str);
        let id = plain_text::line(&created.about.id);
        Failure::new(format!("the key {id} was created and could not be shown: {why}"))
            .with_hint(format!("oddish keys revoke {id}"))
    })
}

fn introduction(created: &CreatedApiKeyResponse) -> String {
    let about = &created.about;
    let end = about.expires_at.map_or_else(|| "never".to_owned(), |at| format!("on {}", at.date()));
    let (id, name, owner) =
        (plain_text::line(&about.id), plain_text::line(&about.name), plain_text::line(&about.owner));
    format!("Key {id} ({name}) of {owner}, scope {}, expires {end}. Store it now: it is not shown again.", about.scope)
}
