//! Task archives: gzip-compressed tar of a folder's contents, its members at the top level (docs/compatibility.md, 2.4).
//!
//! [`pack()`] makes one, the same bytes for the same folder. [`unpack()`] and [`inspect()`] read one from an untrusted sender:
//! they stream it once, in memory that does not grow with the archive beyond a list of its names, and refuse whatever
//! could write outside its place or exhaust the machine. Members are extracted by our own code; of the tar library only
//! the reading of headers is used.
//!
//! What an archive may cost is bounded by what it unpacks to, not by its compression ratio: zeros shrink a thousandfold,
//! and an empty disk image is an honest file. The bytes, entries and paths that [`UnpackLimits`] allow are the most that
//! any archive can take, however small it is. Archives inside an archive are files like any other, and stay closed.

mod contents;
mod error;
mod hashed;
mod inspect;
mod members;
mod name;
mod pack;
mod taken;
mod task_folder;
mod unpack;

pub use error::{ArchiveError, LinkProblem, PackError};
pub use inspect::{Listing, inspect};
pub use pack::{PackSummary, pack};
pub use task_folder::TaskFolder;
pub use unpack::{UnpackSummary, unpack};

/// The bits of a mode that count in an archive: who may read, write and execute. The others (set-user-id, set-group-id,
/// sticky) are about owners, and the unpacking user owns everything.
const PERMISSIONS: u32 = 0o777;

/// Bounds of what an archive may hold. The bound on its compressed size is the caller's, and reading takes time in
/// proportion to it even where nothing comes out, as with empty gzip streams one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Contents of all files together, in bytes.
    pub bytes: u64,
    /// Files and folders together; folders that are only implied by a file's path count too.
    pub entries: usize,
    /// One part of a path, in bytes.
    pub component_bytes: usize,
    /// A whole path, in bytes.
    pub path_bytes: usize,
    /// Parts of a path.
    pub depth: usize,
}

impl Default for UnpackLimits {
    /// 1 GiB, 10 000 entries, 255 bytes a name, 1024 bytes a path, 32 levels.
    fn default() -> Self {
        Self { bytes: 1 << 30, entries: 10_000, component_bytes: 255, path_bytes: 1024, depth: 32 }
    }
}
