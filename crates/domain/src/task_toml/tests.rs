use std::collections::BTreeMap;

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

/// Files in memory; those without a content of their own are empty.
struct Files {
    listing: TaskListing,
    contents: BTreeMap<String, Vec<u8>>,
}

impl TaskFiles for Files {
    fn listing(&self) -> &TaskListing {
        &self.listing
    }

    fn read(&self, path: &str, limit: usize) -> Option<Vec<u8>> {
        let mut bytes = self.contents.get(path).cloned().unwrap_or_default();
        bytes.truncate(limit);
        Some(bytes)
    }
}

fn listing(files: &[&str]) -> TaskListing {
    files.iter().copied().collect()
}

fn without(files: &[&str], gone: &[&str]) -> TaskListing {
    files.iter().copied().filter(|file| !gone.contains(file)).collect()
}

fn check_with(
    listing: &TaskListing,
    contents: &[(&str, &[u8])],
    default_agent_timeout_sec: f64,
) -> Result<TaskCheck, Vec<TaskFault>> {
    let paths: Vec<&str> = contents.iter().map(|(path, _)| *path).collect();
    let listing = listing.paths().chain(paths).collect();
    let contents = contents.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec())).collect();
    check_task(&Files { listing, contents }, default_agent_timeout_sec)
}

/// A task with this `task.toml`, if one is listed.
fn check(listing: &TaskListing, toml: &str, default_agent_timeout_sec: f64) -> Result<TaskCheck, Vec<TaskFault>> {
    let contents: &[(&str, &[u8])] = &[("task.toml", toml.as_bytes())];
    check_with(listing, if listing.has("task.toml") { contents } else { &[] }, default_agent_timeout_sec)
}

