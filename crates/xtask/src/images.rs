//! The images of Oddish, with the debug programs of this checkout in place of what the Dockerfile would compile.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::logged;
use crate::programs::build_programs;
use crate::progress::{say, step};
use crate::{setup, workspace};

pub(crate) const RUNNER: &str = "oddish-runner:test";
pub(crate) const SERVER: &str = "oddish-server:test";

const LOG: &str = "images";
/// Tells the images of earlier builds from a user's own.
const LABEL: &str = "oddish.made-for=tests";
/// The machine's certificates: a proxy in front of the package registries may have one of its own among them.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// `cargo xtask images`.
pub(crate) fn run() -> Result<()> {
    let toolbox = setup::run()?;
    build_programs()?;
    build(&toolbox.docker)?;
    say(&format!("runner: {RUNNER}\nserver: {SERVER}"));
    Ok(())
}

/// Builds both images from the programs that lie beside this one.
pub(crate) fn build(docker: &Path) -> Result<()> {
    setup::image_base(docker)?;
    let programs = workspace::kept("setup").join("image-programs");
    workspace::create_folder(&programs)?;
    for program in ["oddish-runner", "oddish-server"] {
        let built = workspace::binaries()?.join(program);
        std::fs::copy(&built, programs.join(program)).with_context(|| format!("can't copy {}", built.display()))?;
    }
    step("building the images of the runner and the server", || {
        for (target, tag) in [("runner", RUNNER), ("server", SERVER)] {
            let mut command = Command::new(docker);
            command.env("DOCKER_BUILDKIT", "1").current_dir(workspace::root());
            command.args(["build", "--progress", "plain", "--target", target, "--tag", tag, "--label", LABEL]);
            command.args(["--build-arg", "BINARIES=ready", "--build-context"]);
            command.arg(format!("ready={}", programs.display()));
            if Path::new(CERTIFICATES).is_file() {
                command.arg("--secret").arg(format!("id=ca,src={CERTIFICATES}"));
            }
            logged(LOG, command.arg("."))?;
        }
        logged(LOG, Command::new(docker).args(["image", "prune", "--force", "--filter", &format!("label={LABEL}")]))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The packages of a lock file and their versions.
    fn packages(file: &str) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(workspace::root().join(file)).unwrap();
        let pins = text.lines().filter_map(|line| line.split_once("=="));
        pins.map(|(name, rest)| (name.to_lowercase().replace('_', "-"), rest.trim_end_matches(" \\").to_owned()))
            .collect()
    }

    #[test]
    fn the_images_hold_what_trials_are_tested_with() {
        let tested = packages("crates/xtask/harbor-0.26.0.lock.txt");
        let mut held = packages("docker/harbor-0.26.0.lock.txt");
        held.retain(|name, _| tested.contains_key(name));
        let differing: Vec<&str> = tested
            .iter()
            .filter(|(name, version)| held.get(*name) != Some(version))
            .map(|(name, _)| name.as_str())
            .collect();
        // An SDK asks for it in another version.
        assert_eq!(differing, ["rich"]);
        assert_eq!(held["harbor"], oddish_domain::harbor_settings::HARBOR_VERSION);
    }
}
