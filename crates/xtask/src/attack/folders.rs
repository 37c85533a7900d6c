//! Folders that somebody else on the machine has a hand in.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};

use anyhow::{Context as _, Result, bail};

use super::definition::Attack;
use super::machine::Machine;
use super::verdict::Verdict;
use crate::stack::Stack;
use crate::{process, workspace};

/// Another account than the server's: that of `nobody` on most systems.
const SOMEBODY_ELSE: u32 = 65_534;

/// The folder as the server finds it.
struct Found {
    name: &'static str,
    tried: &'static str,
    folder: &'static str,
    mode: u32,
    owner: Option<u32>,
}

static FOUND: [Found; 4] = [
    Found {
        name: "artifact-folder-of-another",
        tried: "the folder for artifacts is there already and somebody else's",
        folder: "oddish-tasks",
        mode: 0o755,
        owner: Some(SOMEBODY_ELSE),
    },
    Found {
        name: "artifact-folder-open-to-all",
        tried: "everybody may write into the folder for artifacts",
        folder: "oddish-tasks",
        mode: 0o777,
        owner: None,
    },
    Found {
        name: "jobs-folder-of-another",
        tried: "the folder for running trials is there already and somebody else's",
        folder: "harbor-jobs",
        mode: 0o755,
        owner: Some(SOMEBODY_ELSE),
    },
    Found {
        name: "jobs-folder-open-to-all",
        tried: "everybody may write into the folder for running trials",
        folder: "harbor-jobs",
        mode: 0o777,
        owner: None,
    },
];

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    let attacks = FOUND.iter().map(|found| Attack::own(found.name, found.tried, move |machine| start(machine, found)));
    attacks.map(|attack| attack.quick(true)).collect()
}

fn start(machine: &Machine, found: &Found) -> Result<Verdict> {
    let folder = machine.folder(found.name)?;
    let prepared = folder.join(found.folder);
    workspace::create_folder(&prepared)?;
    std::fs::set_permissions(&prepared, Permissions::from_mode(found.mode)).context("can't change a folder's mode")?;
    if let Some(owner) = found.owner {
        chown(&prepared, Some(owner), Some(owner)).context("only root can give a folder to somebody else")?;
    }
    match machine.launch(found.name, machine.server_program()?) {
        Ok(target) => {
            target.stack.stop()?;
            Ok(Verdict::Succeeded(format!("the server uses {}", prepared.display())))
        }
        Err(error) => {
            let said = process::tail(&Stack::log(&folder), 0);
            let named = said.lines().rev().find(|line| line.contains(&*prepared.to_string_lossy()));
            match named {
                Some(line) => Ok(Verdict::Held(format!("the server refuses it: {line}"))),
                None => bail!("the server did not start, and does not name the folder: {error:#}"),
            }
        }
    }
}