fn texts(faults: &[TaskFault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

fn faults(files: &TaskListing, toml: &str) -> Vec<String> {
    texts(&check(files, toml, DEFAULT_AGENT_TIMEOUT_SEC).unwrap_err())
}

fn warnings(check: &TaskCheck) -> Vec<String> {
    check.warnings.iter().map(ToString::to_string).collect()
}

/// A plain task with these files, or in place of its own.
fn hello_with(contents: &[(&str, &[u8])]) -> Result<TaskCheck, Vec<TaskFault>> {
    let toml: [(&str, &[u8]); 1] = [("task.toml", HELLO.as_bytes())];
    check_with(&listing(&HELLO_FILES), &[&toml[..], contents].concat(), DEFAULT_AGENT_TIMEOUT_SEC)
}

#[test]
fn a_plain_task_passes() {
    let checked = check(&listing(&HELLO_FILES), HELLO, DEFAULT_AGENT_TIMEOUT_SEC).unwrap();
    assert_eq!(
        checked,
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
    let checked = check(&listing(&HELLO_FILES), "", 1800.0).unwrap();
    assert_eq!(
        (checked.name.clone(), checked.agent_timeout_sec, checked.default_agent_timeout_sec),
        (None, None, Some(1800.0))
    );
    assert_eq!(
        warnings(&checked),
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
    assert_eq!(check(&listing(&HELLO_FILES), toml, DEFAULT_AGENT_TIMEOUT_SEC).unwrap().warnings, Vec::new());
}

#[rstest]
#[case("[environment]\ndocker_image = \"debian:bookworm-slim\"", &[])]
#[case("[environment]\nos = \"Windows\"", &["environment/Dockerfile", "tests/test.bat"])]
#[case("[verifier]\nenvironment_mode = \"separate\"", &["environment/Dockerfile", "tests/Dockerfile"])]
#[case("[verifier.environment]\ndocker_image = \"x\"", &["environment/Dockerfile"])]
fn other_forms_of_environment_and_tests(#[case] toml: &str, #[case] more: &[&str]) {
    let mut files: Vec<&str> = vec!["task.toml", "instruction.md"];
    files.extend(more);
    if !toml.contains("[verifier") && !toml.contains("Windows") {
        files.push("tests/test.sh");
    }
    assert!(check(&listing(&files), toml, DEFAULT_AGENT_TIMEOUT_SEC).is_ok());
}

#[rstest]
#[case(&["instruction.md"], &["instruction.md is missing: add it"])]
#[case(&["tests/test.sh"], &["tests/test.sh is missing: add a script that writes the reward"])]
#[case(
    &["environment/Dockerfile"],
    &["environment/ is missing: add environment/Dockerfile, or set docker_image in [environment] of task.toml"]
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
timeout_sec = "soon"
[verifier]
timeout_sec = -1
"#;
    let found = faults(&listing(&["task.toml"]), toml);
    let expected = [
        "task.toml, line 3: task.name is missing: add it",
        "task.toml, line 5: agent.timeout_sec must be a number, not the text \"soon\"",
        "task.toml, line 2: environment must be a section, not 3",
        "task.toml, line 7: verifier.timeout_sec must be a positive number of seconds, not -1",
        "environment/ is missing",
        "instruction.md is missing",
        "tests/test.sh is missing",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for start in expected {
        assert!(found.iter().any(|fault| fault.starts_with(start)), "{start} in {found:#?}");
    }
}

#[rstest]
#[case("0")]
#[case("0.0")]
#[case("-5")]
#[case("inf")]
#[case("nan")]
#[case("\"0\"")]
#[case("false")]
fn time_outs_are_positive_finite_numbers(#[case] value: &str) {
    for (section, key) in [("agent", "timeout_sec"), ("verifier", "timeout_sec"), ("environment", "build_timeout_sec")]
    {
        let toml = format!("[{section}]\n{key} = {value}\n");
        let found = check(&listing(&HELLO_FILES), &toml, DEFAULT_AGENT_TIMEOUT_SEC).unwrap_err();
        let [fault @ TaskFault::Timeout { line: 2, key: place, .. }] = &found[..] else { panic!("{found:?}") };
        assert_eq!(*place, format!("{section}.{key}"));
        assert!(fault.is_stricter_than_the_loader(), "Harbor takes it, and then nothing runs");
    }
}

/// What Harbor's models take for one type of another, and what they don't. Each has a line of its own.
#[rstest]
#[case("[agent]\ntimeout_sec = \" 6_0.5 \"", None)]
#[case("[agent]\ntimeout_sec = true", None)]
#[case("[agent]\ntimeout_sec = [60]", Some("agent.timeout_sec must be a number, not a list"))]
#[case("schema_version = 1.4", Some("schema_version must be a text, not 1.4"))]
#[case("version = 1.0", Some("version must be a text, not 1.0"))]
#[case("version = 1.0\nschema_version = \"1.4\"", None)]
#[case(
    "[environment]\nmemory_mb = \"lots\"",
    Some("environment.memory_mb must be a whole number, not the text \"lots\"")
)]
#[case(
    "[environment]\nmemory_mb = \"10GB\"",
    Some("environment.memory_mb must be a whole number, not the text \"10GB\"")
)]
#[case("[environment]\nmemory_mb = 512.5", Some("environment.memory_mb must be a whole number, not 512.5"))]
#[case("[environment]\nmemory_mb = \"512\"", None)]
#[case("[environment]\nmemory_mb = 512.0", None)]
#[case("[environment]\nmemory_mb = 99999999999999999999999", None)]
#[case(
    "[environment]\nmemory = \"10GB\"",
    Some("environment.memory must be a size such as \"512M\" or \"2G\", not the text \"10GB\"")
)]
#[case("[environment]\nmemory = 2048", None)]
#[case("[environment]\nmemory = \"2G\"\nmemory_mb = 2048", None)]
#[case(
    "[environment]\nmemory = \"2G\"\nmemory_mb = 1024",
    Some("environment.memory says something else than memory_mb: leave one of them out")
)]
#[case("[environment]\ncpus = \"1.5\"", None)]
#[case("[environment]\ncpus = nan", Some("environment.cpus must be a number, not NaN"))]
#[case("[environment]\nos = \"Linux\"", None)]
#[case("[environment]\nos = \"mac\"", Some("environment.os must be \"linux\" or \"windows\", not the text \"mac\""))]
#[case("[environment]\nallow_internet = \"no\"", None)]
#[case(
    "[environment]\nallow_internet = \"maybe\"",
    Some("environment.allow_internet must be true or false, not the text \"maybe\"")
)]
#[case(
    "[environment]\nallowed_hosts = [\"a.com\"]",
    Some("environment.allowed_hosts goes with network_mode = \"allowlist\" only")
)]
#[case("[environment]\nallowed_hosts = []", None)]
#[case(
    "[agent]\ntimeout_sec = 1\nallowed_hosts = []",
    Some("agent.allowed_hosts goes with network_mode = \"allowlist\" only")
)]
#[case(
    "[environment]\nnetwork_mode = \"allowlist\"\nallowed_hosts = [\"https://a.com\"]",
    Some("environment.allowed_hosts[0] must be a host's name")
)]
#[case("[environment.env]\nPORT = 8080", Some("environment.env.PORT must be a text, not 8080"))]
#[case(
    "[environment.tpu]\ntype = \"v4\"\ntopology = \"2\"",
    Some("environment.tpu.topology must be numbers with `x` between them")
)]
#[case("[environment.healthcheck]\nretries = 3", Some("environment.healthcheck.command is missing: add it"))]
#[case(
    "[[environment.mcp_servers]]\nname = \"m\"",
    Some("environment.mcp_servers[0].name is of a server with transport \"sse\", which needs url")
)]
#[case("[agent]\nuser = 1000", None)]
#[case("[agent]\nuser = 1.5", Some("agent.user must be a text or a whole number, not 1.5"))]
#[case(
    "[verifier]\nenvironment_mode = \"shared\"\n[verifier.environment]\ncpus = 1",
    Some("verifier.environment does not go with environment_mode = \"shared\"")
)]
#[case(
    "[[verifier.collect]]\ncommand = \"x\"\nservice = \"a b\"",
    Some("verifier.collect[0].service must be the name of a Compose service")
)]
#[case("artifacts = [\"/a/../b\"]", Some("artifacts[0] must not have `..` in it"))]
#[case(
    "artifacts = [{source = \"/a\", destination = \"/b\"}]",
    Some("artifacts[0].destination must be a relative path")
)]
#[case("artifacts = [{source = \"a\", service = \"db\"}]", Some("artifacts[0].source must be an absolute path"))]
#[case("metadata = 3", Some("metadata must be a section, not 3"))]
#[case("multi_step_reward_strategy = \"best\"", Some("multi_step_reward_strategy must be \"mean\" or \"final\""))]
#[case("new_key = {a = 1}", None)]
fn types_are_what_harbor_takes_for_them(#[case] toml: &str, #[case] expected: Option<&str>) {
    let found = check(&listing(&HELLO_FILES), toml, DEFAULT_AGENT_TIMEOUT_SEC).map_err(|faults| texts(&faults));
    match expected {
        None => assert!(found.is_ok(), "{found:?}"),
        Some(expected) => {
            let [found] = &found.unwrap_err()[..] else { panic!("not one fault") };
            let (line, found) = found.strip_prefix("task.toml, line ").unwrap().split_once(": ").unwrap();
            assert!(line.parse::<usize>().is_ok() && found.starts_with(expected), "{found}");
        }
    }
}

