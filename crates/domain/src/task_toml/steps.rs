//! The steps of a task and their names, each of which is the name of a folder.

use std::collections::HashSet;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

use super::document::Document;
use super::fault::TaskFault;
use super::value::{Node, Table};

const MAX_NAME_BYTES: usize = 255;

/// A step whose name is one.
pub(super) struct Step<'a> {
    pub(super) name: String,
    /// Its place in `task.toml`, such as `steps[0]`.
    pub(super) key: String,
    pub(super) table: &'a Table,
}

/// The steps of a task, in order.
pub(super) fn steps<'a>(document: &'a Document, faults: &mut Vec<TaskFault>) -> Vec<Step<'a>> {
    let list = document.table.get("steps").and_then(Node::list).unwrap_or_default();
    let mut seen = HashSet::new();
    let mut steps = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let Some(table) = node.table() else { continue };
        let name = table.get("name");
        let line = document.line(name.unwrap_or(node).at);
        match name.and_then(Node::text).filter(|name| is_folder_name(name)) {
            None => faults.push(TaskFault::StepName { line, index }),
            Some(name) if !seen.insert(spelling(name)) => {
                faults.push(TaskFault::StepRepeated { line, name: name.to_owned() });
            }
            Some(name) => steps.push(Step { name: name.to_owned(), key: format!("steps[{index}]"), table }),
        }
    }
    steps
}

/// A form that is the same for names which some file system takes for one.
fn spelling(name: &str) -> String {
    UniCase::unicode(name.nfc().collect::<String>()).to_folded_case()
}

/// Whether a step's name can be one folder's name on any system, as Harbor demands. Archives take no control characters at all.
fn is_folder_name(name: &str) -> bool {
    !name.trim().is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.ends_with(['.', ' '])
        && !name.contains(['<', '>', ':', '"', '/', '\\', '|', '?', '*'])
        && !name.contains(char::is_control)
        && !is_device_name(name)
}

/// Whether Windows takes it for a device, whatever its ending.
fn is_device_name(name: &str) -> bool {
    let base = name.split('.').next().unwrap_or_default().trim_end_matches(' ').to_ascii_uppercase();
    let numbered = |device: &str| {
        let number = base.strip_prefix(device)?;
        Some(matches!(number, "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "\u{b9}" | "\u{b2}" | "\u{b3}"))
    };
    matches!(base.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered("COM") == Some(true)
        || numbered("LPT") == Some(true)
}
