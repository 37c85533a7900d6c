//! The whole API under schemathesis: thousands of requests made from the document that the server itself answers, good ones and bad ones,
//! one after the other and along the ids that answers name. Nothing may be answered that the document does not say.
//!
//! `cargo xtask fuzz-api` runs this for longer. What it finds comes with a `curl` line each.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::caller::{Caller, full_key};
use crate::ended_trials;
use crate::stack::Stack;

/// Tasks to work on, and as many to delete.
const TASKS: usize = 12;

/// The tests ask the same each time; `fuzz-api` looks for more, with another seed each time.
const SEED: u64 = 1;

/// What there is in the database before the first request.
#[derive(Default)]
struct Known {
    kept: Ids,
    /// What may be deleted.
    doomed: Ids,
    /// Of shared experiments.
    tokens: BTreeSet<String>,
}

#[derive(Default)]
struct Ids {
    tasks: BTreeSet<String>,
    trials: BTreeSet<String>,
    experiments: BTreeSet<String>,
}

impl Ids {
    /// Submits a new task in an experiment of its own.
    async fn submit(&mut self, caller: &Caller, name: &str, max_attempts: usize) {
        let task = caller.upload(name).await.ok()["task_id"].as_str().unwrap().to_owned();
        let sweep = json!({
            "task_id": task, "user": "alice", "experiment_id": format!("of {name}"), "max_attempts": max_attempts,
            "tags": {"github_meta": "{\"pr_number\": 7}"}, "configs": [{"agent": "oracle", "n_trials": 4}],
        });
        let created = caller.post("/tasks/sweep", &sweep).await.ok();
        self.experiments.insert(created["experiment_id"].as_str().unwrap().to_owned());
        self.trials.extend((0..4).map(|index| format!("{task}-{index}")));
        self.tasks.insert(task);
    }
}

/// Tasks with trials that succeeded, failed, are to be tried again, run and wait, and one that nobody submitted.
async fn seeded(stack: &Stack, caller: &Caller) -> Known {
    let mut known = Known::default();
    for number in 0..TASKS {
        known.kept.submit(caller, &format!("task {number} größer"), 1 + number % 2).await;
        ended_trials::end(stack, true).await;
        ended_trials::end(stack, false).await;
    }
    ended_trials::begin(stack).await;
    let unsubmitted = caller.upload("never submitted").await.ok();
    known.kept.tasks.insert(unsubmitted["task_id"].as_str().unwrap().to_owned());
    for experiment in known.kept.experiments.iter().take(2) {
        let shared = caller.post(&format!("/experiments/{experiment}/publish"), &json!({})).await.ok();
        known.tokens.insert(shared["public_token"].as_str().unwrap().to_owned());
    }
    for number in 0..TASKS {
        known.doomed.submit(caller, &format!("doomed {number}"), 1).await;
    }
    known
}

