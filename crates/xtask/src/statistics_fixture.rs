//! What `SciPy`, statsmodels, `NumPy` and Harbor say where our statistics say something: `crates/domain/src/statistics/tests/oracle.json`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Number, Value};

use crate::{setup, workspace};

const ORACLES: &str = include_str!("statistics_fixture.py");
const HARBOR: &str = include_str!("statistics_fixture.harbor.py");

const FIXTURE: &str = "crates/domain/src/statistics/tests/oracle.json";

/// How far figures may be apart that two machines computed: sums of floats depend on the width of their vectors.
const ROUNDING: f64 = 1e-11;

/// `cargo xtask statistics-fixture`: asks them again and writes what they say; with `check`, fails if that is not what is written.
pub(crate) fn run(check: bool) -> Result<()> {
    let mut said = ask(&setup::statsmodels::python()?, ORACLES)?;
    said.extend(ask(&setup::harbor_python()?, HARBOR)?);
    let path = workspace::root().join(FIXTURE);
    if !check {
        return workspace::write(&path, format!("{}\n", serde_json::to_string_pretty(&said)?));
    }
    let written = std::fs::read(&path).with_context(|| format!("can't read {FIXTURE}"))?;
    let written: Value = serde_json::from_slice(&written).with_context(|| format!("{FIXTURE} is no JSON"))?;
    match difference("", &written, &Value::Object(said)) {
        None => Ok(()),
        Some(difference) => bail!(
            "{FIXTURE} is not what is computed now: {difference}\nRun `cargo xtask statistics-fixture`, look at what changes, and \
             commit it"
        ),
    }
}

fn ask(python: &Path, script: &str) -> Result<Map<String, Value>> {
    let output = Command::new(python).args(["-I", "-c", script]).output().context("can't start Python")?;
    ensure!(output.status.success(), "the figures can't be computed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("what was computed is no JSON")
}

/// The first place in which two documents differ by more than rounding does.
fn difference(place: &str, written: &Value, said: &Value) -> Option<String> {
    match (written, said) {
        (Value::Object(written), Value::Object(said)) if written.keys().eq(said.keys()) => {
            let mut both = written.iter().zip(said.values());
            both.find_map(|((key, written), said)| difference(&format!("{place}/{key}"), written, said))
        }
        (Value::Array(written), Value::Array(said)) if written.len() == said.len() => {
            let mut both = written.iter().zip(said).enumerate();
            both.find_map(|(index, (written, said))| difference(&format!("{place}/{index}"), written, said))
        }
        (Value::Number(written), Value::Number(said)) if is_near(written, said) => None,
        (written, said) if written == said => None,
        (written, said) => {
            let place = if place.is_empty() { "the document" } else { place };
            Some(format!("{place} was {written}, and is {said}"))
        }
    }
}

fn is_near(one: &Number, other: &Number) -> bool {
    let (Some(one), Some(other)) = (one.as_f64(), other.as_f64()) else { return one == other };
    (one - other).abs() <= ROUNDING * one.abs().max(other.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_named_by_its_place_unless_it_is_rounding() {
        let written = json!({"wilson": [{"low": 0.25, "n": 3}]});
        assert_eq!(difference("", &written, &json!({"wilson": [{"low": 0.250_000_000_000_000_1, "n": 3}]})), None);
        let difference = |said: Value| difference("", &written, &said).unwrap();
        assert!(difference(json!({"wilson": [{"low": 0.26, "n": 3}]})).starts_with("/wilson/0/low was 0.25"));
        assert!(difference(json!({"wilson": [{"low": 0.25, "n": 4}]})).starts_with("/wilson/0/n was 3"));
        assert!(difference(json!({"wilson": []})).starts_with("/wilson was ["));
        assert!(difference(json!({"mcnemar": []})).starts_with("the document was {"));
    }
}
