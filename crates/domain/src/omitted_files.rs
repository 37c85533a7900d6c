//! Files of a trial that are not kept, with the reasons.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::status::words;

words! {
    /// Why a file of a trial is not kept.
    OmissionReason, "reason to omit a file",
    /// Its path is not UTF-8.
    NameNotUtf8 = "name_not_utf8",
    /// Its path holds a line break or another control character.
    NameHasControlCharacter = "name_has_control_character",
    /// Its path, or one part of it, is too long for the store.
    NameTooLong = "name_too_long",
    /// Too many folders are around it.
    TooDeep = "too_deep",
    /// Its path is that of a list that Oddish keeps there itself.
    NameTaken = "name_taken",
    /// The runner may not read it, or it went while the others were stored.
    Unreadable = "unreadable",
    /// It is a symbolic link: what it names may lie anywhere, and is stored if it lies among the trial's files.
    Link = "link",
    /// It is a pipe, a socket or a device.
    NotAFile = "not_a_file",
    /// The files before it are as many bytes as a trial may keep, or would be with it. A sparse file counts as long as it looks.
    TooManyBytes = "too_many_bytes",
    /// The files before it are as many as a trial may keep.
    TooManyFiles = "too_many_files",
}

/// How many files of a trial are not kept. The list is in `omitted.json` among the trial's files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({"files": 3, "bytes": 6, "reasons": {"name_not_utf8": 2, "too_deep": 1}}))))]
pub struct OmittedFiles {
    /// How many; a folder that cannot be read is one.
    pub files: u64,
    /// Their size together, as far as it is known.
    pub bytes: u64,
    /// How many for each reason.
    pub reasons: BTreeMap<OmissionReason, u64>,
}

impl OmittedFiles {
    /// Counts one more.
    pub fn add(&mut self, reason: OmissionReason, bytes: u64) {
        self.files = self.files.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        let count = self.reasons.entry(reason).or_default();
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_by_reason() {
        let mut omitted = OmittedFiles::default();
        omitted.add(OmissionReason::TooDeep, 5);
        omitted.add(OmissionReason::NameNotUtf8, 2);
        omitted.add(OmissionReason::TooDeep, 1);
        let expected = serde_json::json!({"files": 3, "bytes": 8, "reasons": {"name_not_utf8": 1, "too_deep": 2}});
        assert_eq!(serde_json::to_value(&omitted).unwrap(), expected);
        assert_eq!(serde_json::from_value::<OmittedFiles>(expected).unwrap(), omitted);
    }

    #[test]
    fn words_are_spelled_alike_everywhere() {
        for reason in OmissionReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), serde_json::json!(reason.as_str()));
        }
    }
}
