//! The machine that the attacks are run on: its Docker, and a folder for servers and for files that no sandbox may touch.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::target::Target;
use super::task::unique;
use crate::process::ask;
use crate::setup::Toolbox;
use crate::stack::{self, Stack};
use crate::workspace;

/// Longest wait for a `docker` command.
const DOCKER_PATIENCE: Duration = Duration::from_secs(30);

/// A variable of each server's and so each runner's environment that Harbor has no use for.
pub(super) const SECRET_VARIABLE: &str = "ATTACK_SECRET";

/// Where attacks are run.
pub(super) struct Machine {
    pub(super) toolbox: Toolbox,
    folder: PathBuf,
    /// The value of [`SECRET_VARIABLE`].
    pub(super) secret: String,
}

impl Machine {
    pub(super) fn new(toolbox: Toolbox, folder: &Path) -> Self {
        Self { toolbox, folder: folder.to_path_buf(), secret: unique("secret") }
    }

    /// A folder of this name for one attack.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        workspace::create_folder(&folder)?;
        Ok(folder)
    }

    /// A file of this machine that a sandbox has no business with.
    pub(super) fn host_file(&self, content: &str) -> Result<PathBuf> {
        let file = self.folder("host")?.join(unique("file"));
        workspace::write(&file, content)?;
        Ok(file)
    }

    /// The server, ready to be started as it is: with the variable that it keeps to itself.
    pub(super) fn server_program(&self) -> Result<Command> {
        let mut server = stack::program("oddish-server")?;
        self.equip(&mut server);
        Ok(server)
    }

    /// The server as it runs where few descriptors are allowed.
    pub(super) fn server_program_with_descriptors(&self, descriptors: u32) -> Result<Command> {
        let mut shell = Command::new("sh");
        stack::without_settings(&mut shell);
        let limited = format!("ulimit -n {descriptors} && exec \"$@\"");
        shell.args(["-c", &limited, "sh"]).arg(workspace::binaries()?.join("oddish-server"));
        self.equip(&mut shell);
        Ok(shell)
    }

    fn equip(&self, server: &mut Command) {
        self.toolbox.equip(server).env(SECRET_VARIABLE, &self.secret);
    }

    /// Starts a server in a folder of this name.
    pub(super) fn start(&self, name: &str) -> Result<Target> {
        self.launch(name, self.server_program()?)
    }

    /// [`Machine::start`] with another program or other settings.
    pub(super) fn launch(&self, name: &str, server: Command) -> Result<Target> {
        let folder = self.folder(name)?;
        Ok(Target::new(Stack::launch(server, &folder)?, &folder))
    }

    /// What a `docker` command prints.
    pub(super) fn docker(&self, arguments: &[&str]) -> Result<String> {
        ask(Command::new(&self.toolbox.docker).args(arguments), DOCKER_PATIENCE).map_err(|reason| anyhow!(reason))
    }

    /// Containers and networks of a Compose project, by name.
    pub(super) fn of_project(&self, project: &str) -> Result<Vec<String>> {
        let label = format!("label=com.docker.compose.project={project}");
        let containers = self.docker(&["ps", "--all", "--filter", &label, "--format", "container {{.Names}}"])?;
        let networks = self.docker(&["network", "ls", "--filter", &label, "--format", "network {{.Name}}"])?;
        Ok(containers.lines().chain(networks.lines()).map(str::to_owned).collect())
    }

    /// Removes what a Compose project left.
    pub(super) fn remove_project(&self, project: &str) -> Result<()> {
        let down = ["compose", "-p", project, "down", "--remove-orphans", "--volumes", "--rmi", "local", "-t", "0"];
        self.docker(&down).map(drop)
    }
}
