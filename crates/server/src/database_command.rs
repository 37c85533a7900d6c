//! `oddish-server db`.

use std::fmt::Write as _;

use anyhow::Context as _;
use oddish_db::schema;

use crate::args::DatabaseCommand;
use crate::console::{self, print};
use crate::database;
use crate::settings::ServerSettings;

pub(crate) async fn run(command: DatabaseCommand) -> anyhow::Result<()> {
    if matches!(command, DatabaseCommand::InstallPgqueuer) {
        return print(
            "Nothing to install: the queue is part of the migrations. `oddish-server db init` applies them.\n",
        );
    }
    let settings = ServerSettings::load()?;
    let url = database::locate(&settings).await?;
    let db = database::connect(&settings, &url).await?;
    let place = url.place();
    match command {
        DatabaseCommand::Setup | DatabaseCommand::Init => {
            schema::migrate(&db).await.with_context(|| format!("the database at {place}"))?;
            print(&format!("The database at {place} is up to date.\n"))?;
        }
        DatabaseCommand::Status => print(&status(&place, &schema::status(&db).await?))?,
        DatabaseCommand::Reset { yes } => {
            confirm_loss(yes, &format!("Drop everything that Oddish has in the database at {place}"))?;
            schema::reset(&db).await?;
            print(&format!("The database at {place} is empty and up to date.\n"))?;
        }
        DatabaseCommand::Purge { yes } => {
            confirm_loss(yes, &format!("Delete all tasks, trials and experiments in the database at {place}"))?;
            schema::purge(&db).await?;
            print(&format!("All tasks, trials and experiments in the database at {place} are deleted.\n"))?;
        }
        DatabaseCommand::InstallPgqueuer => {}
    }
    Ok(())
}

fn status(place: &str, migrations: &[schema::MigrationStatus]) -> String {
    let mut text = format!("Database {place}\n");
    for migration in migrations {
        let state = match (migration.applied, migration.known) {
            (true, true) => "applied",
            (true, false) => "applied by another version",
            (false, _) => "MISSING",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:04} {:<40} {state}", migration.version, migration.description);
    }
    if migrations.iter().any(|migration| !migration.applied) {
        text.push_str("Run `oddish-server db init` to apply what is missing.\n");
    }
    text
}

fn confirm_loss(yes: bool, what: &str) -> anyhow::Result<()> {
    console::confirm(yes, what, "this deletes data")
}
