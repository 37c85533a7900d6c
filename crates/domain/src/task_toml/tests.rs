use rstest::rstest;

use super::*;

const HELLO: &str = r#"
schema_version = "1.4"

[task]
name = "oddish/hello"

[agent]
timeout_sec = 60.0

[verifier]
timeout_sec = 60

[environment]
build_timeout_sec = 120.0
cpus = 1
"#;

const HELLO_FILES: [&str; 5] =
    ["task.toml", "instruction.md", "environment/Dockerfile", "solution/solve.sh", "tests/test.sh"];

const MULTI_STEP: &str = r#"
multi_step_reward_strategy = "mean"
[[steps]]
name = "one"
min_reward = 0.5
[steps.agent]
timeout_sec = 30.0
[[steps]]
name = "two"
"#;

const MULTI_STEP_FILES: [&str; 6] = [
    "task.toml",
    "environment/Dockerfile",
    "steps/one/instruction.md",
    "steps/one/tests/test.sh",
    "steps/two/instruction.md",
    "steps/two/tests/test.sh",
];

fn listing(files: &[&str]) -> TaskListing {
    files.iter().copied().collect()
}

fn without(files: &[&str], gone: &[&str]) -> TaskListing {
    files.iter().copied().filter(|file| !gone.contains(file)).collect()
}

fn faults(files: &TaskListing, toml: &str) -> Vec<String> {
    check_task(files, toml, DEFAULT_AGENT_TIMEOUT_SEC).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_plain_task_passes() {
    let check = check_task(&listing(&HELLO_FILES), HELLO, DEFAULT_AGENT_TIMEOUT_SEC).unwrap();
    assert_eq!(
        check,
        TaskCheck {
            name: Some("oddish/hello".to_owned()),
            agent_timeout_sec: Some(60.0),
            default_agent_timeout_sec: None,
            warnings: Vec::new(),
            steps: Vec::new(),
        }
    );
}

#[test]
fn an_empty_task_toml_gets_the_default_time_out_and_a_warning() {
    let check = check_task(&listing(&HELLO_FILES), "", 1800.0).unwrap();
    assert_eq!((check.name, check.agent_timeout_sec, check.default_agent_timeout_sec), (None, None, Some(1800.0)));
    assert_eq!(
        check.warnings,
        ["[agent].timeout_sec is not set: the agent gets 1800 s unless the submission says otherwise"]
    );
}

#[test]
fn legacy_and_unknown_keys_are_accepted() {
    let toml = r#"
version = "1.0"
[metadata]
anything = { goes = true }
[agent]
timeout_sec = 60
[environment]
memory = "2G"
storage = "10G"
allow_internet = true
new_key = 1
"#;
    assert_eq!(
        check_task(&listing(&HELLO_FILES), toml, DEFAULT_AGENT_TIMEOUT_SEC).unwrap().warnings,
        Vec::<String>::new()
    );
}

#[rstest]
#[case("[environment]\ndocker_image = \"debian:bookworm-slim\"", &[])]
#[case("", &["environment/docker-compose.yaml"])]
#[case("[environment]\nos = \"Windows\"", &["environment/Dockerfile", "tests/test.bat"])]
#[case("[verifier]\nenvironment_mode = \"separate\"", &["environment/Dockerfile", "tests/Dockerfile"])]
#[case("[verifier.environment]\ndocker_image = \"x\"", &["environment/Dockerfile"])]
fn other_forms_of_environment_and_tests(#[case] toml: &str, #[case] more: &[&str]) {
    let mut files: Vec<&str> = vec!["task.toml", "instruction.md"];
    files.extend(more);
    if !toml.contains("[verifier") && !toml.contains("Windows") {
        files.push("tests/test.sh");
    }
    assert!(check_task(&listing(&files), toml, DEFAULT_AGENT_TIMEOUT_SEC).is_ok());
}

#[rstest]
#[case(&["instruction.md"], &["instruction.md is missing: add it"])]
#[case(&["tests/test.sh"], &["tests/test.sh is missing: add a script that writes the reward"])]
#[case(
    &["environment/Dockerfile"],
    &["environment/ is missing: add environment/Dockerfile or environment/docker-compose.yaml, or set docker_image in \
       [environment] of task.toml"]
)]
#[case(&["task.toml", "instruction.md"], &["task.toml is missing: a task folder has it at its top"])]
fn missing_files(#[case] gone: &[&str], #[case] expected: &[&str]) {
    assert_eq!(faults(&without(&HELLO_FILES, gone), HELLO), expected);
}

