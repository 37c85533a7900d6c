//! Time-outs of agents in tasks of steps, with real Harbor.

use std::fs;
use std::path::Path;

use oddish_runner::harbor_process::DriverLine;
use serde_json::{Value, json};

use crate::harbor::{LIMIT, rig};

/// Its first step has three seconds for the agent and takes a minute; its second names no time-out.
fn task() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/tests/fixtures/tasks/multistep-late")
}

#[tokio::test]
async fn a_step_keeps_its_own_time_out_and_the_others_get_the_default() {
    let rig = rig(&task());
    let solution = rig.scratch.task("test").join("steps/two/solution/solve.sh");
    fs::write(solution, "#!/bin/bash\ntouch /app/two\nsleep 60\n").unwrap();
    let mut harbor = rig.begin_with_default(4.0).await;
    let done = async { while !matches!(harbor.next().await.unwrap(), Some(DriverLine::Done { .. }) | None) {} };
    tokio::time::timeout(LIMIT, done).await.unwrap();

    let result: Value = serde_json::from_slice(&fs::read(rig.scratch.trial().join("result.json")).unwrap()).unwrap();
    let told =
        result["step_results"].as_array().unwrap().iter().map(|step| &step["exception_info"]["exception_message"]);
    let after = ["3.0", "4.0"].map(|seconds| json!(format!("Agent execution timed out after {seconds} seconds")));
    assert!(told.eq(after.iter()), "{result}");
}
