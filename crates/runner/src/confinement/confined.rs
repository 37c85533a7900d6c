//! `oddish-runner confine PLAN -- PROGRAM ARGUMENT...`: gives up what the plan does not allow, and becomes the program.

use std::convert::Infallible;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::Context as _;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::{Plan, Way, kernel};

/// Files that Harbor and each program that it starts may have open.
const OPEN_FILES: u64 = 4096;

/// Carries the plan out and becomes the program. The process must have no other thread: they would keep what it gives up.
pub fn become_confined(plan: &str, program: &str, arguments: &[&str]) -> anyhow::Result<Infallible> {
    let plan: Plan = serde_json::from_str(plan).context("the plan cannot be read")?;
    limit(Resource::RLIMIT_DATA, plan.memory_bytes).context("cannot limit the memory")?;
    limit(Resource::RLIMIT_NOFILE, OPEN_FILES).context("cannot limit the open files")?;
    limit(Resource::RLIMIT_CORE, 0).context("cannot turn core dumps off")?;
    match plan.way {
        Way::Landlock => {
            kernel::close_bounding_set().context("cannot close the set of capabilities")?;
            kernel::drop_capabilities().context("cannot give up the capabilities")?;
            kernel::restrict(&plan.read, &plan.write).context("cannot be confined by Landlock")?;
        }
        Way::Uid => {
            let (user, groups) = plan.user.context("the plan names no user")?;
            kernel::close_bounding_set().context("cannot close the set of capabilities")?;
            kernel::become_user(user, user, &groups).with_context(|| format!("cannot become the user {user}"))?;
            kernel::drop_capabilities().context("cannot give up the capabilities")?;
        }
        Way::Off => {}
    }
    let failed: io::Error = Command::new(program).args(arguments).exec();
    Err(failed).with_context(|| format!("cannot start `{program}`"))
}

/// Lowers a limit; one that is lower already stays.
fn limit(resource: Resource, most: u64) -> nix::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    let most = most.min(hard);
    setrlimit(resource, most, most)
}
