//! A file, read by what it is.

use std::path::Path;

use super::fault::Faults;
use super::node::{Content, Node};
use super::{json, yaml};
use crate::plain_text;

/// The most of a file that is read.
const MOST_BYTES: u64 = 4 << 20;

/// Reads a YAML or JSON file, by its ending, or, where that says nothing, as either. What is wrong comes back in lines that are safe to print.
pub(crate) fn read(path: &Path) -> Result<Node, Vec<String>> {
    let text = text(path).map_err(|fault| vec![fault])?;
    let parsed = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => json::parse(&text),
        Some("yaml" | "yml") => yaml::parse(&text),
        // Nearly all JSON is YAML, but not all of it.
        _ => json::parse(&text).or_else(|_| yaml::parse(&text)),
    };
    let node = parsed.map_err(|fault| vec![fault.to_string()])?;
    let faults = Faults::default();
    check_keys(&node, &faults);
    let lines = faults.into_lines();
    if lines.is_empty() { Ok(node) } else { Err(lines) }
}

fn text(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("has more than {} MiB", MOST_BYTES >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        format!("line {}: not UTF-8: save it as UTF-8", before.matches('\n').count() + 1)
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Of a key that is given twice, one value would be lost.
fn check_keys(node: &Node, faults: &Faults) {
    match &node.content {
        Content::Mapping(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                if let Some(first) = entries[..index].iter().find(|other| other.key == entry.key) {
                    let key = plain_text::short_line(&entry.key, 80);
                    faults.add(entry.place, format!("the key `{key}` stands in {} already", first.place));
                }
                check_keys(&entry.value, faults);
            }
        }
        Content::List(items) => items.iter().for_each(|item| check_keys(item, faults)),
        _ => {}
    }
}
