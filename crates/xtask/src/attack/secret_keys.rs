//! Two servers over one database that do not share their secret.

use anyhow::{Result, bail};

use super::definition::Attack;
use super::machine::Machine;
use super::task::unique;
use super::verdict::Verdict;
use crate::process;
use crate::stack::Stack;

const NAME: &str = "another-secret-key";

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    vec![Attack::own(NAME, "a second server joins the database with another ODDISH_SECRET_KEY", join).quick(true)]
}

fn join(machine: &Machine) -> Result<Verdict> {
    let first = machine.start("first-secret-key")?;
    let mut server = machine.server_program()?;
    server.env("DATABASE_URL", first.stack.database_url()?).env("ODDISH_SECRET_KEY", unique("another"));
    let second = machine.launch(NAME, server);
    let verdict = match second {
        Ok(second) => {
            second.stack.stop()?;
            Verdict::Succeeded("the second server started, and takes trials whose variables it can't read".to_owned())
        }
        Err(error) => {
            let said = process::tail(&Stack::log(&machine.folder(NAME)?), 0);
            match said.lines().rev().find(|line| line.contains("ODDISH_SECRET_KEY")) {
                Some(line) => Verdict::Held(format!("the second server does not start: {line}")),
                None => bail!("the second server did not start, and does not name the key: {error:#}"),
            }
        }
    };
    first.stack.stop()?;
    Ok(verdict)
}
