//! What is asked of Docker's own command about the sandboxes of attempts: what is left of them, and to remove it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::process::{Output, Stdio};

use tokio::process::Command;

/// The label by which Compose knows what belongs to a project.
const PROJECT: &str = "com.docker.compose.project";

/// Docker's command, with the variables that it gets.
#[derive(Clone, Copy, Debug)]
pub struct Docker<'a> {
    environment: &'a [(OsString, OsString)],
}

/// Why Docker did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// There is no such command here, so that no trial here uses Docker.
    #[error("there is no `docker` on the PATH")]
    Absent,
    /// The command could not be run.
    #[error("cannot run `docker {command}`")]
    Run {
        /// Its first word.
        command: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The command failed, mostly because nothing answers it.
    #[error("`docker {command}` failed ({status}): {said}")]
    Failed {
        /// Its first words.
        command: String,
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
}

impl<'a> Docker<'a> {
    /// The command as it runs with these variables and no others.
    pub fn new(environment: &'a [(OsString, OsString)]) -> Self {
        Self { environment }
    }

    /// The Compose projects of which there is a container, a network, a volume or an image. An image to which its task gave a name of its own
    /// does not count: others may use it.
    pub async fn projects(self) -> Result<BTreeSet<String>, DockerError> {
        let label = format!("{{{{.Label \"{PROJECT}\"}}}}");
        let filter = format!("label={PROJECT}");
        let containers = ["ps", "--all", "--filter", &filter, "--format", &label];
        let networks = ["network", "ls", "--filter", &filter, "--format", &label];
        let volumes = ["volume", "ls", "--filter", &filter, "--format", &label];
        let (containers, networks, volumes, images) =
            tokio::try_join!(self.lines(&containers), self.lines(&networks), self.lines(&volumes), self.images())?;
        let labels = [containers, networks, volumes].concat();
        Ok(labels.into_iter().chain(images.into_keys()).filter(|project| !project.is_empty()).collect())
    }

    /// Removes all of a project: containers with what runs in them, networks, volumes, and the images that Compose named after it.
    pub async fn remove(self, project: &str) -> Result<(), DockerError> {
        // Without its files Compose would take images of any name for the project's own (`--rmi local`), so these are removed apart.
        self.run(&["compose", "-p", project, "down", "--remove-orphans", "--volumes", "-t", "0"]).await?;
        if let Some(images) = self.images().await?.remove(project) {
            let images: Vec<&str> = images.iter().map(String::as_str).collect();
            self.run(&[&["image", "rm"], images.as_slice()].concat()).await?;
        }
        Ok(())
    }

    /// The images that belong to projects alone: those that Compose named after them, and those without any name.
    async fn images(self) -> Result<BTreeMap<String, Vec<String>>, DockerError> {
        let filter = format!("label={PROJECT}");
        let ids: BTreeSet<String> =
            self.lines(&["image", "ls", "--no-trunc", "--quiet", "--filter", &filter]).await?.into_iter().collect();
        let mut images: BTreeMap<String, Vec<String>> = BTreeMap::new();
        if ids.is_empty() {
            return Ok(images);
        }
        let format = format!(
            "{{{{index .Config.Labels \"{PROJECT}\"}}}} {{{{.Id}}}}{{{{range .RepoTags}}}} {{{{.}}}}{{{{end}}}}"
        );
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        // One that went meanwhile fails the command, which tells of the others all the same.
        let output = self.output(&[&["image", "inspect", "--format", &format], ids.as_slice()].concat()).await?;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let mut words = line.split(' ');
            let (Some(project), Some(id)) = (words.next(), words.next()) else { continue };
            let names: Vec<&str> = words.collect();
            let named_after_it = names.iter().filter(|name| name.starts_with(&format!("{project}-")));
            let mut own: Vec<String> = named_after_it.map(|name| (*name).to_owned()).collect();
            if names.is_empty() {
                own.push(id.to_owned());
            }
            if !own.is_empty() {
                images.entry(project.to_owned()).or_default().extend(own);
            }
        }
        Ok(images)
    }

    async fn lines(self, arguments: &[&str]) -> Result<Vec<String>, DockerError> {
        let output = self.run(arguments).await?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    async fn run(self, arguments: &[&str]) -> Result<Output, DockerError> {
        let output = self.output(arguments).await?;
        if output.status.success() {
            return Ok(output);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let command = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        Err(DockerError::Failed { command, status: output.status.to_string(), said })
    }

    async fn output(self, arguments: &[&str]) -> Result<Output, DockerError> {
        let mut command = Command::new("docker");
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command.output().await.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => DockerError::Absent,
            _ => DockerError::Run { command: arguments.first().copied().unwrap_or_default().to_owned(), source },
        })
    }
}
