//! Which paths are taken: none by two members, also where a file system takes two spellings for one name.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;

use super::{ArchiveError, UnpackLimits};
use crate::key::shown;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Folder that a member lies in, but that was no member itself so far.
    ImpliedFolder,
    Folder,
    File,
}

struct Place {
    path: String,
    kind: Kind,
}

/// The paths that members have taken so far, by their [`spelling`].
#[derive(Default)]
pub(super) struct TakenPaths(HashMap<String, Place>);

impl TakenPaths {
    /// Takes a plain path, and the folders above it.
    pub(super) fn take(&mut self, path: &str, kind: Kind, limits: &UnpackLimits) -> Result<(), ArchiveError> {
        let key = spelling(path);
        for ((slash, _), (key_slash, _)) in path.match_indices('/').zip(key.match_indices('/')) {
            self.take_one(&key[..key_slash], &path[..slash], Kind::ImpliedFolder)?;
        }
        self.take_one(&key, path, kind)?;
        if self.0.len() > limits.entries {
            return Err(ArchiveError::TooManyEntries { limit: limits.entries });
        }
        Ok(())
    }

    fn take_one(&mut self, key: &str, path: &str, kind: Kind) -> Result<(), ArchiveError> {
        let mut place = match self.0.entry(key.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(Place { path: path.to_owned(), kind });
                return Ok(());
            }
            Entry::Occupied(place) => place,
        };
        let place = place.get_mut();
        if place.path != path {
            let (path, other) = (shown(path.as_bytes()), shown(place.path.as_bytes()));
            return Err(ArchiveError::Collision { path, other });
        }
        match (place.kind, kind) {
            (Kind::ImpliedFolder | Kind::Folder, Kind::ImpliedFolder) => Ok(()),
            (Kind::ImpliedFolder, Kind::Folder) => {
                place.kind = Kind::Folder;
                Ok(())
            }
            _ => Err(ArchiveError::Duplicate { path: shown(path.as_bytes()) }),
        }
    }

    /// Paths of the files and of the folders, each sorted.
    pub(super) fn into_sorted(self) -> (Vec<String>, Vec<String>) {
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for Place { path, kind } in self.0.into_values() {
            if kind == Kind::File { files.push(path) } else { folders.push(path) }
        }
        files.sort_unstable();
        folders.sort_unstable();
        (files, folders)
    }
}

/// A form that is the same for all paths which any usual file system takes for one: Unicode's canonical caseless match
/// (definition D145), and without the characters that HFS+ and ext4 don't compare. It keeps the slashes in their places
/// between the parts.
pub(super) fn spelling(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    let compared: String = path.nfd().filter(|character| !is_ignorable(*character)).collect();
    UniCase::unicode(compared).to_folded_case().nfc().collect()
}

/// Unicode's property `Default_Ignorable_Code_Point`, whose code points are reserved in whole ranges, so that it is stable.
fn is_ignorable(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
