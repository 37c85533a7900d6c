//! `oddish-server keys`. On stdout is what was asked for, the key alone above all; everything else is on stderr.

use anyhow::{Context as _, bail};
use oddish::{Db, Error, api_keys};
use oddish_api_types::{ApiKeyResponse, CreateApiKeyRequest, CreatedApiKeyResponse};
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_domain::label;
use oddish_functions::http::auth::AuthMode;
use time::{Date, OffsetDateTime};

use crate::args::KeysCommand;
use crate::settings::ServerSettings;
use crate::{console, database};

pub(crate) async fn run(command: KeysCommand) -> anyhow::Result<()> {
    let settings = ServerSettings::load()?;
    let url = database::locate(&settings).await?;
    let db = database::open(&settings, &url).await?;
    let now = OffsetDateTime::now_utc();
    match command {
        KeysCommand::Create { name, owner, scope, expires_in_days, json } => {
            if !console::is_seen() {
                bail!(
                    "no key was made, since nobody could see it: stdout is closed, or goes to /dev/null. Show it, or send it to a file"
                );
            }
            label::check(&name).context("--name")?;
            owner.as_deref().map(label::check).transpose().context("--owner")?;
            let request = CreateApiKeyRequest { name, owner, scope: Some(scope.to_string()), expires_in_days };
            create(&db, &request, now, |created| {
                if json {
                    return console::print(&format!("{}\n", serde_json::to_string(created)?));
                }
                console::say(&introduction(&created.about));
                console::print(&format!("{}\n", created.key))
            })
            .await?;
            if settings.auth == AuthMode::None {
                console::say("A server asks for keys once ODDISH_AUTH=api-key is set.");
            }
        }
        KeysCommand::List { json } => {
            let keys = api_keys::list(&db, now).await?;
            if json {
                console::print(&format!("{}\n", serde_json::to_string(&keys)?))?;
            } else if keys.is_empty() {
                console::say("There is no key yet: `oddish-server keys create` makes one.");
            } else {
                console::print(&table(&keys))?;
            }
        }
        KeysCommand::Revoke { id } => {
            match api_keys::revoke(&db, id.clone(), now).await {
                Err(Error::NotFound { .. }) => {
                    bail!("no key has the id {id:?}: `oddish-server keys list` shows the ids")
                }
                revoked => revoked?,
            };
            console::say(&format!("Revoked. Within a minute the key {id} lets nobody in any more."));
        }
    }
    Ok(())
}

/// Makes a key and shows it. One that could not be shown is not kept: nobody would know what works.
async fn create(
    db: &Db,
    request: &CreateApiKeyRequest,
    now: OffsetDateTime,
    show: impl FnOnce(&CreatedApiKeyResponse) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let draft = api_keys::draft(db, GeneratedKey::draw(), request, None, now).await?;
    if let Err(error) = show(draft.created()) {
        bail!("no key was made, since it could not be shown: {error:#}");
    }
    draft.keep().await.context("the key that was shown could not be stored, and does not work")?;
    Ok(())
}

fn introduction(key: &ApiKeyResponse) -> String {
    let allows = match key.scope {
        Scope::Read => "looking at everything",
        Scope::Tasks => "submitting, cancelling and retrying",
        Scope::Full => "everything",
    };
    let end =
        key.expires_at.map_or_else(|| "It does not expire.".to_owned(), |at| format!("It ends on {}.", at.date()));
    format!(
        "Key {} ({}) of {} allows {allows}. {end}\nKeep it now: it is not shown again. Clients read it from ODDISH_API_KEY.",
        key.id, key.name, key.owner
    )
}

fn table(keys: &[ApiKeyResponse]) -> String {
    let day = |time: Option<OffsetDateTime>| time.map_or_else(|| "-".to_owned(), |time| Date::to_string(&time.date()));
    let mut rows =
        vec![["ID", "KEY", "SCOPE", "STATE", "CREATED", "EXPIRES", "LAST USED", "OWNER", "NAME"].map(String::from)];
    rows.extend(keys.iter().map(|key| {
        let state = match (key.is_active, key.revoked_at) {
            (true, _) => "active",
            (false, Some(_)) => "revoked",
            (false, None) => "expired",
        };
        [
            key.id.clone(),
            format!("{}...", key.key_prefix),
            key.scope.to_string(),
            state.to_owned(),
            day(Some(key.created_at)),
            day(key.expires_at),
            day(key.last_used_at),
            key.owner.clone(),
            key.name.clone(),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 9] = std::array::from_fn(width);
    let line = |row: &[String; 9]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
