//! Checks that tests notice a missing mechanism: each patch in `tests/mutations` removes one, and names the tests that must then fail.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context as _, Result, bail, ensure};

use crate::database::ThrowAwayDatabase;
use crate::pooler::Poolers;
use crate::progress::{say, step};
use crate::query_data::migrated;
use crate::{interrupt, process, setup, workspace};

/// Where the output of the compiler and of the tests goes.
const LOG: &str = "mutate";
/// nextest's own code for tests that ran and failed; whatever else is not 0 is something else.
const TESTS_FAILED: i32 = 100;

/// A patch that removes a mechanism.
struct Mutation {
    /// The file's name without its ending.
    name: String,
    patch: PathBuf,
    /// The tests that must fail, as nextest's filterset.
    tests: String,
}

/// What became of the tests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
}

/// `cargo xtask mutate`: the named mutations, or all.
pub(crate) fn run(names: &[String]) -> Result<()> {
    let all = mutations()?;
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|mutation| mutation.name != **name)) {
        bail!("there is no tests/mutations/{unknown}.patch");
    }
    let chosen: Vec<Mutation> =
        all.into_iter().filter(|mutation| names.is_empty() || names.contains(&mutation.name)).collect();
    let nextest = setup::tools::nextest()?;
    // Patches change queries, so that these are checked against a database and not against what is prepared.
    let database = migrated(&setup::postgres_bin()?)?;
    let poolers = Poolers::start(&database)?;
    let bench = Bench { tree: copy_tree()?, nextest, poolers, database, packages: packages(&chosen) };

    let every = chosen.iter().map(|mutation| format!("({})", mutation.tests)).collect::<Vec<_>>().join(" | ");
    let unchanged = step("running their tests on what is there", || bench.test(&every))?;
    ensure!(unchanged == Verdict::Passed, "the tests fail as it is; {}", process::tail(&workspace::log(LOG)?, 0));

    let mut survivors = 0;
    let mut table = Vec::new();
    for mutation in &chosen {
        let verdict = step(&format!("without {}", mutation.name), || {
            bench.git(&["apply"], &mutation.patch)?;
            let verdict = bench.test(&mutation.tests);
            bench.git(&["apply", "--reverse"], &mutation.patch)?;
            verdict
        })?;
        let words = if verdict == Verdict::Failed { "failed as it should" } else { "SURVIVED" };
        survivors += usize::from(verdict == Verdict::Passed);
        table.push(format!("{:24} {words:20} {}", mutation.name, mutation.tests));
    }
    say(&table.join("\n"));
    ensure!(survivors == 0, "{survivors} of {} mechanisms can be removed without a test that fails", chosen.len());
    Ok(())
}

/// The patches, by name.
fn mutations() -> Result<Vec<Mutation>> {
    let folder = workspace::root().join("tests/mutations");
    let files = fs::read_dir(&folder).with_context(|| format!("can't list {}", folder.display()))?;
    let mut mutations = Vec::new();
    for file in files {
        let patch = file.context("can't list the mutations")?.path();
        if patch.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let text = fs::read_to_string(&patch).with_context(|| format!("can't read {}", patch.display()))?;
        let mut header = text.lines().take_while(|line| !line.starts_with("diff --git"));
        let tests = header.find_map(|line| line.strip_prefix("Test: "));
        let tests = tests.with_context(|| format!("{} has no line that begins with `Test: `", patch.display()))?;
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        mutations.push(Mutation { name, tests: tests.to_owned(), patch });
    }
    mutations.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(mutations)
}

/// The packages that the filtersets name, each as `package(..)`. All are built each time, so that no dependency is ever built again with
/// other features.
fn packages(mutations: &[Mutation]) -> BTreeSet<String> {
    let named = mutations.iter().flat_map(|mutation| mutation.tests.split("package(").skip(1));
    named.filter_map(|rest| rest.split_once(')')).map(|(package, _)| package.to_owned()).collect()
}

/// A copy of this tree to change, and what it takes to test it.
struct Bench {
    tree: PathBuf,
    nextest: PathBuf,
    poolers: Poolers,
    database: ThrowAwayDatabase,
    packages: BTreeSet<String>,
}

