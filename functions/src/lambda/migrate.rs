//! The function that prepares a deployment: it migrates the database and makes the first API key.
//!
//! It is a custom resource of the stack, so that a deployment waits for it and fails with it: `CloudFormation` invokes it with what is
//! to happen and a URL for the answer, and waits in vain if none comes. By hand it is invoked with `{}`, and answers itself.
//!
//! When a deployment rolls back, `CloudFormation` restores this function and invokes it on the schema of the newer version. It must then
//! succeed, or the rollback fails too: it accepts migrations that it does not know, unless they say that they break it.

mod custom_resource;
mod first_key;

use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::Client;
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use oddish_db::schema::{self, MigrateError};
use oddish_db::{ConnectError, DatabaseSettings, Db, DbError, NoDatabase};
use oddish_domain::settings::{Group, Reader, Setting, Settings, SettingsFaults};
use serde::{Deserialize, Serialize};

pub use custom_resource::{AnswerLost, Event, Request};
pub use first_key::{FIRST_KEY_NAME, FirstKey, FirstKeyError};

const FIRST_KEY_SECRET: Setting<Option<String>> = Setting::optional("ODDISH_FIRST_KEY_SECRET")
    .doc("ARN of the Secrets Manager secret that will hold the first API key. Unset: no key is made.");
/// Left for the answer when the time of an invocation runs out.
const RESERVE: Duration = Duration::from_secs(15);
/// A migration takes a connection for its lock.
const CONNECTIONS: u32 = 2;

/// What the function is configured with.
#[derive(Clone, Debug)]
pub struct MigrateSettings {
    /// The database.
    pub database: DatabaseSettings,
    /// ARN of the secret for the first API key, if one is to be made.
    pub first_key_secret: Option<String>,
}

impl MigrateSettings {
    /// Their settings for the documents, in addition to [`DatabaseSettings::GROUP`].
    pub const GROUP: Group =
        Group { title: "Migrating a deployment", read_by: "`migrate`", settings: &[&FIRST_KEY_SECRET] };

    /// Reads [`Self::GROUP`] and [`DatabaseSettings::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self { database: DatabaseSettings::read(reader), first_key_secret: reader.get(&FIRST_KEY_SECRET) }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrated {
    /// Migrations that the database did not have.
    pub applied: usize,
    /// What became of the first API key.
    pub first_key: FirstKey,
}

/// Why a deployment could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum MigrateFailed {
    /// Variables of the environment are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsFaults),
    /// No database is configured.
    #[error(transparent)]
    NoDatabase(#[from] NoDatabase),
    /// The database could not be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The schema could not be migrated.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// There is no first API key.
    #[error(transparent)]
    FirstKey(#[from] FirstKeyError),
    /// It took longer than an invocation may. What was applied stays.
    #[error(
        "the database was not migrated within {0:?}; what was applied stays. Invoke this function with {{}} until it answers, then deploy again"
    )]
    OutOfTime(Duration),
}

/// What the function works with.
#[derive(Debug)]
pub struct Migration {
    /// Where the database is, and which secret takes the key. They are read with each invocation: what is wrong with them is answered too.
    pub settings: Settings,
    /// Secrets Manager.
    pub secrets: Client,
}

/// Runs the function until its runtime ends it.
pub async fn run(settings: Settings) -> Result<(), lambda_runtime::Error> {
    let secret = MigrateSettings::read(&mut settings.reader()).first_key_secret;
    // Asking around for a region takes a while where nobody knows one.
    let region = secret.as_deref().and_then(region_of).map(|region| Region::new(region.to_owned()));
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).region(region).load().await;
    let migration = Migration { settings, secrets: Client::new(&config) };
    lambda_runtime::run(service_fn(|LambdaEvent { payload, context }| {
        let end = SystemTime::UNIX_EPOCH + Duration::from_millis(context.deadline);
        let left = end.duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(RESERVE);
        migration.answer(payload, left)
    }))
    .await
}

impl Migration {
    /// Does what the event asks for, within the time. A stack is told of a failure at its URL, and then this is none: invoking the
    /// function again would change nothing. By hand, a failure is the answer.
    pub async fn answer(&self, event: Event, within: Duration) -> Result<Option<Migrated>, lambda_runtime::Error> {
        let Some(request) = event.request() else { return Ok(Some(self.prepare(within).await?)) };
        let outcome = if request.deletes() { Ok(None) } else { self.prepare(within).await.map(Some) };
        if let Err(error) = &outcome {
            tracing::error!(error = error as &dyn std::error::Error, "the deployment could not be prepared");
        }
        request.tell(outcome.as_ref().map(|_| ()).map_err(|error| error as _)).await?;
        Ok(outcome.ok().flatten())
    }

    async fn prepare(&self, within: Duration) -> Result<Migrated, MigrateFailed> {
        let prepared = tokio::time::timeout(within, async {
            let settings = self.settings.read(MigrateSettings::read)?;
            let db = oddish_db::connect(&settings.database.required()?, CONNECTIONS).await?;
            let applied = migrate(&db).await?;
            let first_key = match &settings.first_key_secret {
                Some(secret) => first_key::ensure(&db, &self.secrets, secret).await?,
                None => FirstKey::NotWanted,
            };
            let migrated = Migrated { applied, first_key };
            tracing::info!(applied, first_key = ?migrated.first_key, "the deployment is prepared");
            Ok(migrated)
        });
        prepared.await.unwrap_or(Err(MigrateFailed::OutOfTime(within)))
    }
}

/// How many migrations the database did not have.
async fn migrate(db: &Db) -> Result<usize, MigrateFailed> {
    let before = schema::status(db).await?;
    schema::migrate(db).await?;
    Ok(before.iter().filter(|migration| !migration.applied).count())
}

/// Where a secret is, by its ARN: `arn:aws:secretsmanager:<region>:...`.
fn region_of(secret: &str) -> Option<&str> {
    secret.split(':').nth(3).filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn the_region_is_that_of_the_secret() {
        let arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:first-key-AbCdEf";
        assert_eq!(region_of(arn), Some("cn-north-1"));
        assert_eq!(region_of("first-key"), None);
    }
}