#[test]
fn an_image_of_the_verifier_counts_only_when_it_is_separate() {
    let files = listing(&["task.toml", "instruction.md", "environment/Dockerfile", "tests/Dockerfile"]);
    assert_eq!(faults(&files, HELLO).len(), 1);
}

#[test]
fn an_environment_folder_needs_a_definition() {
    let files = listing(&["task.toml", "instruction.md", "environment/data.csv", "tests/test.sh"]);
    assert!(faults(&files, HELLO)[0].starts_with("environment/ says nothing of an image"));
}

#[test]
fn a_packed_folder_is_recognised() {
    let files: TaskListing = HELLO_FILES.iter().map(|file| format!("hello/{file}")).collect();
    assert_eq!(
        faults(&files, ""),
        ["task.toml is missing: it lies in hello/, so give that folder, or pack its contents instead of the folder"]
    );
}

#[test]
fn all_faults_are_listed() {
    let toml = r#"
environment = 3
[task]
[agent]
timeout_sec = "60"
[verifier]
timeout_sec = -1
"#;
    let found = faults(&listing(&["task.toml"]), toml);
    assert_eq!(found.len(), 7, "{found:#?}");
    for part in [
        "[task] needs a name",
        "environment must be a section",
        "agent.timeout_sec must be a positive number of seconds, not of type string",
        "verifier.timeout_sec must be a positive number of seconds, not -1",
        "environment/ is missing",
        "instruction.md is missing",
        "tests/test.sh is missing",
    ] {
        assert!(found.iter().any(|fault| fault.contains(part)), "{part} in {found:#?}");
    }
}

#[rstest]
#[case("0")]
#[case("0.0")]
#[case("-5")]
#[case("true")]
#[case("inf")]
#[case("nan")]
#[case("\"60\"")]
#[case("[60]")]
fn time_outs_are_positive_finite_numbers(#[case] value: &str) {
    for (section, key) in [("agent", "timeout_sec"), ("verifier", "timeout_sec"), ("environment", "build_timeout_sec")]
    {
        let toml = format!("[{section}]\n{key} = {value}\n");
        let found = check_task(&listing(&HELLO_FILES), &toml, DEFAULT_AGENT_TIMEOUT_SEC).unwrap_err();
        assert!(
            matches!(&found[..], [TaskFault::Timeout { key: place, .. }] if *place == format!("{section}.{key}")),
            "{found:?}"
        );
    }
}

#[rstest]
#[case("a = 1\n[agent\n", 2, 7)]
#[case("a = 1\nä = 2", 2, 1)]
#[case("a = 1\na = 2\n", 2, 1)]
#[case("key = \"ééé", 1, 11)]
fn syntax_errors_name_line_and_column(#[case] toml: &str, #[case] line: usize, #[case] column: usize) {
    let found = check_task(&listing(&HELLO_FILES), toml, DEFAULT_AGENT_TIMEOUT_SEC).unwrap_err();
    let [TaskFault::Syntax { line: l, column: c, message }] = &found[..] else { panic!("{found:?}") };
    assert_eq!((*l, *c), (line, column), "{message}");
    assert!(!message.is_empty() && !message.contains('\n'));
}

#[rstest]
#[case("", "not \"\"")]
#[case("name = \"hello\"", "not \"hello\"")]
#[case("name = \"a/b/c\"", "not \"a/b/c\"")]
#[case("name = \".a/b\"", "not \".a/b\"")]
#[case("name = \"a/b..c\"", "not \"a/b..c\"")]
#[case("name = 3", "not \"\"")]
fn package_names_have_an_organisation(#[case] line: &str, #[case] text: &str) {
    let found = faults(&listing(&HELLO_FILES), &format!("[task]\n{line}\n"));
    assert!(found.len() == 1 && found[0].contains(text), "{found:?}");
}

#[rstest]
#[case("docker_image = \"\"")]
#[case("docker_image = 1")]
fn image_names_are_texts(#[case] line: &str) {
    let found = check_task(&listing(&HELLO_FILES), &format!("[environment]\n{line}\n"), DEFAULT_AGENT_TIMEOUT_SEC);
    assert_eq!(found, Err(vec![TaskFault::DockerImage]));
}

