//! Listing files, of a task or of a trial, with their folders or without.

use oddish_api_types::ListFilesQuery;
use oddish_artifacts::key::is_relative_path;

use crate::Error;

/// Files that are looked at for one answer.
const MOST: usize = 10_000;

/// What to list, checked.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Nothing, or a folder with a slash at the end.
    pub(crate) prefix: String,
    pub(crate) recursive: bool,
    pub(crate) presign: bool,
    /// What is listed comes after this, in byte order.
    pub(crate) after: String,
    limit: usize,
}

impl Wanted {
    /// Checks a query. Published clients know the text for a bad prefix (docs/compatibility.md, 1.11).
    pub(crate) fn of(query: &ListFilesQuery) -> Result<Self, Error> {
        let folder = query.prefix.as_deref().unwrap_or_default();
        let folder = folder.strip_suffix('/').unwrap_or(folder);
        if !folder.is_empty() && !is_relative_path(folder) || query.prefix.as_deref() == Some("/") {
            return Err(Error::refused("Invalid path"));
        }
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let limit = match query.limit {
            None => MOST,
            Some(limit) => usize::try_from(limit)
                .ok()
                .filter(|limit| (1..=1000).contains(limit))
                .ok_or_else(|| Error::invalid("limit", "limit must be from 1 to 1000"))?,
        };
        let after = query.cursor.as_deref().unwrap_or_default();
        let place = after.strip_suffix('/').unwrap_or(after);
        if query.cursor.is_some() && (!is_relative_path(place) || !after.starts_with(&prefix)) {
            return Err(Error::refused(
                "Invalid cursor: send the `cursor` of the listing before, with the same prefix",
            ));
        }
        Ok(Self {
            prefix,
            recursive: query.recursive.unwrap_or(true),
            presign: query.presign.unwrap_or(true),
            // After a folder comes what is after everything in it.
            after: if after.ends_with('/') { format!("{after}{}", char::MAX) } else { after.to_owned() },
            limit,
        })
    }

    /// How many files to look at: one more than can be listed tells that there are more.
    pub(crate) fn to_look_at(&self) -> usize {
        if self.recursive { self.limit + 1 } else { MOST + 1 }
    }

    /// What is listed of these files, which are in byte order of their paths, and as many as [`to_look_at`](Self::to_look_at) if there are
    /// that many. `room` is for what they cost together.
    pub(crate) fn page<T>(
        &self,
        files: Vec<T>,
        path: impl Fn(&T) -> &str,
        cost: impl Fn(&T) -> usize,
        mut room: usize,
    ) -> Page<T> {
        let mut page = Page { files: Vec::new(), folders: Vec::new(), cursor: None, room };
        let looked_at = files.len();
        let mut last = String::new();
        for file in files {
            let full = path(&file);
            let inner = full.strip_prefix(&self.prefix).unwrap_or(full).split_once('/');
            let folder = inner.filter(|_| !self.recursive).map(|(name, _)| format!("{}{name}", self.prefix));
            if folder.is_some() && page.folders.last() == folder.as_ref() {
                continue;
            }
            let taken = if folder.is_some() { 2 * full.len() + 32 } else { cost(&file) };
            if page.files.len() + page.folders.len() == self.limit || taken > room {
                page.cursor = Some(last);
                return page;
            }
            room -= taken;
            page.room = room;
            if let Some(folder) = folder {
                last = format!("{folder}/");
                page.folders.push(folder);
            } else {
                full.clone_into(&mut last);
                page.files.push(file);
            }
        }
        if looked_at == self.to_look_at() {
            page.cursor = Some(last);
        }
        page
    }
}

/// One answer's worth of a listing.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) files: Vec<T>,
    /// Without slashes at the end.
    pub(crate) folders: Vec<String>,
    /// Where it goes on, if it does.
    pub(crate) cursor: Option<String>,
    /// Room that is left.
    pub(crate) room: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages until there are no more, of files that lie in a list.
    fn walk(files: &[&str], query: &ListFilesQuery) -> Vec<String> {
        let mut query = query.clone();
        let mut found = Vec::new();
        loop {
            let wanted = Wanted::of(&query).unwrap();
            let after = files.iter().filter(|path| path.starts_with(&wanted.prefix) && **path > wanted.after.as_str());
            let looked_at: Vec<&str> = after.take(wanted.to_look_at()).copied().collect();
            let page = wanted.page(looked_at, |path| path, |_| 1, usize::MAX);
            let mut entries: Vec<String> = page.files.iter().map(|path| (*path).to_owned()).collect();
            entries.extend(page.folders.into_iter().map(|folder| folder + "/"));
            entries.sort();
            found.extend(entries);
            match page.cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => return found,
            }
        }
    }

    const FILES: [&str; 7] = ["a-b", "a/x", "a/y/z", "a0", "b/c/d", "b/c/e", "task.toml"];

    #[test]
    fn pages_put_together_are_the_whole() {
        for limit in [None, Some(1), Some(2), Some(3)] {
            let all = ListFilesQuery { limit, ..ListFilesQuery::default() };
            assert_eq!(walk(&FILES, &all), FILES, "{limit:?}");
            let top = ListFilesQuery { recursive: Some(false), ..all };
            assert_eq!(walk(&FILES, &top), ["a-b", "a/", "a0", "b/", "task.toml"], "{limit:?}");
            for prefix in ["a", "a/"] {
                let inner = ListFilesQuery { prefix: Some(prefix.to_owned()), ..top.clone() };
                assert_eq!(walk(&FILES, &inner), ["a/x", "a/y/"], "{limit:?}");
            }
        }
    }

    #[test]
    fn a_page_ends_where_the_room_does() {
        let wanted = Wanted::of(&ListFilesQuery::default()).unwrap();
        let page = wanted.page(FILES.to_vec(), |path| path, |_| 10, 25);
        assert_eq!((page.files, page.cursor, page.room), (vec!["a-b", "a/x"], Some("a/x".to_owned()), 5));
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for prefix in ["/", "/etc", "..", "a/../b", "a//b", "a\0"] {
            let query = ListFilesQuery { prefix: Some(prefix.to_owned()), ..ListFilesQuery::default() };
            assert!(Wanted::of(&query).is_err(), "{prefix:?}");
        }
        for cursor in ["", "/", "../a", "b"] {
            let query = ListFilesQuery {
                prefix: Some("a".to_owned()),
                cursor: Some(cursor.to_owned()),
                ..ListFilesQuery::default()
            };
            assert!(Wanted::of(&query).is_err(), "{cursor:?}");
        }
    }
}
