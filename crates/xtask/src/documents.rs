//! Tests of documents: the sections, files and tasks that they name exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use crate::{Arguments, workspace};

const COMPATIBILITY: &str = "docs/compatibility.md";

/// Files of this checkout with one of these endings, by their path from its root.
fn files(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let root = workspace::root();
    let is_wanted = |path: &PathBuf| {
        path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| endings.contains(&ending))
    };
    let files = workspace::files(root).unwrap().into_iter().filter(is_wanted);
    files.map(|path| (path.clone(), fs::read_to_string(root.join(path)).unwrap())).collect()
}

fn documents() -> Vec<(PathBuf, String)> {
    files(&["md"])
}

/// The texts between `start` and `end` in `text`.
fn between<'a>(text: &'a str, start: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(move |rest| rest.split_once(end).map(|(inside, _)| inside))
}

fn headings(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim())
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// A section's number, such as `1.12`, at the beginning of a text.
fn section(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

/// Fails with everything that is wrong, and where nothing was looked at.
#[track_caller]
fn all_hold(looked_at: usize, at_least: usize, faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(looked_at >= at_least, "only {looked_at} were found: the search is wrong");
}

#[test]
fn cited_sections_of_the_compatibility_page_exist() {
    let page = fs::read_to_string(workspace::root().join(COMPATIBILITY)).unwrap();
    let sections: BTreeSet<&str> = headings(&page).map(section).filter(|number| number.contains('.')).collect();
    let (mut cited, mut faults) = (0, Vec::new());
    for (file, text) in files(&["rs", "sql", "md"]) {
        for rest in text.split("compatibility.md, ").skip(1) {
            let number = section(rest);
            if number.is_empty() {
                continue;
            }
            cited += 1;
            if !sections.contains(number) {
                faults.push(format!("{}: {COMPATIBILITY} has no section {number}", file.display()));
            }
        }
    }
    all_hold(cited, 80, &faults);
}

#[test]
fn the_reference_stands_alone() {
    let reference = fs::read_to_string(workspace::root().join("docs/openapi.json")).unwrap();
    let citing = reference
        .lines()
        .filter(|line| line.contains("(contract ") || (line.contains("docs/") && line.contains(".md")));
    all_hold(reference.len(), 1, &citing.map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn links_between_documents_lead_somewhere() {
    let (mut links, mut faults) = (0, Vec::new());
    for (file, text) in documents() {
        let folder = workspace::root().join(file.parent().unwrap_or(Path::new("")));
        for link in between(&text, "](", ')').filter(|link| !link.contains("://")) {
            links += 1;
            let (path, wanted) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { workspace::root().join(&file) } else { folder.join(path) };
            if !target.exists() {
                faults.push(format!("{}: there is no {path}", file.display()));
            } else if !wanted.is_empty() {
                let there = fs::read_to_string(&target).unwrap();
                if headings(&there).all(|heading| anchor(heading) != wanted) {
                    faults.push(format!("{}: {path} has no heading #{wanted}", file.display()));
                }
            }
        }
    }
    all_hold(links, 100, &faults);
}

#[test]
fn files_that_documents_name_exist() {
    let is_path = |text: &&str| {
        let known = ["crates/", "functions/", "docs/", "migrations/", "tests/", "examples/"];
        known.iter().any(|folder| text.starts_with(folder))
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
    };
    let (mut named, mut faults) = (0, Vec::new());
    for (file, text) in documents() {
        // Changes are told as they were; what a task or a trial holds is not in this checkout.
        if file == Path::new("CHANGELOG.md") {
            continue;
        }
        for path in text.split('`').skip(1).step_by(2).filter(is_path) {
            if path.starts_with("tests/") && !path.starts_with("tests/mutations") {
                continue;
            }
            named += 1;
            if !workspace::root().join(path).exists() {
                faults.push(format!("{}: there is no {path}", file.display()));
            }
        }
    }
    all_hold(named, 100, &faults);
}

#[test]
fn tasks_that_documents_name_exist() {
    let command = Arguments::command();
    let (mut named, mut faults) = (0, Vec::new());
    for (file, text) in documents().into_iter().filter(|(file, _)| file != Path::new("CHANGELOG.md")) {
        for rest in text.split("cargo xtask ").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
            let task = &rest[..end];
            named += 1;
            if !task.is_empty() && task != "help" && command.find_subcommand(task).is_none() {
                faults.push(format!("{}: there is no `cargo xtask {task}`", file.display()));
            }
        }
    }
    all_hold(named, 50, &faults);
}
