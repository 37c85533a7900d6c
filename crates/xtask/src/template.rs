//! Writes what follows from the route table: the functions in template.yaml, the router of `cargo lambda watch` in Cargo.toml.
//!
//! The table is read from docs/openapi.json, which the functions' tests hold to their route table: linking the functions would make
//! every task wait for them to compile.

mod capabilities;
#[cfg(test)]
mod deployed;
mod functions;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::progress::{say, step};
use crate::setup::cloudformation_lint;
use crate::{process, workspace};
use capabilities::Capabilities;

/// Which region's resource types and limits the template is checked against.
const REGION: &str = "us-east-1";
const BEGIN: &str = "# Written by `cargo xtask template`, from here";
const END: &str = "# to here";

/// Methods and their operations by path; operation ids are the functions' names.
#[derive(Deserialize)]
struct Document {
    paths: BTreeMap<String, BTreeMap<String, Value>>,
}

/// What the document says of a path whose last parameter may contain slashes: the parameter's name.
const TAKES_SLASHES: &str = "x-takes-slashes";

/// One endpoint and the function that serves it.
#[derive(Debug, PartialEq, Eq)]
struct Route {
    /// With a star before a parameter that may contain slashes.
    path: String,
    /// Upper case.
    method: String,
    function: String,
}

/// `cargo xtask template`. With `check`, nothing is changed, and a file that is out of date is an error.
pub(crate) fn run(check: bool) -> Result<()> {
    let routes = routes(&read("docs/openapi.json")?)?;
    for (file, generated) in [("template.yaml", functions(&routes)?), ("Cargo.toml", watch_router(&routes))] {
        let found = read(file)?;
        let expected = replace(&found, &generated).with_context(|| format!("{file} can't be filled in"))?;
        if found == expected {
            continue;
        }
        if check {
            bail!("{file} is not what docs/openapi.json makes: run `cargo xtask template` and commit it");
        }
        workspace::write(&workspace::root().join(file), expected)?;
        say(&format!("{file} is new"));
    }
    Ok(())
}

/// Lets `CloudFormation`'s and SAM's own checkers look at the template.
pub(crate) fn lint() -> Result<()> {
    let linters = cloudformation_lint::ensure()?;
    let template = workspace::root().join("template.yaml");
    let mut cfn_lint = Command::new(linters.cfn_lint);
    step("cfn-lint", || process::shown(cfn_lint.args(["--regions", REGION, "--template"]).arg(&template)))?;
    let mut sam = Command::new(linters.sam);
    sam.env("SAM_CLI_TELEMETRY", "0")
        .args(["validate", "--lint", "--region", REGION, "--template-file"])
        .arg(&template);
    step("sam validate", || process::shown(&mut sam))
}

fn read(file: &str) -> Result<String> {
    let path = workspace::root().join(file);
    std::fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))
}

/// In the order of paths and methods.
fn routes(document: &str) -> Result<Vec<Route>> {
    let document: Document = serde_json::from_str(document).context("docs/openapi.json is no OpenAPI document")?;
    let mut routes = Vec::new();
    for (path, mut methods) in document.paths {
        let path = match methods.remove(TAKES_SLASHES) {
            Some(name) => {
                let name = name.as_str().with_context(|| format!("{TAKES_SLASHES} of {path} is no name"))?;
                path.replace(&format!("{{{name}}}"), &format!("{{*{name}}}"))
            }
            None => path,
        };
        for (method, operation) in methods {
            let function = operation.get("operationId").and_then(Value::as_str);
            let function = function.with_context(|| format!("{method} {path} has no operation id"))?.to_owned();
            routes.push(Route { path: path.clone(), method: method.to_uppercase(), function });
        }
    }
    Ok(routes)
}

/// Puts `generated` between the two marks, at the marks' own indentation.
fn replace(text: &str, generated: &str) -> Result<String> {
    let line_of = |mark: &str| {
        let position = text.find(mark).with_context(|| format!("the line `{mark}` is missing"))?;
        Ok::<_, anyhow::Error>(text.get(..position).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1))
    };
    let (begin, end) = (line_of(BEGIN)?, line_of(END)?);
    let head_length = text.get(begin..).and_then(|rest| rest.find('\n')).context("nothing follows the first mark")? + 1;
    let (Some(head), Some(tail), true) = (text.get(..begin + head_length), text.get(end..), begin < end) else {
        bail!("`{END}` comes before `{BEGIN}`");
    };
    Ok(format!("{head}{generated}{tail}"))
}

/// Each endpoint's resources, with what its binary's state says that it may do.
fn functions(routes: &[Route]) -> Result<String> {
    let resources = routes.iter().map(|route| {
        let source = read(&format!("functions/src/bin/{}.rs", route.function))?;
        Ok(functions::resources(route, Capabilities::of(&route.function, &source)?))
    });
    resources.collect()
}

/// Each path with its methods and their functions.
fn watch_router(routes: &[Route]) -> String {
    let mut by_path: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Route { path, method, function } in routes {
        by_path.entry(path).or_default().push(format!("{{ method = \"{method}\", function = \"{function}\" }}"));
    }
    let mut toml = String::from("[workspace.metadata.lambda.watch.router]\n");
    for (path, methods) in by_path {
        let _ = writeln!(toml, "\"{path}\" = [{}]", methods.join(", "));
    }
    toml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_and_router_are_current() {
        run(true).unwrap();
    }

    #[test]
    fn methods_of_one_path_go_to_different_functions() {
        let document =
            r#"{"paths": {"/tasks": {"get": {"operationId": "list_tasks"}, "post": {"operationId": "add"}}}}"#;
        let routes = routes(document).unwrap();
        assert_eq!(
            watch_router(&routes),
            "[workspace.metadata.lambda.watch.router]\n\"/tasks\" = [{ method = \"GET\", function = \"list_tasks\" }, \
             { method = \"POST\", function = \"add\" }]\n"
        );
    }

    #[test]
    fn a_parameter_with_slashes_has_a_star() {
        let document =
            r#"{"paths": {"/queues/{key}": {"x-takes-slashes": "key", "get": {"operationId": "get_queue"}}}}"#;
        let routes = routes(document).unwrap();
        assert!(watch_router(&routes).contains("\"/queues/{*key}\" = "), "{routes:?}");
    }

    #[test]
    fn an_operation_without_an_id_is_refused() {
        let error = routes(r#"{"paths": {"/tasks": {"get": {}}}}"#).unwrap_err();
        assert!(error.to_string().contains("get /tasks"), "{error}");
    }

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = format!("before\n  {BEGIN}\nold\n  {END}\nafter\n");
        assert_eq!(replace(&text, "new\n").unwrap(), format!("before\n  {BEGIN}\nnew\n  {END}\nafter\n"));
        assert!(replace("no marks", "new").is_err());
        assert!(replace(&format!("{END}\n{BEGIN}\n"), "new").is_err());
    }
}
