//! What the installed Harbor says, for tests that compare.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The answer of a Python script that reads JSON and writes JSON, run where Harbor is installed.
pub(crate) fn ask(script: &str, input: &Value) -> Value {
    let python = std::env::var_os("ODDISH_HARBOR_PYTHON")
        .expect("ODDISH_HARBOR_PYTHON is not set: run the tests with `cargo xtask test`, which sets Harbor up");
    let mut command = Command::new(python);
    command.args(["-I", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
