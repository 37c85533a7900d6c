//! Which media type a file is served as.

/// The media type of what is not known, or what a browser would run: pages, images with scripts, scripts.
pub const ANYTHING: &str = "application/octet-stream";

const TEXT: &str = "text/plain; charset=utf-8";

/// Guesses it from the file's name (docs/compatibility.md, 1.11).
pub(super) fn of_path(path: &str) -> &'static str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let Some((_, ending)) = name.rsplit_once('.') else { return ANYTHING };
    match ending.to_ascii_lowercase().as_str() {
        "txt" | "log" | "md" | "toml" | "ini" | "cfg" | "yaml" | "yml" | "sh" | "py" | "rs" | "c" | "h" | "cpp"
        | "go" | "java" | "rb" | "sql" | "patch" | "diff" => TEXT,
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/x-ndjson",
        "csv" => "text/csv; charset=utf-8",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "gz" | "tgz" => "application/gzip",
        "tar" => "application/x-tar",
        "zip" => "application/zip",
        _ => ANYTHING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_would_run_is_anything() {
        for name in
            ["index.html", "a.HTM", "x.svg", "x.js", "x.mjs", "x.xml", "x.xhtml", "x.css", "x.pdf", "x", ".html", "x."]
        {
            assert_eq!(of_path(name), ANYTHING, "{name}");
        }
    }

    #[test]
    fn the_ending_of_the_name_tells() {
        assert_eq!(of_path("html/trial.LOG"), TEXT);
        assert_eq!(of_path("agent.json/core"), ANYTHING);
        assert_eq!(of_path("agent/trajectory.json"), "application/json");
    }
}
