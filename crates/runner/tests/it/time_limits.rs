//! The time that a trial has, against the Harbor that is installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use oddish_domain::task_toml::TaskTimeouts;
use oddish_runner::time_limit::time_limit;
use serde_json::{Value, json};

use crate::run::hello;

/// Prints the sum of the time-outs that Harbor gives the phases of the trial on stdin.
const SUM: &str = r"
import asyncio, json, sys
from harbor.models.trial.config import TrialConfig
from harbor.trial.trial import Trial

async def main():
    trial = await Trial.create(TrialConfig.model_validate(json.load(sys.stdin)))
    steps = trial.task.config.steps
    agents = [trial._step_agent_timeout_sec(step) for step in steps] if steps else [trial.agent_timeout_sec]
    verifiers = [trial._step_verifier_timeout_sec(step) for step in steps] if steps else [trial.verifier_timeout_sec]
    print(trial.environment_build_timeout_sec + trial.agent_setup_timeout_sec + sum(agents) + sum(verifiers))

asyncio.run(main())
";

/// Prints the set-up times of agents, by the file that sets one.
const SETUPS: &str = r#"
import ast, importlib.util, json, pathlib

package = pathlib.Path(importlib.util.find_spec("harbor").origin).parent / "agents"
found = {}
for file in package.rglob("*.py"):
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(getattr(target, "id", "") == "DEFAULT_SETUP_TIMEOUT_SEC" for target in targets):
                found[file.stem] = ast.literal_eval(node.value)
print(json.dumps(found))
"#;

fn harbor(script: &str, input: &Value) -> String {
    let python = std::env::var_os("ODDISH_HARBOR_PYTHON")
        .expect("ODDISH_HARBOR_PYTHON is not set: run the tests with `cargo xtask test`, which sets Harbor up");
    let mut child = Command::new(python)
        .args(["-P", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// `settings` are merged into the configuration of a trial of a task.
fn compare(task: &Path, settings: Value) {
    let trials = tempfile::tempdir().unwrap();
    let mut config = json!({
        "task": {"path": task}, "trial_name": "t", "trials_dir": trials.path(), "agent": {"name": "oracle"},
        "environment": {"type": "docker"},
    });
    let Value::Object(settings) = settings else { panic!("no settings") };
    config.as_object_mut().unwrap().extend(settings);
    let theirs: f64 = harbor(SUM, &config).trim().parse().unwrap();
    let timeouts = TaskTimeouts::read(&fs::read(task.join("task.toml")).unwrap());
    let ours = time_limit(&config, &timeouts, 3600.0, Duration::ZERO);
    assert_eq!(ours, Duration::from_secs_f64(theirs), "{config}");
}

#[test]
fn phases_have_the_time_that_harbor_gives_them() {
    let task = tempfile::tempdir().unwrap();
    for folder in ["environment", "solution", "steps/one/tests", "steps/two/tests"] {
        fs::create_dir_all(task.path().join(folder)).unwrap();
    }
    fs::copy(hello().join("environment/Dockerfile"), task.path().join("environment/Dockerfile")).unwrap();
    for step in ["one", "two"] {
        fs::write(task.path().join(format!("steps/{step}/instruction.md")), "do it").unwrap();
        fs::write(task.path().join(format!("steps/{step}/tests/test.sh")), "true").unwrap();
    }
    let text = "
        environment.build_timeout_sec = 100
        agent.timeout_sec = 50
        verifier.timeout_sec = 7
        steps = [{name = 'one'}, {name = 'two', agent = {timeout_sec = 5}, verifier = {timeout_sec = 3}}]
    ";
    fs::write(task.path().join("task.toml"), text).unwrap();
    for task in [hello(), task.path().to_owned()] {
        compare(&task, json!({}));
        compare(&task, json!({"timeout_multiplier": 2.0, "verifier_timeout_multiplier": 3.0}));
        let agent = json!({"name": "oracle", "override_timeout_sec": 9.0, "override_setup_timeout_sec": 4.0});
        compare(&task, json!({"agent": agent, "verifier": {"max_timeout_sec": 2.0}, "agent_timeout_multiplier": 0.5}));
    }
}

#[test]
fn agents_set_themselves_up_in_the_time_that_harbor_gives_them() {
    let theirs: BTreeMap<String, f64> = serde_json::from_str(&harbor(SETUPS, &json!({}))).unwrap();
    let task = TaskTimeouts::read(b"");
    let setup = |agent: &str| {
        let limit = |config: Value| time_limit(&config, &task, 1.0, Duration::ZERO).as_secs_f64();
        let without = limit(json!({"agent": {"name": agent, "override_setup_timeout_sec": 1}})) - 1.0;
        limit(json!({"agent": {"name": agent}})) - without
    };
    let ours = theirs.keys().map(|file| (file.clone(), setup(file))).collect();
    assert_eq!(theirs, ours);
}
