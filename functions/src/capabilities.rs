//! What a function may do, as data: from it come its variables and its role in template.yaml.

/// What a function works with: it gets the variables and the permissions for that, and no others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each capability is there or not, whatever the others are")]
pub struct Capabilities {
    /// Connects to the database.
    pub database: bool,
    /// Asks callers for keys.
    pub auth: bool,
    /// What it does in the bucket, if anything.
    pub files: Option<Files>,
    /// Takes tasks, and refuses those that ask for what `docker` does not give where it runs on our machines.
    pub uploads: bool,
    /// Gives new queue keys their limits.
    pub limits: bool,
    /// Expands sweeps: seals agents' variables, and says where `docker` runs.
    pub sweeps: bool,
    /// Wakes the dispatcher.
    pub wakes: bool,
}

impl Capabilities {
    /// None.
    pub const NONE: Self =
        Self { database: false, auth: false, files: None, uploads: false, limits: false, sweeps: false, wakes: false };

    /// These and those of another set. What is done in the bucket is this set's, where both say something.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            database: self.database || other.database,
            auth: self.auth || other.auth,
            files: if self.files.is_some() { self.files } else { other.files },
            uploads: self.uploads || other.uploads,
            limits: self.limits || other.limits,
            sweeps: self.sweeps || other.sweeps,
            wakes: self.wakes || other.wakes,
        }
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let flags = [
            (self.database, "database"),
            (self.auth, "auth"),
            (self.uploads, "uploads"),
            (self.limits, "limits"),
            (self.sweeps, "sweeps"),
            (self.wakes, "wakes"),
        ];
        flags.into_iter().filter_map(|(has, name)| has.then_some(name)).chain(self.files.map(Files::name))
    }
}

/// What a function does in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// Reads what is stored, or signs URLs for it.
    Read,
    /// Signs URLs for uploads.
    Announce,
    /// Stores an archive that came with the request.
    Store,
    /// Stores what was uploaded, and removes the upload.
    Accept,
    /// The same, in place of what an earlier try stored.
    Replace,
    /// Removes.
    Delete,
}

impl Files {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read_files",
            Self::Announce => "announce_files",
            Self::Store => "store_files",
            Self::Accept => "accept_files",
            Self::Replace => "replace_files",
            Self::Delete => "delete_files",
        }
    }
}