#[rstest]
#[case(
    "task.toml",
    b"\xef\xbb\xbfversion = '1'",
    "task.toml begins with a byte order mark, which Harbor cannot read: save it as UTF-8 without one"
)]
#[case(
    "instruction.md",
    b"Do this:\ncaf\xe9\n",
    "instruction.md, line 2: not UTF-8, which is how Harbor reads it: save it as UTF-8"
)]
#[case(
    "instruction.md",
    b"\xff\xfea\0",
    "instruction.md, line 1: not UTF-8, which is how Harbor reads it: save it as UTF-8"
)]
#[case(
    "tests/.harborignore",
    b"\n*.sh\n",
    "tests/test.sh is excluded by .harborignore, and without it there is no reward: correct .harborignore"
)]
#[case(
    "tests/.harborignore",
    b"\xe9",
    "tests/.harborignore, line 1: not UTF-8, which is how Harbor reads it: save it as UTF-8"
)]
fn files_that_harbor_reads_are_what_it_can_read(#[case] path: &str, #[case] content: &[u8], #[case] expected: &str) {
    assert_eq!(texts(&hello_with(&[(path, content)]).unwrap_err()), [expected]);
}

#[test]
fn texts_may_be_anything_else() {
    let marked = "\u{feff}Do it.\r\nNow.".as_bytes();
    assert!(hello_with(&[("instruction.md", marked), (".harborignore", b"*"), ("README.md", b"caf\xe9")]).is_ok());
    let windows = HELLO.replace('\n', "\r\n");
    assert!(hello_with(&[("task.toml", windows.as_bytes())]).unwrap().warnings.is_empty());
}

#[test]
fn scripts_that_linux_does_not_run_are_a_warning() {
    let checked = hello_with(&[
        ("tests/test.sh", b"#!/bin/bash\r\necho 1\r\n"),
        ("solution/solve.sh", b"\xef\xbb\xbf#!/bin/bash\n"),
        ("tests/data.csv", b"a\r\nb"),
    ]);
    let [windows, marked] = &warnings(&checked.unwrap())[..] else { panic!("not two") };
    assert_eq!(windows, "Windows line ends, with which Linux does not run a script: save tests/test.sh with LF");
    assert!(marked.ends_with("save solution/solve.sh without one"), "{marked}");
}