#[test]
fn a_task_of_steps_passes() {
    let check = check_task(&listing(&MULTI_STEP_FILES), MULTI_STEP, DEFAULT_AGENT_TIMEOUT_SEC).unwrap();
    assert_eq!(check.steps, ["one", "two"]);
    assert_eq!((check.agent_timeout_sec, check.default_agent_timeout_sec), (None, Some(DEFAULT_AGENT_TIMEOUT_SEC)));
    assert_eq!(
        check.warnings,
        ["[agent].timeout_sec and that of some steps are not set: the agent gets 3600 s in every step, also where a \
          step sets its own unless the submission says otherwise"]
    );
}

#[rstest]
#[case("[agent]\ntimeout_sec = 9\n", "", None)]
#[case("", "[steps.agent]\ntimeout_sec = 40", None)]
#[case("", "", Some(20.0))]
fn steps_fall_back_to_the_tasks_time_out(#[case] head: &str, #[case] tail: &str, #[case] default: Option<f64>) {
    let toml = format!("{head}{MULTI_STEP}{tail}\n");
    let toml = toml.replace("multi_step_reward_strategy = \"mean\"\n", "");
    let check = check_task(&listing(&MULTI_STEP_FILES), &toml.replace("30.0", "15"), 20.0).unwrap();
    assert_eq!(check.default_agent_timeout_sec, default);
    assert_eq!(check.warnings.is_empty(), default.is_none());
}

#[test]
fn the_default_never_cuts_a_longer_step() {
    let check = check_task(&listing(&MULTI_STEP_FILES), MULTI_STEP, 20.0).unwrap();
    assert_eq!(check.default_agent_timeout_sec, Some(30.0));
}

#[test]
fn tests_at_the_top_serve_all_steps() {
    let mut files: Vec<&str> = MULTI_STEP_FILES.iter().copied().filter(|file| !file.contains("/tests/")).collect();
    files.push("tests/test.sh");
    assert!(check_task(&listing(&files), MULTI_STEP, DEFAULT_AGENT_TIMEOUT_SEC).is_ok());
}

#[test]
fn every_step_needs_its_files() {
    let files = without(&MULTI_STEP_FILES, &["steps/one/tests/test.sh", "steps/two/instruction.md"]);
    assert_eq!(
        faults(&files, MULTI_STEP),
        [
            "steps/one/tests/test.sh or tests/test.sh is missing: add a script that writes the reward",
            "steps/two/instruction.md is missing: add it",
        ]
    );
}

#[test]
fn time_outs_of_steps_are_checked() {
    let toml = MULTI_STEP.replace("30.0", "true");
    assert_eq!(
        faults(&listing(&MULTI_STEP_FILES), &toml),
        ["task.toml: steps[0].agent.timeout_sec must be a positive number of seconds, not true"]
    );
}

#[rstest]
#[case("name = \"../x\"")]
#[case("name = \"..\"")]
#[case("name = \"a/b\"")]
#[case("name = \"\"")]
#[case("name = \"x \"")]
#[case("name = \"a\\u0007\"")]
#[case("name = 1")]
#[case("")]
fn steps_need_names_of_folders(#[case] line: &str) {
    let found =
        check_task(&listing(&HELLO_FILES), &format!("[[steps]]\n{line}\n"), DEFAULT_AGENT_TIMEOUT_SEC).unwrap_err();
    assert!(found.contains(&TaskFault::StepName { index: 0 }), "{found:?}");
}

#[test]
fn step_names_differ_in_more_than_case() {
    let toml = MULTI_STEP.replace("\"two\"", "\"ONE\"");
    assert_eq!(
        check_task(&listing(&MULTI_STEP_FILES), &toml, DEFAULT_AGENT_TIMEOUT_SEC),
        Err(vec![TaskFault::StepRepeated { name: "ONE".to_owned() }])
    );
}

#[test]
fn steps_must_be_an_array() {
    let found = faults(&listing(&HELLO_FILES), "steps = 3");
    assert_eq!(found, ["task.toml: steps must be a section ([steps], or [[steps]] for steps), but is of type integer"]);
}
