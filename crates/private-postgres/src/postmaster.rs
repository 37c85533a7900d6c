use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::account::{Account, run};
use crate::folder::Folder;
use crate::{Error, NAME, Options, ServerPrograms};

/// A port may be taken between our look and the server's; and the children of a server that was killed take a moment to go.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// Above every number that an operating system gives to a process.
const NOBODYS_PID: i32 = i32::MAX;

/// What a running server writes into `postmaster.pid`.
struct PidFile {
    pid: Pid,
    port: u16,
    ready: bool,
}

impl PidFile {
    fn read(folder: &Folder) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(folder.data().join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: Pid::from_raw(lines.first()?.parse().ok()?),
            port: lines.get(3)?.parse().ok()?,
            ready: lines.get(7).is_some_and(|status| *status == "ready"),
        })
    }

    /// The process is there and is the server of this very folder: after a restart of the machine the number may be another program's.
    fn is_alive(&self, data: &Path) -> bool {
        kill(self.pid, None) != Err(nix::errno::Errno::ESRCH)
            && command_line(self.pid).contains(&*data.to_string_lossy())
    }
}

/// The port of the folder's server if that is running and answers.
pub(crate) fn running_port(folder: &Folder) -> Option<u16> {
    let file = PidFile::read(folder)?;
    let answers = || TcpStream::connect((Ipv4Addr::LOCALHOST, file.port)).is_ok();
    (file.ready && file.is_alive(&folder.data()) && answers()).then_some(file.port)
}

/// Makes the data folder, with the database and its owner in it.
pub(crate) fn initialise(folder: &Folder, programs: &ServerPrograms, account: &Account) -> Result<(), Error> {
    let unfinished = folder.unfinished_data();
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(Error::file("remove", &unfinished))?;
    }
    folder.write_password(account)?;
    let mut initdb = program(account, programs, folder, "initdb");
    initdb
        .args(["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--username", NAME, "--pwfile"])
        .arg(folder.password_file())
        .arg("--pgdata")
        .arg(&unfinished);
    succeeded(run(&mut initdb)?, "initdb", folder)?;
    create_database(folder, programs, account)?;
    std::fs::rename(&unfinished, folder.data()).map_err(Error::file("rename", unfinished))
}

/// In single-user mode: no client program is needed, and the folder gets its name only when it is complete.
fn create_database(folder: &Folder, programs: &ServerPrograms, account: &Account) -> Result<(), Error> {
    let mut single = program(account, programs, folder, "postgres");
    single.args(["--single", "-D"]).arg(folder.unfinished_data()).args(["-c", "exit_on_error=on", "postgres"]);
    let spawned = single.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let started = |source| Error::Program { program: single.get_program().into(), source };
    let mut child = spawned.map_err(&started)?;
    if let Some(mut input) = child.stdin.take() {
        io::Write::write_all(&mut input, format!("create database {NAME}\n").as_bytes()).map_err(&started)?;
    }
    succeeded(child.wait_with_output().map_err(started)?, "postgres --single", folder)
}

/// Starts the server and waits until it takes connections. Returns its port.
pub(crate) fn start(
    folder: &Folder,
    programs: &ServerPrograms,
    account: &Account,
    options: &Options,
) -> Result<u16, Error> {
    disown_pid_file(folder)?;
    let mut wanted = folder.last_port();
    let mut attempts = 0;
    loop {
        let port = free_port(wanted.take())?;
        let mut pg_ctl = program(account, programs, folder, "pg_ctl");
        pg_ctl.args(["start", "--wait", "--timeout=60", "--silent", "--pgdata"]).arg(folder.data());
        pg_ctl.arg("--log").arg(folder.log()).arg("--options").arg(settings(port, options));
        let outcome = succeeded(run(&mut pg_ctl)?, "pg_ctl start", folder);
        attempts += 1;
        // A server that was just recovering from a crash is there after all.
        if let Some(port) = running_port(folder) {
            folder.write_port(port)?;
            return Ok(port);
        }
        if attempts == ATTEMPTS {
            outcome?;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Ends the server if it runs.
pub(crate) fn stop(folder: &Folder, programs: &ServerPrograms, account: &Account) -> Result<(), Error> {
    if !PidFile::read(folder).is_some_and(|file| file.is_alive(&folder.data())) {
        return Ok(());
    }
    let mut pg_ctl = program(account, programs, folder, "pg_ctl");
    pg_ctl.args(["stop", "--wait", "--timeout=60", "--silent", "--mode=fast", "--pgdata"]).arg(folder.data());
    succeeded(run(&mut pg_ctl)?, "pg_ctl stop", folder)
}

/// Postgres refuses to start while the process named in its pid file lives, whatever that is by now. Such a number is replaced by
/// one that no process has. The file stays: by the rest of it the server finds children of its predecessor that still write.
fn disown_pid_file(folder: &Folder) -> Result<(), Error> {
    let path = folder.data().join("postmaster.pid");
    let Some(file) = PidFile::read(folder) else { return Ok(()) };
    if kill(file.pid, None) == Err(nix::errno::Errno::ESRCH) || file.is_alive(&folder.data()) {
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    std::fs::write(&path, format!("{NOBODYS_PID}\n{rest}")).map_err(Error::file("write", path))
}

fn settings(port: u16, options: &Options) -> String {
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        // No socket files: their paths are limited to some hundred bytes, and nobody needs them.
        "unix_socket_directories=".to_owned(),
        // The default also searches a schema of the user's name, and would so hide a name that should have been qualified.
        "search_path=public".to_owned(),
        format!("max_connections={}", options.max_connections),
    ];
    if !options.durable {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
    }
    format!("-c {}", settings.join(" -c "))
}

fn free_port(wanted: Option<u16>) -> Result<u16, Error> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = match wanted.map(bind) {
        Some(Ok(listener)) => Ok(listener),
        _ => bind(0),
    };
    Ok(listener.and_then(|listener| listener.local_addr()).map_err(Error::NoPort)?.port())
}

/// A server program, run as the server's account out of its folder, in a process group of its own: on a Ctrl-C
/// `pg_ctl` would take down the server that it is starting.
fn program(account: &Account, programs: &ServerPrograms, folder: &Folder, name: &str) -> Command {
    let mut command = account.command(&programs.folder().join(name));
    command.current_dir(folder.path()).process_group(0);
    command
}

fn succeeded(output: Output, program: &'static str, folder: &Folder) -> Result<(), Error> {
    if output.status.success() {
        return Ok(());
    }
    let log = std::fs::read(folder.log()).unwrap_or_default();
    let mut text = output.stdout;
    for part in [&output.stderr, &log] {
        text.extend_from_slice(part);
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(10)..).unwrap_or_default();
    Err(Error::Failed { program, folder: folder.path().to_path_buf(), output: last.join("\n") })
}

/// The words that a process was started with.
fn command_line(pid: Pid) -> String {
    if let Ok(words) = std::fs::read(format!("/proc/{pid}/cmdline")) {
        return String::from_utf8_lossy(&words).replace('\0', " ");
    }
    let listed = run(Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]));
    listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::PidFile;

    #[test]
    fn a_pid_file_tells_when_the_server_is_ready() {
        let text = "4242\n/folder/data\n1700000000\n54321\n\n127.0.0.1\n  1234  5678\nstarting\n";
        let starting = PidFile::parse(text).unwrap();
        assert_eq!((starting.pid.as_raw(), starting.port, starting.ready), (4242, 54321, false));
        assert!(PidFile::parse(&text.replace("starting", "ready   ")).unwrap().ready);
        assert!(PidFile::parse("4242\n").is_none());
    }
}