#[test]
fn variables_without_a_default_are_a_warning() {
    let toml = format!(
        "{HELLO}[environment.env]\nA = \"${{B}}\"\nC = \"${{D:-e}}\"\nF = \"x${{G}}\"\n[verifier.env]\nKEY = \"${{NOT_SET}}\"\n"
    );
    let checked = hello_with(&[("task.toml", toml.as_bytes())]).unwrap();
    let [warning] = &warnings(&checked)[..] else { panic!("not one: {checked:?}") };
    assert!(
        warning.starts_with("[environment.env], [verifier.env] of task.toml needs B, NOT_SET where trials run"),
        "{warning}"
    );
}

/// Harbor builds the main service from the folder, whatever image its Compose file names.
#[test]
fn a_compose_file_does_not_make_up_for_a_dockerfile() {
    let files = listing(&["task.toml", "instruction.md", "tests/test.sh"]);
    let compose = b"services: {main: {image: debian, command: [sleep, infinity]}}";
    let with = |toml: &str, compose: &[u8]| {
        let contents = [("task.toml", toml.as_bytes()), ("environment/docker-compose.yaml", compose)];
        check_with(&files, &contents, DEFAULT_AGENT_TIMEOUT_SEC)
    };
    let found = with("", compose).unwrap_err();
    let [fault @ TaskFault::NothingToBuild { image: Some(image), .. }] = &found[..] else { panic!("{found:?}") };
    assert!(image == "debian" && fault.is_stricter_than_the_loader());
    with("[environment]\ndocker_image = \"debian\"", compose).unwrap();
    with("", b"services: {main: {build: {context: ., dockerfile_inline: FROM debian}}}").unwrap();
    let odd = with("", b"services: [").unwrap();
    assert!(warnings(&odd)[1].starts_with("environment/docker-compose.yaml cannot be read as YAML: "), "{odd:?}");
}

#[rstest]
// A step without a mode of its own has the task's.
#[case("[verifier]\nenvironment_mode = \"separate\"", &["steps/one/tests/Dockerfile"], true)]
#[case("[verifier]\nenvironment_mode = \"separate\"", &["tests/Dockerfile"], true)]
#[case("[verifier]\nenvironment_mode = \"separate\"", &[], false)]
#[case("[verifier.environment]\ndocker_image = \"x\"", &[], true)]
#[case("[verifier.environment]\ncpus = 1", &[], false)]
#[case("[verifier.environment]\ncpus = 1", &["tests/test.sh"], true)]
#[case("[verifier.environment]\nos = \"windows\"", &["tests/test.sh"], false)]
#[case("[verifier.environment]\nos = \"windows\"", &["steps/one/tests/test.bat"], true)]
// One that says `shared` has none of the task's images.
#[case("[verifier.environment]\ndocker_image = \"x\"\n[steps.verifier]\nenvironment_mode = \"shared\"", &[], false)]
#[case("[steps.verifier.environment]\ndocker_image = \"x\"", &[], true)]
#[case("[steps.verifier]\nenvironment_mode = \"separate\"", &["tests/Dockerfile"], true)]
fn tests_of_a_step_may_be_in_an_image(#[case] more: &str, #[case] files: &[&str], #[case] complete: bool) {
    let (task, step) = if more.contains("[steps.") { more.split_at(more.find("[steps.").unwrap()) } else { (more, "") };
    let toml = format!("[agent]\ntimeout_sec = 1\n{task}\n[[steps]]\nname = \"one\"\n{step}\n");
    let all = [&["task.toml", "environment/Dockerfile", "steps/one/instruction.md"], files].concat();
    let found = check(&listing(&all), &toml, DEFAULT_AGENT_TIMEOUT_SEC);
    assert_eq!(found.is_ok(), complete, "{found:?}");
}

#[rstest]
#[case("a = 1\n[agent\n", 2, 7)]
#[case("a = 1\nä = 2", 2, 1)]
#[case("a = 1\na = 2\n", 2, 1)]
#[case("key = \"ééé", 1, 11)]
fn syntax_errors_name_line_and_column(#[case] toml: &str, #[case] line: usize, #[case] column: usize) {
    let found = check(&listing(&HELLO_FILES), toml, DEFAULT_AGENT_TIMEOUT_SEC).unwrap_err();
    let [TaskFault::Syntax { line: l, column: c, message }] = &found[..] else { panic!("{found:?}") };
    assert_eq!((*l, *c), (line, column), "{message}");
    assert!(!message.is_empty() && !message.contains('\n'));
}

