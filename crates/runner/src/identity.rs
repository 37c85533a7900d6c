//! Which process this is.

use oddish_db::attempts::ProcessIdentity;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use time::OffsetDateTime;

/// Names this process for good. The launcher compares it with what the system says of the same process id.
pub(crate) fn this_process(now: OffsetDateTime) -> ProcessIdentity {
    let id = std::process::id();
    let pid = Pid::from_u32(id);
    let mut system = System::new();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    let started_at = system
        .process(pid)
        .and_then(|process| i64::try_from(process.start_time()).ok())
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    ProcessIdentity {
        host: System::host_name().unwrap_or_else(|| "localhost".to_owned()),
        pid: i32::try_from(id).unwrap_or(i32::MAX),
        started_at: started_at.unwrap_or(now),
    }
}
