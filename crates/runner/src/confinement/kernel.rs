//! What the kernel lets a process give up. All of it is Linux; elsewhere Harbor cannot be confined.

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashSet;
    use std::io;
    use std::path::PathBuf;

    use caps::{CapSet, Capability};
    use landlock::{
        ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
        RulesetError, Scope, path_beneath_rules,
    };
    use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};

    /// The oldest Landlock that keeps what is promised: before it files could be cut to nothing.
    const NEEDED: ABI = ABI::V3;
    /// The newest that is used where it is there: no ioctl on devices, no signals to strangers, no abstract sockets of theirs.
    const WANTED: ABI = ABI::V6;

    /// What a process needs to hand Harbor over to another user and to look after its files all the same.
    const TO_CHANGE_USER: [Capability; 6] = [
        Capability::CAP_CHOWN,
        Capability::CAP_DAC_OVERRIDE,
        Capability::CAP_FOWNER,
        Capability::CAP_KILL,
        Capability::CAP_SETGID,
        Capability::CAP_SETUID,
    ];

    pub(in crate::confinement) fn has_landlock() -> bool {
        let created = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(NEEDED))
            .and_then(Ruleset::create);
        created.is_ok()
    }

    pub(in crate::confinement) fn may_change_user() -> bool {
        TO_CHANGE_USER.iter().all(|capability| caps::has_cap(None, CapSet::Effective, *capability).unwrap_or(false))
    }

    /// Refuses this process, and what it starts, every file that is not listed.
    pub(in crate::confinement) fn restrict(read: &[PathBuf], write: &[PathBuf]) -> io::Result<()> {
        apply(read, write).map_err(io::Error::other)
    }

    fn apply(read: &[PathBuf], write: &[PathBuf]) -> Result<(), RulesetError> {
        let everything = AccessFs::from_all(NEEDED);
        // A device in the folder would be one of the machine; without capabilities none can be made anyway.
        let in_own_folder = everything & !(AccessFs::MakeChar | AccessFs::MakeBlock);
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(everything)?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(WANTED))?
            .scope(Scope::from_all(WANTED))?
            .create()?
            .set_compatibility(CompatLevel::HardRequirement)
            .add_rules(path_beneath_rules(read, AccessFs::from_read(NEEDED)))?
            .add_rules(path_beneath_rules(DEVICES_TO_WRITE, AccessFs::ReadFile | AccessFs::WriteFile))?;
        rules.add_rules(path_beneath_rules(write, in_own_folder))?.restrict_self().map(drop)
    }

    /// Devices that programs write to without harm.
    const DEVICES_TO_WRITE: [&str; 2] = ["/dev/null", "/dev/full"];

    /// Sees to it that no program that is started from here gets a capability. It comes before the capabilities are given up, which it takes
    /// one of: who has none gets none back anyway.
    pub(in crate::confinement) fn close_bounding_set() -> io::Result<()> {
        nix::sys::prctl::set_no_new_privs()?;
        if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).map_err(io::Error::other)? {
            caps::clear(None, CapSet::Bounding).map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Gives up all capabilities.
    pub(in crate::confinement) fn drop_capabilities() -> io::Result<()> {
        if caps::runtime::ambient_set_supported().is_ok() {
            caps::clear(None, CapSet::Ambient).map_err(io::Error::other)?;
        }
        for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
            caps::clear(None, set).map_err(io::Error::other)?;
        }
        Ok(())
    }

    pub(in crate::confinement) fn become_user(user: u32, group: u32, groups: &[u32]) -> nix::Result<()> {
        let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
        setgroups(&groups)?;
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(group));
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        if geteuid() == uid { Ok(()) } else { Err(nix::Error::EPERM) }
    }

    /// Becomes another user. With `to_change_user` this process, and what it starts, keeps what it takes to change the user again, as far
    /// as it has it.
    pub(in crate::confinement) fn take_user(
        user: u32,
        group: u32,
        groups: &[u32],
        to_change_user: bool,
    ) -> io::Result<()> {
        let has = |capability: &Capability| caps::has_cap(None, CapSet::Permitted, *capability).unwrap_or(false);
        let kept: HashSet<Capability> =
            TO_CHANGE_USER.into_iter().filter(|capability| to_change_user && has(capability)).collect();
        nix::sys::prctl::set_keepcaps(!kept.is_empty())?;
        become_user(user, group, groups)?;
        if kept.is_empty() {
            return Ok(());
        }
        for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable, CapSet::Ambient] {
            caps::set(None, set, &kept).map_err(io::Error::other)?;
        }
        nix::sys::prctl::set_keepcaps(false)?;
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod linux {
    use std::io;
    use std::path::PathBuf;

    pub(in crate::confinement) fn has_landlock() -> bool {
        false
    }

    pub(in crate::confinement) fn may_change_user() -> bool {
        false
    }

    fn not_here<T>() -> io::Result<T> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux confines processes"))
    }

    pub(in crate::confinement) fn restrict(_read: &[PathBuf], _write: &[PathBuf]) -> io::Result<()> {
        not_here()
    }

    pub(in crate::confinement) fn close_bounding_set() -> io::Result<()> {
        not_here()
    }

    pub(in crate::confinement) fn drop_capabilities() -> io::Result<()> {
        not_here()
    }

    pub(in crate::confinement) fn become_user(_user: u32, _group: u32, _groups: &[u32]) -> io::Result<()> {
        not_here()
    }

    pub(in crate::confinement) fn take_user(_: u32, _: u32, _: &[u32], _: bool) -> io::Result<()> {
        not_here()
    }
}

pub(super) use linux::{
    become_user, close_bounding_set, drop_capabilities, has_landlock, may_change_user, restrict, take_user,
};
