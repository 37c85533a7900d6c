//! What files of a crate may use, by their `use` items: one another without a circle, and the queries only where no service does it. `mod`
//! items and re-exports make no circle: the file that declares a module, or offers its names, knows nothing of what they are for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module by its path below the crate's root, such as `["queue", "jobs"]`.
type Module = Vec<String>;

/// The files of a crate as modules, and what its files take from one another.
#[derive(Default)]
struct Crate {
    modules: BTreeSet<Module>,
    /// Modules by which others go, for names that a file offers and another file has: the offering module and the name.
    offered: BTreeMap<(Module, String), Vec<String>>,
    uses: BTreeMap<Module, BTreeSet<Module>>,
    /// The paths of the `use` items of each file, as they are written.
    written: Vec<(Module, Vec<String>)>,
}

impl Crate {
    fn read(source: &Path) -> Self {
        let mut read = Self::default();
        let files: Vec<PathBuf> = files(source);
        read.modules = files.iter().map(|file| module_of(source, file)).collect();
        let mut taken = Vec::new();
        for file in &files {
            let module = module_of(source, file);
            for (public, path) in use_paths(&std::fs::read_to_string(file).unwrap()) {
                read.written.push((module.clone(), path.clone()));
                let Some(path) = absolute(&module, &path) else { continue };
                let Some(name) = path.last().cloned() else { continue };
                if public {
                    read.offered.insert((module.clone(), name), path);
                } else {
                    taken.push((module.clone(), path));
                }
            }
        }
        for (module, path) in taken {
            let target = read.target(&path, 0);
            if target != module {
                read.uses.entry(module).or_default().insert(target);
            }
        }
        read
    }

    /// The file that has what the path names: the longest part of it that is a module, through re-exports.
    fn target(&self, path: &[String], depth: usize) -> Module {
        let length = (0..=path.len()).rev().find(|length| self.modules.contains(&path[..*length])).unwrap_or_default();
        let (module, rest) = path.split_at(length);
        let offered = rest.first().and_then(|name| self.offered.get(&(module.to_vec(), name.clone())));
        match offered {
            // A chain of re-exports is short; one that leads back to itself must not be followed forever.
            Some(there) if depth < 8 => {
                let whole: Vec<String> = there.iter().chain(rest.iter().skip(1)).cloned().collect();
                self.target(&whole, depth + 1)
            }
            _ => module.to_vec(),
        }
    }

    /// The modules that use something of `name`, a path from outside, or all that is around it.
    fn users(&self, name: &[&str]) -> BTreeSet<String> {
        let is_of = |path: &[String]| {
            let glob = path.last().is_some_and(|last| last == "*");
            let path = if glob { &path[..path.len() - 1] } else { path };
            path.iter().zip(name).all(|(one, other)| one == other) && (glob || path.len() >= name.len())
        };
        self.written.iter().filter(|(_, path)| is_of(path)).map(|(module, _)| module.join("::")).collect()
    }

    /// Pairs of modules that reach each other.
    fn circles(&self) -> Vec<(String, String)> {
        let reach = |from: &Module| {
            let mut seen = BTreeSet::new();
            let mut next: Vec<&Module> = self.uses.get(from).into_iter().flatten().collect();
            while let Some(module) = next.pop() {
                if seen.insert(module.clone()) {
                    next.extend(self.uses.get(module).into_iter().flatten());
                }
            }
            seen
        };
        let reached: BTreeMap<&Module, BTreeSet<Module>> =
            self.uses.keys().map(|module| (module, reach(module))).collect();
        let mut circles = Vec::new();
        for (one, beyond) in &reached {
            for other in beyond.iter().filter(|other| *one < *other) {
                if reached.get(other).is_some_and(|back| back.contains(*one)) {
                    circles.push((one.join("::"), other.join("::")));
                }
            }
        }
        circles
    }
}

/// The source files below a folder, but for tests, whose files may take what they test, and programs.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let files = files.filter(|file| file.file_stem().is_none_or(|stem| stem != "tests"));
    let folders = folders.into_iter().filter(|folder| folder.file_name().is_none_or(|name| name != "bin"));
    files.chain(folders.flat_map(|folder| self::files(&folder))).collect()
}

