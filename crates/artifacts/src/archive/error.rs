//! What can be wrong with an archive, and with a folder that is to become one.

use std::io;
use std::path::PathBuf;

/// Why an archive was refused or could not be unpacked.
///
/// Every variant but [`Io`](Self::Io) is the sender's to mend. Paths in messages are escaped and bounded: they come from
/// the archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A hard or symbolic link.
    #[error("links not allowed: `{path}` is a {kind}; put the file itself in its place")]
    Link {
        /// Member that is a link.
        path: String,
        /// `symbolic link` or `hard link`.
        kind: &'static str,
    },
    /// A path that begins at the root of the file system.
    #[error("absolute paths not allowed: `{path}`; pack the folder's contents with relative paths")]
    AbsolutePath {
        /// Path of the member.
        path: String,
    },
    /// A path with `..` in it.
    #[error("path traversal: `{path}` has `..` in it; pack the folder's contents with plain relative paths")]
    PathTraversal {
        /// Path of the member.
        path: String,
    },
    /// A name that is not UTF-8.
    #[error("file names must be UTF-8: rename `{path}`")]
    NonUtf8Name {
        /// Path of the member, its bad bytes replaced.
        path: String,
    },
    /// A name with a NUL, a line break or another control character.
    #[error("control characters not allowed in file names: rename `{path}`")]
    ControlCharacter {
        /// Path of the member, escaped.
        path: String,
    },
    /// A device, a pipe or another thing that is neither file nor folder.
    #[error("only files and folders allowed: `{path}` is a {kind}; remove it")]
    UnsupportedType {
        /// Path of the member.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Two members with the same path, or a file where another member needs a folder.
    #[error("duplicate members not allowed: `{path}` is there twice; pack the folder again")]
    Duplicate {
        /// Path of the second member.
        path: String,
    },
    /// Two paths that differ only in case, in their Unicode form or in invisible characters.
    #[error(
        "names too much alike: `{path}` and `{other}` are one file where case or Unicode form makes no difference; rename one"
    )]
    Collision {
        /// Path of the second member, or of a folder above it.
        path: String,
        /// Path that was there before.
        other: String,
    },
    /// A part of a path is too long.
    #[error("file name too long: a part of `{path}` has more than {limit} bytes; shorten it")]
    NameTooLong {
        /// Path of the member.
        path: String,
        /// Longest part allowed, in bytes.
        limit: usize,
    },
    /// A path is too long.
    #[error("path too long: `{path}` has more than {limit} bytes; shorten it")]
    PathTooLong {
        /// Path of the member.
        path: String,
        /// Longest path allowed, in bytes.
        limit: usize,
    },
    /// A path has too many parts.
    #[error("folders nested too deeply: `{path}` has more than {limit} levels; flatten it")]
    TooDeep {
        /// Path of the member.
        path: String,
        /// Most levels allowed.
        limit: usize,
    },
    /// Too many files and folders.
    #[error("too many files: more than {limit} files and folders; remove what the task does not need")]
    TooManyEntries {
        /// Most files and folders allowed.
        limit: usize,
    },
    /// Too much content.
    #[error("too large: more than {limit} bytes when unpacked; remove what the task does not need")]
    TooLarge {
        /// Most bytes allowed.
        limit: u64,
    },
    /// `task.toml` is far larger than any real one.
    #[error("task.toml is too large: more than {limit} bytes")]
    TaskTomlTooLarge {
        /// Most bytes allowed.
        limit: u64,
    },
    /// `task.toml` is not text.
    #[error("task.toml is not valid UTF-8: save it as UTF-8")]
    TaskTomlNotText,
    /// The gzip or tar format is broken, or the data ended early.
    #[error("unreadable: not a whole gzip-compressed tar archive; pack and send it again")]
    Unreadable {
        /// What the reader or the decoder said.
        source: io::Error,
    },
    /// The archive may be fine, but this machine could not write its contents.
    #[error("could not unpack to `{}`", path.display())]
    Io {
        /// What was being written.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl ArchiveError {
    pub(super) fn unreadable(source: io::Error) -> Self {
        Self::Unreadable { source }
    }

    pub(super) fn malformed(reason: &'static str) -> Self {
        Self::Unreadable { source: io::Error::new(io::ErrorKind::InvalidData, reason) }
    }
}

/// Why a symbolic link can't be packed as what it names. Reads on from the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkProblem {
    /// It leads out of the folder, directly or through other links.
    #[error("that leads out of the task: put what it names into the task instead")]
    Outside,
    /// It leads back to itself, or to a folder that it lies in.
    #[error("that leads round in a circle: replace it with what it is meant to name")]
    Circle,
    /// There is nothing where it leads.
    #[error("that names nothing: remove it, or put there what it is meant to name")]
    Nowhere,
}

/// Why a folder could not be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A symbolic link that can't be packed as what it names.
    #[error("`{}` is a symbolic link {problem}", path.display())]
    Link {
        /// Path of the link below the folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: LinkProblem,
    },
    /// A device, a pipe or a socket.
    #[error("`{}` is neither a file nor a folder: remove it", path.display())]
    UnsupportedType {
        /// Its path below the folder.
        path: PathBuf,
    },
    /// A name that is not UTF-8.
    #[error("the name of `{}` is not valid UTF-8: rename it", path.display())]
    NonUtf8Name {
        /// Its path below the folder.
        path: PathBuf,
    },
    /// Two names that differ only in case, in their Unicode form or in invisible characters: no archive may hold them.
    #[error(
        "`{}` and `{}` are one file where case or Unicode form makes no difference, as on macOS and Windows, and one would replace the \
         other there: rename one",
        path.display(), other.display()
    )]
    Collision {
        /// Path of one below the folder.
        path: PathBuf,
        /// Path of the other.
        other: PathBuf,
    },
    /// More than an archive may hold, perhaps since links name a folder again and again.
    #[error("more than {limit} files and folders, what links name included: remove what the task does not need")]
    TooManyEntries {
        /// Most files and folders allowed.
        limit: usize,
    },
    /// A file grew or shrank while it was read.
    #[error("`{}` changed while it was packed: try again when nothing writes to it", path.display())]
    Changed {
        /// Its path below the folder.
        path: PathBuf,
    },
    /// A file could not be read, or the archive could not be written.
    #[error("could not pack `{}`", path.display())]
    Io {
        /// What was being packed.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}
