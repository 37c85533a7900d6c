//! Postgres server programs, from which private servers are started.

use std::path::{Path, PathBuf};

use anyhow::Result;
use oddish_private_postgres::ServerPrograms;

use super::apt::{Apt, Distribution};
use crate::progress::step;
use crate::workspace;

/// The folder of the programs; installs them where we may.
pub(super) fn ensure() -> Result<PathBuf> {
    let explicit = std::env::var_os("ODDISH_POSTGRES_BIN").map(PathBuf::from);
    let missing = match ServerPrograms::find(explicit.as_deref()) {
        Ok(programs) => return Ok(programs.folder().to_path_buf()),
        Err(missing) => missing,
    };
    let Some(distribution) = Distribution::installable() else { return Err(missing.into()) };
    step("installing Postgres", || {
        // The package would otherwise start a server of its own on port 5432.
        let settings = Path::new("/etc/postgresql-common/createcluster.conf");
        if !settings.exists() {
            workspace::create_folder(Path::new("/etc/postgresql-common"))?;
            workspace::write(settings, "create_main_cluster = false\n")?;
        }
        Apt::of(&distribution, None, "postgres")?.install(&["postgresql"])
    })?;
    Ok(ServerPrograms::find(None)?.folder().to_path_buf())
}