/// schemathesis's configuration: which ids exist, and which refusals the document has no words for.
fn configuration(known: &Known, key: Option<&str>) -> String {
    let mut toml = String::from(
        "# A request that fits its schema may be refused as things are (400), or for its size.
[checks]
positive_data_acceptance.expected-statuses = [\"2xx\", \"3xx\", \"400\", \"401\", \"403\", \"404\", \"409\", \"413\"]
negative_data_rejection.expected-statuses = [\"400\", \"401\", \"403\", \"404\", \"405\", \"406\", \"409\", \"413\", \"415\", \"422\", \"428\"]
# A log is waited for up to 20 s; how long an answer takes otherwise is not what is tested on a machine that does other things too.
max_response_time = 25
",
    );
    for (operation, _why) in RULES_BESIDE_THE_SCHEMA {
        let _ = writeln!(
            toml,
            "[[operations]]\ninclude-operation-id = \"{operation}\"\n\
             checks.positive_data_acceptance.expected-statuses = [\"2xx\", \"400\", \"401\", \"403\", \"404\", \"409\", \"413\", \"422\"]"
        );
    }
    let texts = |values: &BTreeSet<String>| json!(values).to_string();
    let agents = BTreeSet::from(["nop".to_owned(), "oracle".to_owned()]);
    let words = [
        ("tasks", texts(&known.kept.tasks), &["path.task_id", "body.task_id", "body.task_ids[*]", "query.task_id"][..]),
        ("trials", texts(&known.kept.trials), &["path.trial_id", "body.trial_id"]),
        ("experiments", texts(&known.kept.experiments), &["path.experiment_id", "query.experiment_id"]),
        ("agents", texts(&agents), &["body.configs[*].agent", "query.agent"]),
        ("tokens", texts(&known.tokens), &["path.token", "query.token", "header.X-Share-Token"]),
        ("moments", "[0, 1]".to_owned(), &["query.wait"]),
        ("few", "[1, 2]".to_owned(), &["body.configs[*].n_trials", "path.index", "path.version"]),
        ("keys", r#"["default"]"#.to_owned(), &["path.key"]),
        ("paths", json!(ended_trials::FILES.iter().map(|file| file.0).collect::<Vec<_>>()).to_string(), &["path.path"]),
    ];
    for (name, values, _) in &words {
        let _ = writeln!(toml, "[dictionaries.{name}]\nvalues = {values}");
    }
    toml.push_str("[parameters]\n");
    for (name, _, places) in &words {
        for place in *places {
            let _ = writeln!(toml, "\"{place}\" = {{ dictionary = \"{name}\", probability = 0.7 }}");
        }
    }
    // What deletes has ids of its own, and takes none from answers: soon nothing else would be left to ask for, not even the key.
    for (operation, place, doomed) in [
        ("delete_task", "path.task_id", &known.doomed.tasks),
        ("delete_trial", "path.trial_id", &known.doomed.trials),
        ("delete_experiment", "path.experiment_id", &known.doomed.experiments),
        ("revoke_api_key", "path.key_id", &BTreeSet::from(["00000000".to_owned()])),
    ] {
        let _ = writeln!(
            toml,
            "[dictionaries.{operation}]\nvalues = {}\n[[operations]]\ninclude-operation-id = \"{operation}\"\n\
             parameters.\"{place}\" = {{ dictionary = \"{operation}\" }}\nphases.stateful.enabled = false\n\
             phases.coverage.extra-data-sources.responses = false\nphases.fuzzing.extra-data-sources.responses = false",
            texts(doomed)
        );
    }
    if let Some(key) = key {
        let _ = writeln!(toml, "[auth.openapi.api_key]\nbearer = \"{key}\"");
    }
    toml
}

/// Operations with rules that JSON Schema cannot say, and which these are. A request that only breaks one of those gets a 422.
const RULES_BESIDE_THE_SCHEMA: &[(&str, &str)] = &[
    ("create_sweep", "all configs together have a bound; agents need models; Harbor's settings are an open object"),
    ("get_public_trial_logs", "a tail has no offset and cannot be waited for"),
    ("get_trial_logs", "a tail has no offset and cannot be waited for"),
    ("init_import", "a trial ends after it begins, in an environment that is known"),
    ("list_trials", "sorting by most things needs an experiment or a task"),
];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

async fn fuzz(with_key: bool, seconds: u64) {
    let schemathesis = std::env::var_os("SCHEMATHESIS").map(PathBuf::from);
    let schemathesis = schemathesis.expect("run this with `cargo xtask test`, which installs schemathesis");
    let mut stack = Stack::new().await;
    let key = if with_key { Some(full_key(&stack.db).await) } else { None };
    stack.set("ODDISH_AUTH", if with_key { "api-key" } else { "none" });
    stack.set("ODDISH_SECRET_KEY", "32-characters-that-are-no-secret");
    // Thousands of requests: what is shown when the test fails is its report.
    stack.set("ODDISH_LOG", "warn");
    stack.start_api(&["--no-workers"]).await;
    let known = seeded(&stack, &Caller::new(&stack, key.clone())).await;
    let configuration = configuration(&known, key.as_deref());
    let folder = stack.folder().to_owned();
    std::fs::write(folder.join("schemathesis.toml"), configuration).unwrap();

    let seed = setting("ODDISH_FUZZ_SEED", SEED);
    let mut command = Command::new(schemathesis);
    command
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/openapi.json", stack.url()));
    command.args(["--no-color", "--output-sanitize", "false", "--output-truncate", "false", "--checks", "all"]);
    command.args([
        "--phases",
        "examples,coverage,fuzzing,stateful",
        "--generation-database",
        "none",
        "--request-timeout",
        "30",
    ]);
    command.args(["--max-examples", &setting("ODDISH_FUZZ_EXAMPLES", 25).to_string(), "--seed", &seed.to_string()]);
    match setting("ODDISH_FUZZ_SECONDS", seconds) {
        0 => {}
        seconds => {
            command.args(["--max-time", &seconds.to_string()]);
        }
    }
    if !with_key {
        // The document says how keys are given, and this server asks for none.
        command.args(["--exclude-checks", "ignored_auth", "--generation-with-security-parameters", "false"]);
    }
    let report = run(&mut command, &folder);
    assert!(report.is_ok(), "schemathesis, with seed {seed}:\n{}", report.unwrap_err());
    let still_there = Caller::new(&stack, key).get("/health").await.ok();
    assert_eq!(still_there["status"], Value::from("healthy"));
}

/// Runs it with its report in a file, and shows that if it found anything.
fn run(command: &mut Command, folder: &Path) -> Result<(), String> {
    let path = folder.join("report.txt");
    let file = std::fs::File::create(&path).unwrap();
    let status = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .status()
        .expect("schemathesis can be started");
    let report = std::fs::read_to_string(&path).unwrap();
    if status.success() {
        // For whoever runs this with its output shown.
        anstream::eprintln!("{report}");
        return Ok(());
    }
    Err(report)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_key_nothing_is_answered_that_the_document_does_not_say() {
    fuzz(true, 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_nothing_is_answered_that_the_document_does_not_say() {
    fuzz(false, 20).await;
}
