//! Soak tests: everything at once for longer than an ordinary test may take.

use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::database::ThrowAwayDatabase;
use crate::progress::say;
use crate::{process, programs, setup, workspace};

/// A test that does as much as it can in the time that it is given.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Soak {
    /// The queue in the database: 32 dispatchers, limits, kills, cancels and retries.
    Queue,
    /// Fifty runners at work while Postgres is away for that long.
    Outage,
}

impl Soak {
    /// Its package and its name there.
    fn test(self) -> (&'static str, &'static str) {
        match self {
            Self::Queue => ("oddish-db", "soak::queue"),
            Self::Outage => {
                ("oddish-server", "outage::while_the_database_is_away_nobody_is_reaped_and_no_result_is_lost")
            }
        }
    }
}

/// `cargo xtask soak`.
pub(crate) fn run(soak: Soak, seconds: Option<u64>, seed: Option<u64>) -> Result<()> {
    let seconds = seconds.unwrap_or(match soak {
        Soak::Queue => 60,
        Soak::Outage => 120,
    });
    let toolbox = setup::run()?;
    let nextest = setup::tools::nextest()?;
    programs::build_programs()?;
    let (package, name) = soak.test();
    let database = ThrowAwayDatabase::start(&toolbox.postgres_bin)?;
    say(&format!("==> soaking for {seconds} s"));
    let mut command = Command::new(nextest);
    command.args(["nextest", "run", "--package", package, "--no-capture"]).current_dir(workspace::root());
    command.arg("--filterset").arg(format!("test(={name})"));
    // It would be taken for a test that hangs otherwise.
    command.args(["--profile", "soak"]);
    command.env("ODDISH_SOAK_SECONDS", seconds.to_string());
    if let Some(seed) = seed {
        command.env("ODDISH_SOAK_SEED", seed.to_string());
    }
    process::shown(toolbox.equip(&mut command).env("DATABASE_URL", database.url()))
}
