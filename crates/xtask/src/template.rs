//! The functions and roles of the endpoints in template.yaml, made from the list of endpoints.
//!
//! The list is read from functions/endpoints.json, which a test of the functions keeps current: linking the functions would make every task
//! wait for them to compile.

mod capabilities;
#[cfg(test)]
mod deployed;
mod functions;

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::progress::{say, step};
use crate::setup::cloudformation_lint;
use crate::{process, workspace};
use capabilities::Capability;

/// Which region's resource types and limits the template is checked against.
const REGION: &str = "us-east-1";
const TEMPLATE: &str = "template.yaml";
const BEGIN: &str = "# Written by `cargo xtask generate`, from here";
const END: &str = "# to here";

/// The list of endpoints, which a test of the functions writes.
const ENDPOINTS: &str = "functions/endpoints.json";

/// One endpoint, as the list has it.
#[derive(Debug, Deserialize)]
struct Endpoint {
    /// Name of its function.
    name: String,
    /// Upper case.
    method: String,
    /// With a star before a parameter that may contain slashes.
    path: String,
    capabilities: Vec<Capability>,
}

/// Writes what the list makes. With `check`, nothing is changed, and a template that is out of date is an error.
pub(crate) fn run(check: bool) -> Result<()> {
    let endpoints: Vec<Endpoint> =
        serde_json::from_str(&read(ENDPOINTS)?).with_context(|| format!("{ENDPOINTS} is no list of endpoints"))?;
    let generated: String = endpoints.iter().map(functions::resources).collect();
    let found = read(TEMPLATE)?;
    let expected = replace(&found, &generated).with_context(|| format!("{TEMPLATE} can't be filled in"))?;
    if found == expected {
        return Ok(());
    }
    if check {
        bail!("{TEMPLATE} is not what {ENDPOINTS} makes");
    }
    workspace::write(&workspace::root().join(TEMPLATE), expected)?;
    say(&format!("{TEMPLATE} is new"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_follows_from_the_list() {
        run(true).unwrap();
    }

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = format!("before\n  {BEGIN}\nold\n  {END}\nafter\n");
        assert_eq!(replace(&text, "new\n").unwrap(), format!("before\n  {BEGIN}\nnew\n  {END}\nafter\n"));
        assert!(replace("no marks", "new").is_err());
        assert!(replace(&format!("{END}\n{BEGIN}\n"), "new").is_err());
    }
}
