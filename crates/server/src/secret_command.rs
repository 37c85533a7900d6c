//! `oddish-server secret`.

use anyhow::{Context as _, bail};
use oddish_db::secret_fingerprint;
use time::OffsetDateTime;

use crate::args::SecretCommand;
use crate::secret_key::{self, Located};
use crate::settings::ServerSettings;
use crate::{console, database, folders};

pub(crate) async fn run(command: SecretCommand) -> anyhow::Result<()> {
    let SecretCommand::Replace { yes } = command;
    let settings = ServerSettings::load()?;
    folders::check_home(&settings.home)?;
    let located = secret_key::locate(settings.storage.secret_key.as_ref(), &settings.home)?;
    let Located { secret, source } = located.context("there is no secret to put in the old one's place")?;
    let url = database::locate(&settings).await?;
    let db = database::open(&settings, &url).await?;
    let (fingerprint, now) = (secret.fingerprint(), OffsetDateTime::now_utc());
    let known = secret_fingerprint::agree(&db, &fingerprint, &source, now).await?;
    if known.fingerprint == fingerprint {
        bail!("nothing to replace: the database at {} is used with the secret from {source}", url.place());
    }
    let losses = match secret_fingerprint::count_sealed(&db).await? {
        0 => "No trial that has not ended needs the old one".to_owned(),
        1 => "1 trial that has not ended needs the old one and will fail as AgentEnvUnreadable".to_owned(),
        sealed => format!("{sealed} trials that have not ended need the old one and will fail as AgentEnvUnreadable"),
    };
    let what = format!(
        "{losses}. Use the database at {} with the secret from {source}, in place of that from {}",
        url.place(),
        known.source
    );
    console::confirm(yes, &what, "what the old secret sealed cannot be read with the new one")?;
    secret_fingerprint::replace(&db, &fingerprint, &source, now).await?;
    console::say(&format!("{losses}. Replaced: start all servers and workers with the secret from {source}."));
    Ok(())
}