fn module_of(source: &Path, file: &Path) -> Module {
    let path = file.strip_prefix(source).unwrap().with_extension("");
    let mut module: Module = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// The path from the crate's root; none where the path leads out of the crate.
fn absolute(module: &Module, path: &[String]) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let base = match first.as_str() {
        "crate" => Vec::new(),
        "self" => module.clone(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        // A child that is named without `self::`: `pub use ending::lose;`.
        child => [module.as_slice(), &[child.to_owned()]].concat(),
    };
    if rest.first().is_some_and(|next| next == "super") {
        return absolute(&base, rest);
    }
    Some([base, rest.to_vec()].concat())
}

/// The paths of all `use` items before the tests of a file, braces taken apart, and whether the item is a re-export.
fn use_paths(text: &str) -> Vec<(bool, Vec<String>)> {
    let text = text.split("\n#[cfg(test)]").next().unwrap_or_default();
    let mut paths = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let line = rest[..at].rsplit('\n').next().unwrap_or_default();
        rest = &rest[at + "use ".len()..];
        let public = line.starts_with("pub");
        if !(line.is_empty() || public && line.split_whitespace().count() == 1) {
            continue;
        }
        let Some((item, after)) = rest.split_once(';') else { break };
        rest = after;
        let flat: String = item.split_whitespace().collect::<Vec<_>>().join(" ");
        paths.extend(expand(&flat).into_iter().map(|path| (public, path)));
    }
    paths
}

/// `a::{b, c::d as e}` as `a::b` and `a::c::d`.
fn expand(item: &str) -> Vec<Vec<String>> {
    let parts = |path: &str| -> Vec<String> {
        let path = path.split(" as ").next().unwrap_or_default();
        path.split("::").map(str::trim).filter(|part| !part.is_empty() && *part != "self").map(str::to_owned).collect()
    };
    let Some((before, inside)) = item.split_once('{') else {
        let mut whole = parts(item);
        if item.trim_start().starts_with("self::") {
            whole.insert(0, "self".to_owned());
        }
        return vec![whole];
    };
    let inside = inside.trim_end().strip_suffix('}').unwrap_or(inside);
    let mut depth = 0;
    let members = inside.split(|character| {
        depth += match character {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        character == ',' && depth == 0
    });
    let members = members.map(str::trim).filter(|member| !member.is_empty()).flat_map(expand);
    members.map(|member| [parts(before), member].concat()).collect()
}

#[test]
fn files_of_a_crate_do_not_use_one_another_in_a_circle() {
    let root = crate::workspace::root();
    let crates = std::fs::read_dir(root.join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for folder in crates.chain([root.join("functions")]) {
        let circles = Crate::read(&folder.join("src")).circles();
        found.extend(circles.into_iter().map(|(one, other)| format!("{}: {one} and {other}", folder.display())));
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn handlers_call_services_and_no_queries() {
    let functions = Crate::read(&crate::workspace::root().join("functions/src"));
    // What the functions without an endpoint do, no service does; and capabilities are built from connections.
    let may = |module: &String| module.starts_with("lambda::") || module == "state";
    for queries in [&["oddish_db"][..], &["oddish", "db"]] {
        let found: Vec<String> = functions.users(queries).into_iter().filter(|module| !may(module)).collect();
        assert_eq!(found, Vec::<String>::new(), "these use {}: have a service do it", queries.join("::"));
    }
    assert!(functions.users(&["oddish_db"]).contains("state"), "the rule finds nothing any more");
}

#[test]
fn users_are_found_through_braces_renaming_and_globs() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("one.rs", "use oddish::{Error, db as queries};\n"),
        ("two.rs", "use oddish::db::{tasks, trials};\n"),
        ("three.rs", "use oddish::*;\n"),
        ("four.rs", "use oddish::{Db, tasks};\nuse oddish_db::Db;\nuse crate::db;\n"),
        ("five.rs", "pub use oddish::db;\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let users: Vec<String> = Crate::read(folder.path()).users(&["oddish", "db"]).into_iter().collect();
    assert_eq!(users, ["five", "one", "three", "two"]);
}

#[test]
fn a_circle_is_found_through_braces_and_re_exports() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod one;\nmod two;\npub use two::deep::{self, Deep};\n");
    write("one.rs", "use std::fmt;\nuse crate::{\n    Deep, fmt as other,\n};\n");
    write("two.rs", "pub mod deep;\n");
    write("two/deep.rs", "use super::super::one::One;\n");
    let circle = ("one".to_owned(), "two::deep".to_owned());
    assert_eq!(Crate::read(folder.path()).circles(), [circle]);
    write("two/deep.rs", "pub(crate) struct Deep;\n\n#[cfg(test)]\nmod tests {\nuse crate::one::One;\n}\n");
    assert_eq!(Crate::read(folder.path()).circles(), []);
}
