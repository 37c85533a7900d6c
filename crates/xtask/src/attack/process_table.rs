//! What the processes of this machine take, and whose they are.

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Bytes of memory that a process has resident.
pub(super) fn resident(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// How many sockets a process has open.
pub(super) fn sockets(process: u32) -> Result<usize> {
    let listed = std::fs::read_dir(format!("/proc/{process}/fd")).context("can't list the server's descriptors")?;
    let links = listed.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    Ok(links.filter(|link| link.to_string_lossy().starts_with("socket:")).count())
}

/// The process that started this one.
pub(super) fn parent(process: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Processes with this text in their environment and this one in their command line.
pub(super) fn processes(in_environment: &str, in_command: &str) -> Vec<u32> {
    let holds = |process: u32, file: &str, text: &str| {
        std::fs::read(format!("/proc/{process}/{file}"))
            .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " ").contains(text))
    };
    let listed = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = listed.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| holds(*id, "cmdline", in_command) && holds(*id, "environ", in_environment)).collect()
}

/// Kills a process that an attack has made go out of hand.
pub(super) fn end(process: u32) {
    if let Ok(id) = i32::try_from(process) {
        // Gone meanwhile is as good.
        let _ = kill(Pid::from_raw(id), Signal::SIGKILL);
    }
}