#[rstest]
#[case("name = \"hello\"")]
#[case("name = \"a/b/c\"")]
#[case("name = \".a/b\"")]
#[case("name = \"a/b..c\"")]
fn package_names_have_an_organisation(#[case] line: &str) {
    let found = faults(&listing(&HELLO_FILES), &format!("[task]\n{line}\n"));
    let quoted = line.strip_prefix("name = ").unwrap();
    assert!(found.len() == 1 && found[0].contains(&format!("unlike {quoted}: ")), "{found:?}");
}

#[test]
fn images_have_names() {
    let with = |line: &str, files: &[&str]| check(&listing(files), &format!("[environment]\n{line}\n"), 60.0);
    let blank = TaskFault::DockerImage { line: 2, key: "environment.docker_image".to_owned() };
    assert_eq!(with("docker_image = \" \"", &HELLO_FILES), Err(vec![blank]));
    assert!(with("docker_image = \"\"", &HELLO_FILES).is_ok(), "as good as none");
    let without = ["task.toml", "instruction.md", "tests/test.sh"];
    assert_eq!(with("docker_image = \"\"", &without), Err(vec![TaskFault::NoEnvironment { folder: false }]));
}

#[test]
fn a_task_of_steps_passes() {
    let checked = check(&listing(&MULTI_STEP_FILES), MULTI_STEP, DEFAULT_AGENT_TIMEOUT_SEC).unwrap();
    assert_eq!(checked.steps, ["one", "two"]);
    assert_eq!((checked.agent_timeout_sec, checked.default_agent_timeout_sec), (None, Some(DEFAULT_AGENT_TIMEOUT_SEC)));
    assert_eq!(
        warnings(&checked),
        [
            "[agent].timeout_sec is not set: the agent gets 3600 s in steps that set none of their own unless the submission \
          says otherwise"
        ]
    );
}

#[rstest]
#[case("[agent]\ntimeout_sec = 9\n", "", None)]
#[case("", "[steps.agent]\ntimeout_sec = 40", None)]
#[case("", "", Some(20.0))]
fn steps_fall_back_to_the_tasks_time_out(#[case] head: &str, #[case] tail: &str, #[case] default: Option<f64>) {
    let toml = format!("{head}{MULTI_STEP}{tail}\n");
    let toml = toml.replace("multi_step_reward_strategy = \"mean\"\n", "");
    let checked = check(&listing(&MULTI_STEP_FILES), &toml.replace("30.0", "15"), 20.0).unwrap();
    assert_eq!(checked.default_agent_timeout_sec, default);
    assert_eq!(checked.warnings.is_empty(), default.is_none());
}

#[test]
fn tests_at_the_top_serve_all_steps() {
    let mut files: Vec<&str> = MULTI_STEP_FILES.iter().copied().filter(|file| !file.contains("/tests/")).collect();
    files.push("tests/test.sh");
    assert!(check(&listing(&files), MULTI_STEP, DEFAULT_AGENT_TIMEOUT_SEC).is_ok());
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
    let toml = MULTI_STEP.replace("30.0", "0");
    assert_eq!(
        faults(&listing(&MULTI_STEP_FILES), &toml),
        ["task.toml, line 7: steps[0].agent.timeout_sec must be a positive number of seconds, not 0"]
    );
}

#[rstest]
#[case("name = \"../x\"")]
#[case("name = \"..\"")]
#[case("name = \"a/b\"")]
#[case("name = \"\"")]
#[case("name = \"x \"")]
#[case("name = \"a\\u0007\"")]
#[case("name = \"Con.txt\"")]
#[case("name = \"lpt9\"")]
#[case("name = 1")]
#[case("")]
fn steps_need_names_of_folders(#[case] line: &str) {
    let found = check(&listing(&HELLO_FILES), &format!("[[steps]]\n{line}\n"), DEFAULT_AGENT_TIMEOUT_SEC).unwrap_err();
    assert!(found.iter().any(|fault| matches!(fault, TaskFault::StepName { index: 0, .. })), "{found:?}");
}

#[test]
fn step_names_differ_in_more_than_case() {
    let toml = MULTI_STEP.replace("\"two\"", "\"ONE\"");
    assert_eq!(
        check(&listing(&MULTI_STEP_FILES), &toml, DEFAULT_AGENT_TIMEOUT_SEC),
        Err(vec![TaskFault::StepRepeated { line: 9, name: "ONE".to_owned() }])
    );
}

#[test]
fn steps_must_be_an_array() {
    let found = faults(&listing(&HELLO_FILES), "steps = 3");
    assert_eq!(found, ["task.toml, line 1: steps must be a list of sections, not 3"]);
}
