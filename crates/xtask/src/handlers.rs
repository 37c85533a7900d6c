//! The modules of handlers, which `functions/src/<resource>.rs` declares: one for each file in `functions/src/<resource>/`.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::progress::say;
use crate::workspace;

const FOLDER: &str = "functions/src";
/// Folders that hold no handlers.
const OTHERS: [&str; 3] = ["bin", "http", "lambda"];
const DECLARATION: &str = "pub mod ";

/// Writes the declarations. With `check`, nothing is changed, and one that is missing or names no file is an error.
pub(crate) fn declare(check: bool) -> Result<()> {
    let folder = workspace::root().join(FOLDER);
    for resource in names(&folder, Path::is_dir)? {
        if OTHERS.contains(&resource.as_str()) {
            continue;
        }
        let file = folder.join(&resource).with_extension("rs");
        let found = std::fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
        let is_handler =
            |path: &Path| path.extension().is_some_and(|ending| ending == "rs") && !is_private(&found, path);
        let expected = replaced(&found, &names(&folder.join(&resource), is_handler)?);
        if found == expected {
            continue;
        }
        if check {
            bail!("{FOLDER}/{resource}.rs does not declare the handlers in {FOLDER}/{resource}/");
        }
        workspace::write(&file, expected)?;
        say(&format!("{FOLDER}/{resource}.rs is new"));
    }
    Ok(())
}

/// Whether the resource declares the file as a module of its own use.
fn is_private(resource: &str, path: &Path) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    resource.lines().any(|line| line == format!("mod {name};"))
}

/// The names, without endings, of what is wanted in a folder, sorted.
fn names(folder: &Path, is_wanted: impl Fn(&Path) -> bool) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_wanted(&path) {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// The text with these declarations in place of its own; after its first paragraph where it has none.
fn replaced(text: &str, handlers: &[String]) -> String {
    let mut declarations = String::new();
    for handler in handlers {
        let _ = writeln!(declarations, "{DECLARATION}{handler};");
    }
    let kept = |line: &&str| !line.starts_with(DECLARATION);
    let at = text.split_inclusive('\n').take_while(kept).map(str::len).sum::<usize>();
    let at = if at == text.len() { text.find("\n\n").map_or(text.len(), |end| end + 2) } else { at };
    let (before, after) = text.split_at(at);
    let after: String = after.split_inclusive('\n').filter(kept).collect();
    format!("{before}{declarations}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_declared_once() {
        let handlers = ["get_a", "get_b"].map(str::to_owned);
        for before in [
            "//! A.\n\npub mod get_a;\npub mod gone;\n\nfn f() {}\n",
            "//! A.\n\npub mod get_b;\npub mod get_a;\n\nfn f() {}\n",
        ] {
            assert_eq!(replaced(before, &handlers), "//! A.\n\npub mod get_a;\npub mod get_b;\n\nfn f() {}\n");
        }
        assert_eq!(replaced("//! A.\n\n", &handlers), "//! A.\n\npub mod get_a;\npub mod get_b;\n");
    }

    #[test]
    fn the_handlers_of_this_tree_are_declared() {
        declare(true).unwrap();
    }
}
