//! The arguments of agents as submissions are checked by them, against the Harbor that is installed.

use std::process::Command;

const SCRIPT: &str = include_str!("../../../xtask/src/agent_arguments.py");
const ARGUMENTS: &str = include_str!("../../../domain/src/host_access/arguments.json");

#[test]
fn they_are_those_of_the_installed_harbor() {
    let python = std::env::var_os("ODDISH_HARBOR_PYTHON")
        .expect("ODDISH_HARBOR_PYTHON is not set: run the tests with `cargo xtask test`, which sets Harbor up");
    let mut harbor = Command::new(python);
    let output = harbor.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").args(["-I", "-c", SCRIPT]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        String::from_utf8(output.stdout).unwrap() == ARGUMENTS,
        "run `cargo xtask agent-arguments`, commit crates/domain/src/host_access/arguments.json, and look at each new name that a file of \
         the runner may hide behind (crates/domain/src/host_access/arguments.rs)"
    );
}