impl Bench {
    /// Builds and runs tests. Fails where the tree doesn't compile, or there are no such tests.
    fn test(&self, tests: &str) -> Result<Verdict> {
        let mut command = Command::new(&self.nextest);
        command.args(["nextest", "run", "--filterset", tests]).current_dir(&self.tree);
        for package in &self.packages {
            command.args(["--package", package]);
        }
        command.env("CARGO_TARGET_DIR", folder().join("target"));
        self.poolers.name_to(command.env("DATABASE_URL", self.database.url()).env("SQLX_OFFLINE", "false"));
        let (status, output) = logged(&mut command)?;
        match status.code() {
            Some(0) => Ok(Verdict::Passed),
            Some(TESTS_FAILED) => Ok(Verdict::Failed),
            _ => bail!("the tests could not be built and run ({status}); {output}"),
        }
    }

    fn git(&self, arguments: &[&str], patch: &Path) -> Result<()> {
        let (status, output) = logged(Command::new("git").args(arguments).arg(patch).current_dir(&self.tree))?;
        ensure!(status.success(), "{} does not apply; {output}", patch.display());
        Ok(())
    }
}

/// Runs a command with its output in the log, and returns the end of that.
fn logged(command: &mut Command) -> Result<(ExitStatus, String)> {
    let path = workspace::log(LOG)?;
    let log = process::append_to(&path)?;
    let from = log.metadata().context("can't read the log")?.len();
    command.stdout(log.try_clone().context("can't share the log")?).stderr(log);
    let status = process::wait(&mut process::spawn(command)?, None)?;
    interrupt::check()?;
    Ok((status, process::tail(&path, from)))
}

fn folder() -> PathBuf {
    workspace::kept("mutations")
}

/// Copies what git knows of this tree or would, as it is now. Files that are the same already stay as they are: the compiler goes by
/// their times.
fn copy_tree() -> Result<PathBuf> {
    let tree = folder().join("tree");
    workspace::create_folder(&tree)?;
    // A repository of its own: in a folder that belongs to another, `git apply` silently does nothing.
    let created = Command::new("git").args(["init", "--quiet"]).current_dir(&tree).status().context("can't run git")?;
    ensure!(created.success(), "git can't make a repository of {}", tree.display());
    let wanted = workspace::files(workspace::root())?;
    for surplus in workspace::files(&tree)?.difference(&wanted) {
        fs::remove_file(tree.join(surplus)).with_context(|| format!("can't remove {}", surplus.display()))?;
    }
    for file in &wanted {
        let (from, to) = (workspace::root().join(file), tree.join(file));
        let content = fs::read(&from).with_context(|| format!("can't read {}", from.display()))?;
        if fs::read(&to).is_ok_and(|there| there == content) {
            continue;
        }
        workspace::create_folder(to.parent().unwrap_or(&tree))?;
        fs::copy(&from, &to).with_context(|| format!("can't write {}", to.display()))?;
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They would rot unnoticed until somebody runs them.
    #[test]
    fn patches_apply_and_name_tests_that_there_are() {
        let all = mutations().unwrap();
        assert!(!all.is_empty());
        for mutation in all {
            let mut git = Command::new("git");
            git.args(["apply", "--check"]).arg(&mutation.patch).current_dir(workspace::root());
            assert!(git.status().unwrap().success(), "{} does not apply any more", mutation.name);
            let mut named = 0;
            for test in mutation.tests.split("test(=").skip(1).filter_map(|rest| rest.split_once(')')) {
                let function = format!("fn {}(", test.0.rsplit("::").next().unwrap());
                let mut grep = Command::new("git");
                grep.args([
                    "grep",
                    "--quiet",
                    "--untracked",
                    "--fixed-strings",
                    &function,
                    "--",
                    "crates",
                    "functions",
                ]);
                let found = grep.current_dir(workspace::root()).status().unwrap();
                assert!(found.success(), "{} names {}, which there is not", mutation.name, test.0);
                named += 1;
            }
            assert!(named > 0, "{} names no tests as test(=..)", mutation.name);
        }
    }
}
