//! What a function may do, by the capabilities that the list of endpoints names (`functions/src/capabilities.rs`).

use serde::Deserialize;

/// One capability of a function: it gets the variables and the permissions for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Capability {
    Database,
    /// Asks callers for keys.
    Auth,
    /// Takes tasks, and refuses those that ask for what `docker` does not give where it runs on our machines.
    Uploads,
    /// Gives new queue keys their limits.
    Limits,
    /// Expands sweeps: seals agents' variables, and says where `docker` runs.
    Sweeps,
    /// Wakes the dispatcher.
    Wakes,
    /// Reads what is stored, or signs URLs for it.
    ReadFiles,
    /// Signs URLs for uploads.
    AnnounceFiles,
    /// Stores an archive that came with the request.
    StoreFiles,
    /// Stores what was uploaded, and removes the upload.
    AcceptFiles,
    /// The same, in place of what an earlier try stored.
    ReplaceFiles,
    /// Removes.
    DeleteFiles,
}

impl Capability {
    /// Whether it is about the bucket.
    pub(super) fn is_of_files(self) -> bool {
        !matches!(self, Self::Database | Self::Auth | Self::Uploads | Self::Limits | Self::Sweeps | Self::Wakes)
    }

    /// Whether it unpacks archives, which takes memory and disk.
    pub(super) fn unpacks(self) -> bool {
        matches!(self, Self::StoreFiles | Self::AcceptFiles | Self::ReplaceFiles)
    }
}

/// Actions, on what of the bucket.
pub(super) type Grant = (&'static [&'static str], &'static [&'static str]);

const BUCKET: &str = "!GetAtt Bucket.Arn";
const TASKS: &str = "!Sub \"${Bucket.Arn}/tasks/*\"";
const STAGING: &str = "!Sub \"${Bucket.Arn}/staging/*\"";
const GET: &str = "s3:GetObject";
const PUT: &str = "s3:PutObject";
/// A large object is sent in parts, which are removed if one fails.
const ABORT: &str = "s3:AbortMultipartUpload";
/// Without it, S3 says of an object that is missing that it is forbidden.
const LIST: &str = "s3:ListBucket";
/// What is deleted goes with all its versions.
const DELETE: [&str; 2] = ["s3:DeleteObject", "s3:DeleteObjectVersion"];
const LIST_VERSIONS: &str = "s3:ListBucketVersions";

impl Capability {
    /// The actions that it allows.
    pub(super) fn grants(self) -> &'static [Grant] {
        match self {
            Self::Wakes => &[(&["sqs:SendMessage"], &["!GetAtt WakeQueue.Arn"])],
            Self::Database | Self::Auth | Self::Uploads | Self::Limits | Self::Sweeps => &[],
            Self::ReadFiles => &[(&[GET], &[TASKS]), (&[LIST], &[BUCKET])],
            Self::AnnounceFiles => &[(&[PUT], &[STAGING])],
            Self::StoreFiles => &[(&[PUT, ABORT], &[TASKS])],
            Self::AcceptFiles => &[
                (&[GET], &[STAGING]),
                (&[PUT, ABORT], &[TASKS]),
                (&DELETE, &[STAGING]),
                (&[LIST, LIST_VERSIONS], &[BUCKET]),
            ],
            Self::ReplaceFiles => &[
                (&[GET], &[STAGING]),
                (&[PUT, ABORT], &[TASKS]),
                (&DELETE, &[TASKS, STAGING]),
                (&[LIST, LIST_VERSIONS], &[BUCKET]),
            ],
            Self::DeleteFiles => &[(&DELETE, &[TASKS, STAGING]), (&[LIST_VERSIONS], &[BUCKET])],
        }
    }
}
