//! Finds the Python interpreter that has Harbor.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use oddish_domain::harbor_settings::HARBOR_VERSION;

/// There is no Harbor to be found.
#[derive(Debug, thiserror::Error)]
#[error(
    "no Harbor found: neither is ODDISH_HARBOR_PYTHON set, nor is there a usable `harbor` command on the PATH. Run `cargo xtask \
     setup` in the source tree, or `pip install harbor=={HARBOR_VERSION}` into an environment of Python 3.12 or newer and set \
     ODDISH_HARBOR_PYTHON to its interpreter"
)]
pub struct HarborNotFound;

/// The interpreter that the first usable `harbor` command on `path` (a list as in the variable PATH) runs with.
pub fn find_harbor_python(path: &std::ffi::OsStr) -> Result<PathBuf, HarborNotFound> {
    env::split_paths(path).find_map(|folder| interpreter_of(&folder.join("harbor"))).ok_or(HarborNotFound)
}

/// The interpreter in a script's first line, else a `python` beside the script: an installer whose path is too long for
/// a first line writes a shell script.
fn interpreter_of(script: &Path) -> Option<PathBuf> {
    // The command may be a link into the environment that holds it.
    let script = fs::canonicalize(script).ok()?;
    let mut line = Vec::new();
    BufReader::new(fs::File::open(&script).ok()?).take(4096).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8(line).ok()?;
    let named = line.strip_prefix("#!").map(str::trim).map(PathBuf::from);
    let is_python = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"));
    named
        .filter(is_python)
        .into_iter()
        .chain([script.with_file_name("python")])
        .find(|python| python.is_absolute() && python.is_file())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_command_names_its_interpreter() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("venv/bin");
        let elsewhere = folder.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(&elsewhere).unwrap();
        let path = env::join_paths([&folder.path().join("nothing"), &elsewhere]).unwrap();
        symlink(bin.join("harbor"), elsewhere.join("harbor")).unwrap();
        assert!(find_harbor_python(&path).is_err(), "a dangling link is no Harbor");

        let python = bin.join("python3.13");
        fs::write(bin.join("harbor"), format!("#!{}\nimport sys\n", python.display())).unwrap();
        assert!(find_harbor_python(&path).is_err(), "the interpreter is gone");
        fs::write(&python, "").unwrap();
        assert_eq!(find_harbor_python(&path).unwrap(), python);

        fs::write(bin.join("harbor"), "#!/bin/sh\n'''exec' /too/long\n").unwrap();
        assert!(find_harbor_python(&path).is_err(), "a shell is no Python");
        fs::write(bin.join("python"), "").unwrap();
        assert_eq!(find_harbor_python(&path).unwrap(), fs::canonicalize(bin.join("python")).unwrap());
    }
}
