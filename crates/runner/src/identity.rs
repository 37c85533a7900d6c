//! Which process this is.

use oddish_db::jobs::ProcessIdentity;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use time::OffsetDateTime;

/// Names this process for good. The launcher compares it with what the system says of the same process id.
pub(crate) fn this_process(now: OffsetDateTime) -> ProcessIdentity {
    let id = std::process::id();
    let pid = Pid::from_u32(id);
    let started_at = System::new().ok().and_then(|mut system| {
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
        let seconds = i64::try_from(system.process(pid)?.start_time()).ok()?;
        OffsetDateTime::from_unix_timestamp(seconds).ok()
    });
    ProcessIdentity {
        host: System::host_name().unwrap_or_else(|_| "localhost".to_owned()),
        pid: i32::try_from(id).unwrap_or(i32::MAX),
        started_at: started_at.unwrap_or(now),
    }
}
