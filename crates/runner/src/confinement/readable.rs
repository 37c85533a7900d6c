//! What Harbor's confined process may read besides its own folder: the system's programs and libraries, what resolves names and checks
//! certificates, Harbor with its Python, and Docker's client with its plugins. Nothing here is secret.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::docker_config::DockerConfig;

/// Programs and libraries.
const PROGRAMS: &[&str] =
    &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/run/current-system/sw"];

/// Settings of the system that programs read. Not all of /etc: as root, a process without capabilities still reads what belongs to root.
const SYSTEM: &[&str] = &[
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/debian_version",
    "/etc/gai.conf",
    "/etc/gitconfig",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/openssl.cnf",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssh/ssh_config",
    "/etc/ssh/ssh_config.d",
    "/etc/ssh/ssh_known_hosts",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
    "/run/NetworkManager/resolv.conf",
    "/run/systemd/resolve",
    "/var/lib/ca-certificates",
];

/// What the kernel tells of the machine. Not all of /proc: the command lines of other trials' programs are there.
const KERNEL: &[&str] = &[
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys",
    "/proc/uptime",
    "/proc/version",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage",
];

/// Variables that name certificates to trust, and folders of Python's modules.
const NAMED_BY: &[&str] = &["CURL_CA_BUNDLE", "PYTHONPATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"];

/// All of it. `variables` are those that Harbor gets.
pub fn readable(python: &Path, variables: &[(OsString, OsString)], docker: &DockerConfig) -> Vec<PathBuf> {
    let named = variables.iter().filter(|(name, _)| NAMED_BY.iter().any(|known| name == known));
    let named = named.flat_map(|(_, value)| env::split_paths(value)).filter(|path| path.is_absolute());
    let path = variables.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone()).unwrap_or_default();
    let system = [PROGRAMS, SYSTEM, KERNEL].concat();
    let mut paths: Vec<PathBuf> = system.into_iter().map(PathBuf::from).chain(named).collect();
    paths.extend(settings_of_python());
    paths.extend(of_python(python));
    paths.extend(env::split_paths(&path).find_map(|folder| fs::canonicalize(folder.join("docker")).ok()));
    paths.extend(credential_helpers(&path));
    paths.extend(docker.plugins());
    paths
}

/// Debian's Python reads its own settings in /etc.
fn settings_of_python() -> impl Iterator<Item = PathBuf> {
    fs::read_dir("/etc").into_iter().flatten().filter_map(|entry| {
        let entry = entry.ok()?;
        entry.file_name().to_string_lossy().starts_with("python").then(|| entry.path())
    })
}

/// The folders of an interpreter's environment, and of the installation that this was made from. Of each only what an installation has:
/// an interpreter in `~/bin` makes no home folder readable.
fn of_python(python: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let installed = fs::canonicalize(python).ok();
    // A link may lead to a link, each in an environment of its own; and a script may stand in for an interpreter.
    let linked = fs::read_link(python).ok().map(|link| python.parent().unwrap_or(python).join(link));
    let named = named_in_first_line(python).filter(|named| named != python);
    let named_is_linked_to = named.as_ref().and_then(|named| fs::canonicalize(named).ok());
    for python in [Some(python.to_path_buf()), linked, installed, named, named_is_linked_to].into_iter().flatten() {
        if let Some(folder) = python.parent().filter(|folder| folder.ends_with("bin"))
            && let Some(prefix) = folder.parent()
        {
            paths.extend(["bin", "lib", "lib64", "include", "share", "pyvenv.cfg"].map(|part| prefix.join(part)));
        }
        paths.push(python);
    }
    paths
}

/// The program that the first line of a script names.
fn named_in_first_line(script: &Path) -> Option<PathBuf> {
    let mut line = Vec::new();
    BufReader::new(fs::File::open(script).ok()?).take(4096).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8(line).ok()?;
    let program = line.strip_prefix("#!")?.split_whitespace().next()?;
    Some(PathBuf::from(program))
}

/// Programs by which Docker's client gets credentials.
fn credential_helpers(path: &OsString) -> Vec<PathBuf> {
    let folders = env::split_paths(path).filter_map(|folder| fs::read_dir(folder).ok());
    let helpers = folders.flatten().filter_map(|entry| {
        let entry = entry.ok()?;
        let is_helper = entry.file_name().to_string_lossy().starts_with("docker-credential-");
        is_helper.then(|| fs::canonicalize(entry.path()).ok())?
    });
    helpers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_brings_its_environment_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("base/bin");
        let venv = folder.path().join("venv/bin");
        for bin in [&base, &venv] {
            fs::create_dir_all(bin).unwrap();
        }
        fs::write(base.join("python3.13"), "").unwrap();
        std::os::unix::fs::symlink(base.join("python3.13"), venv.join("python")).unwrap();
        let paths = of_python(&venv.join("python"));
        for part in ["venv/lib", "venv/pyvenv.cfg", "base/lib", "base/bin", "venv/bin/python"] {
            assert!(paths.contains(&folder.path().join(part)), "{part} is not in {paths:?}");
        }
        assert!(!paths.iter().any(|path| folder.path().starts_with(path)), "{paths:?}");
        assert!(!paths.contains(&folder.path().join("venv")), "{paths:?}");
        let script = folder.path().join("harbor-stand-in");
        fs::write(&script, format!("#!{}\n", venv.join("python").display())).unwrap();
        let paths = of_python(&script);
        assert!(paths.contains(&script) && paths.contains(&folder.path().join("base/lib")), "{paths:?}");
        let alone = of_python(&folder.path().join("harbor"));
        assert_eq!(alone.iter().filter(|path| **path != folder.path().join("harbor")).count(), 0);
    }

    #[test]
    fn only_paths_that_variables_are_known_to_name_are_added() {
        let variables = [("PYTHONPATH", "/a:relative:/b"), ("GOOGLE_APPLICATION_CREDENTIALS", "/c")]
            .map(|(name, value)| (name.into(), value.into()));
        let paths = readable(Path::new("/x/python"), &variables, &DockerConfig::default());
        assert!(paths.contains(&"/a".into()) && paths.contains(&"/b".into()));
        assert!(!paths.contains(&"/c".into()) && !paths.contains(&"relative".into()));
    }
}
