//! What a function may do, by the state that its binary asks for (`functions/src/state.rs`).

use anyhow::{Context as _, Result, bail};

/// What stands before the state's name in a function's binary.
const RUNS_WITH: &str = "lambda::run::<";

/// What a function works with: it gets the variables and the permissions for that, and no others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each capability is there or not, whatever the others are")]
pub(super) struct Capabilities {
    pub(super) database: bool,
    /// Asks callers for keys.
    pub(super) auth: bool,
    pub(super) files: Option<Files>,
    /// Takes uploads, and refuses what tasks may not ask for where `docker` runs on our machines.
    pub(super) uploads: bool,
    /// Gives new queue keys their limits.
    pub(super) limits: bool,
    /// Expands sweeps: seals agents' variables, and says where `docker` runs.
    pub(super) sweeps: bool,
    /// Wakes the dispatcher.
    pub(super) wakes: bool,
}

/// What a function does in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Files {
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

impl Capabilities {
    /// Those of a function, whose binary has this source.
    pub(super) fn of(function: &str, source: &str) -> Result<Self> {
        let state = source.split_once(RUNS_WITH).and_then(|(_, rest)| rest.split_once(','));
        let (state, _) =
            state.with_context(|| format!("the binary of {function} names no state: `{RUNS_WITH}State, _>`"))?;
        let public = Self { database: true, ..Self::default() };
        let reads = Self { auth: true, ..public };
        Ok(match state {
            "Nothing" => Self::default(),
            "Public" => public,
            "PublicFiles" => Self { files: Some(Files::Read), ..public },
            "Reads" => reads,
            "ReadsFiles" => Self { files: Some(Files::Read), ..reads },
            "Wakes" => Self { wakes: true, ..reads },
            "Judging" => Self { limits: true, wakes: true, ..reads },
            "Sweeps" => Self { limits: true, sweeps: true, wakes: true, ..reads },
            "Imports" => Self { files: Some(Files::Announce), limits: true, ..reads },
            "Deletes" => Self { files: Some(Files::Delete), wakes: true, ..reads },
            // What takes uploads does so in steps, and each step has a function.
            "Uploads" => Self { files: Some(uploads(function)?), uploads: true, ..reads },
            unknown => bail!(
                "{function} runs with the state {unknown}, of which `cargo xtask generate` does not know what it may do"
            ),
        })
    }

    /// Whether it unpacks archives, which takes memory and disk.
    pub(super) fn unpacks(self) -> bool {
        matches!(self.files, Some(Files::Store | Files::Accept | Files::Replace))
    }
}

fn uploads(function: &str) -> Result<Files> {
    Ok(match function {
        "init_upload" => Files::Announce,
        "upload_task" => Files::Store,
        "complete_upload" => Files::Accept,
        "complete_import" => Files::Replace,
        _ => bail!("{function} takes uploads, and `cargo xtask generate` does not know what it does in the bucket"),
    })
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

impl Files {
    pub(super) fn grants(self) -> &'static [Grant] {
        match self {
            Self::Read => &[(&[GET], &[TASKS]), (&[LIST], &[BUCKET])],
            Self::Announce => &[(&[PUT], &[STAGING])],
            Self::Store => &[(&[PUT, ABORT], &[TASKS])],
            Self::Accept => &[
                (&[GET], &[STAGING]),
                (&[PUT, ABORT], &[TASKS]),
                (&DELETE, &[STAGING]),
                (&[LIST, LIST_VERSIONS], &[BUCKET]),
            ],
            Self::Replace => &[
                (&[GET], &[STAGING]),
                (&[PUT, ABORT], &[TASKS]),
                (&DELETE, &[TASKS, STAGING]),
                (&[LIST, LIST_VERSIONS], &[BUCKET]),
            ],
            Self::Delete => &[(&DELETE, &[TASKS, STAGING]), (&[LIST_VERSIONS], &[BUCKET])],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_says_what_a_function_works_with() {
        let found = Capabilities::of("retry_trial", "fn main() { lambda::run::<Wakes, _>(name, handler) }").unwrap();
        assert_eq!(found, Capabilities { database: true, auth: true, wakes: true, ..Capabilities::default() });
        let found = Capabilities::of("get_docs", "lambda::run::<Nothing, _>(name, handler)").unwrap();
        assert_eq!(found, Capabilities::default());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let error = Capabilities::of("get_moon", "lambda::run::<Everything, _>(").unwrap_err();
        assert!(error.to_string().contains("get_moon") && error.to_string().contains("Everything"), "{error}");
        let error = Capabilities::of("get_moon", "lambda::run::<Uploads, _>(").unwrap_err();
        assert!(error.to_string().contains("get_moon"), "{error}");
        let error = Capabilities::of("get_moon", "lambda::start(moon::run)").unwrap_err();
        assert!(error.to_string().contains("names no state"), "{error}");
    }
}
