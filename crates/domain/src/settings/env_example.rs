//! `env.example`.

use std::fmt::Write as _;

use super::Group;

/// The text of `env.example`: every setting under its group's title, commented out and with its default.
pub fn env_example(groups: &[Group]) -> String {
    let mut text = String::from(
        "# Every setting, with the value it has when it is not set. Copy to .env and uncomment what you change.\n",
    );
    for group in groups {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {}\n", group.title);
        for setting in group.describe() {
            text.push('\n');
            for line in setting.doc.lines() {
                let _ = writeln!(text, "# {line}");
            }
            if setting.secret {
                text.push_str("# (secret)\n");
            }
            let _ = writeln!(text, "#{}={}", setting.name, quoted(&setting.default));
        }
    }
    text
}

/// A value as `.env` files write it: in single quotes where some program might not take it as it stands.
pub(super) fn quoted(value: &str) -> String {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@,+%".contains(c));
    if plain { value.to_owned() } else { format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'")) }
}
