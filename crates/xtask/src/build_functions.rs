//! The programs of the functions, as Lambda takes them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::progress::{say, step};
use crate::setup::cargo_lambda;
use crate::{process, workspace};

/// The programs that Lambda runs.
pub(crate) const PROGRAMS: [&str; 4] = ["api", "dispatch", "reconcile", "migrate"];
/// Where the template looks for them.
pub(crate) const FOLDER: &str = "target/lambda";
/// The cargo profile. One called `lambda` would put cargo's files where cargo-lambda wants its folders.
const PROFILE: &str = "deploy";
/// The C library of Amazon Linux 2023, the system of `provided.al2023` (AWS, Lambda runtimes).
const GLIBC: (u32, u32) = (2, 34);

/// What every program holds that can call ECS: the name of the service in its requests (AWS, JSON 1.1 protocol, `X-Amz-Target`).
const ECS: &[u8] = b"AmazonEC2ContainerServiceV20141113";

/// A processor architecture of Lambda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Architecture {
    /// x86-64, as `Architecture: x86_64` in the template.
    #[value(name = "x86_64")]
    X86_64,
    /// Graviton, as `Architecture: arm64` in the template.
    #[value(name = "aarch64", alias = "arm64")]
    Aarch64,
}

impl Architecture {
    /// That of this machine.
    fn of_this_machine() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 }
    }

    fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
        }
    }
}

/// `cargo xtask build-functions`: a ready zip file of each program, or of those that are named, for the C library of Amazon Linux 2023
/// whatever this machine has.
pub(crate) fn run(programs: &[String], architecture: Option<Architecture>) -> Result<()> {
    build(programs, architecture, &workspace::root().join("target"))?;
    let programs: Vec<&str> =
        if programs.is_empty() { PROGRAMS.to_vec() } else { programs.iter().map(String::as_str).collect() };
    for program in programs {
        let zip = zip(program);
        let bytes = zip.metadata().with_context(|| format!("can't find {}", zip.display()))?.len();
        say(&format!("{FOLDER}/{program}/bootstrap.zip  {:.1} MB", megabytes(bytes)));
    }
    Ok(())
}

/// Builds into the target folder `target`, and checks what comes out.
pub(crate) fn build(programs: &[String], architecture: Option<Architecture>, target: &Path) -> Result<()> {
    if let Some(unknown) = programs.iter().find(|program| !PROGRAMS.contains(&program.as_str())) {
        bail!("no program is called `{unknown}`: there are {}", PROGRAMS.join(", "));
    }
    let architecture = architecture.unwrap_or_else(Architecture::of_this_machine);
    ensure_target(architecture)?;
    let cargo_lambda = cargo_lambda::ensure()?;
    step("building the functions", || {
        let mut build = Command::new(&cargo_lambda);
        build.args(["lambda", "build", "--profile", PROFILE, "--package", "oddish-functions"]);
        build.args(["--target", &format!("{}.{}.{}", architecture.target(), GLIBC.0, GLIBC.1)]);
        build.args(["--output-format", "zip"]);
        build.args(programs.iter().flat_map(|program| ["--bin", program.as_str()]));
        build.arg("--lambda-dir").arg(workspace::root().join(FOLDER));
        build.env("CARGO_TARGET_DIR", target).env("CARGO_ZIGBUILD_PYTHON_PATH", cargo_lambda.with_file_name("python"));
        process::shown(build.current_dir(workspace::root()))
    })?;
    for program in PROGRAMS.iter().filter(|name| programs.is_empty() || programs.iter().any(|named| named == *name)) {
        let built = target.join(architecture.target()).join(PROFILE).join(program);
        let bytes = std::fs::read(&built).with_context(|| format!("can't read {}", built.display()))?;
        let wanted = newest_glibc(&bytes);
        ensure!(
            wanted <= GLIBC,
            "{program} wants GLIBC_{}.{}, and Lambda has GLIBC_{}.{}: it would not start there",
            wanted.0,
            wanted.1,
            GLIBC.0,
            GLIBC.1
        );
        ensure!(
            contains(&bytes, ECS) == (*program == "dispatch"),
            "{program} is linked with ECS, or `dispatch` is not: `dispatch` alone starts tasks there"
        );
    }
    Ok(())
}

/// The ready zip file of a program.
pub(crate) fn zip(program: &str) -> PathBuf {
    workspace::root().join(FOLDER).join(program).join("bootstrap.zip")
}

/// The program itself, as it was built for this machine.
pub(crate) fn program(name: &str) -> PathBuf {
    workspace::root().join("target").join(Architecture::of_this_machine().target()).join(PROFILE).join(name)
}

#[expect(clippy::cast_precision_loss, reason = "sizes of programs are far below 2^52 bytes")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Fails with the command that mends it if Rust's standard library for the architecture is missing.
fn ensure_target(architecture: Architecture) -> Result<()> {
    let target = architecture.target();
    let question = ["--print", "target-libdir", "--target", target];
    let folder =
        process::ask(Command::new("rustc").args(question), Duration::from_secs(15)).map_err(anyhow::Error::msg)?;
    ensure!(
        Path::new(folder.trim()).is_dir(),
        "Rust's standard library for {target} is not installed: run `rustup target add {target}`"
    );
    Ok(())
}

fn contains(program: &[u8], text: &[u8]) -> bool {
    program.windows(text.len()).any(|window| window == text)
}

/// The newest version of the C library whose symbols a program asks for.
fn newest_glibc(program: &[u8]) -> (u32, u32) {
    const MARK: &[u8] = b"GLIBC_";
    let versions =
        program.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK).filter_map(|(at, _)| {
            let rest = program.get(at + MARK.len()..)?;
            let text: String = rest.iter().take(8).map(|&byte| char::from(byte)).collect();
            let version = text.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
            let mut parts = version.split('.');
            Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
        });
    versions.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts() {
        let program = b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0";
        assert_eq!(newest_glibc(program), (2, 34));
        assert_eq!(newest_glibc(b"static"), (0, 0));
    }

    #[test]
    fn an_unknown_program_is_refused() {
        let error = build(&["get_moon".to_owned()], None, Path::new("/nowhere")).unwrap_err();
        assert!(error.to_string().contains("api, dispatch, reconcile, migrate"), "{error}");
    }
}
