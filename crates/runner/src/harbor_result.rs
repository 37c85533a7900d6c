//! Reads the outcome of a trial from Harbor's folder (docs/compatibility.md, 3.7).
//!
//! The exit status of Harbor says nothing: only `result.json` does. It holds text from agents and verifiers, so it is
//! read with bounds, and whatever is wrong with it becomes a failed outcome that says so.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use oddish_artifacts::open_regular;
use oddish_db::attempts::Outcome;
use oddish_domain::failure::reward_counts;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use walkdir::WalkDir;

use crate::error_message::cut;
use crate::foreign_json;

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Longest name of an exception or a reward that is kept, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// Most rewards that a trial may have: they are shown in every list, and the verifier may write any number.
const MAX_REWARDS: usize = 1000;

/// Most trajectories that are read to learn what the agent used: a task has one for each step, and an agent may leave any number.
const MAX_TRAJECTORIES: usize = 16;

/// The key of the scalar reward where the verifier gives several.
const SCALAR: &str = "reward";

/// Reads the outcome from Harbor's folder of a trial. Where its files are stored is left open, and its message is as long as
/// Harbor's.
///
/// A trial succeeded when it left a reward that counts: without an exception, or with exceptions such as the agent's time-out alone
/// ([`reward_counts`]). One whose verification was disabled succeeded when it ended without an exception. A reward that is missing stays
/// missing, and one that does not count is [unconfirmed](Outcome::unconfirmed_reward).
pub fn read_outcome(trial: &Path) -> Outcome {
    let outcome = match read_file(&trial.join("result.json")) {
        Ok(bytes) => match foreign_json::read(&bytes, is_read) {
            Ok(result) if result.get("trial_name").is_some_and(Value::is_string) => {
                TrialResult::of(&result).into_outcome()
            }
            Ok(_) => failed(UNREADABLE, "Harbor's result.json is not a trial result: it has no trial_name"),
            Err(error) => failed(UNREADABLE, &format!("Harbor's result.json is not a trial result: {error}")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            failed("HarborResultTooLarge", &format!("Harbor's result.json is larger than {MAX_FILE_BYTES} bytes"))
        }
        Err(error) => failed("HarborResultMissing", &format!("Harbor's result.json cannot be read: {error}")),
    };
    with_trajectories(outcome, trial)
}

/// Adds what the trajectories in the trial's folder tell, where the outcome does not know it.
pub(crate) fn with_trajectories(mut outcome: Outcome, trial: &Path) -> Outcome {
    let trajectories = Trajectories::look(trial);
    outcome.has_trajectory = trajectories.any;
    if outcome.input_tokens.is_none()
        && outcome.output_tokens.is_none()
        && let Some(metrics) = trajectories.metrics
    {
        outcome.input_tokens = metrics.input;
        outcome.output_tokens = metrics.output;
        outcome.cache_tokens = metrics.cache;
        outcome.cost_usd = outcome.cost_usd.or(metrics.cost_usd);
    }
    outcome
}

const UNREADABLE: &str = "HarborResultUnreadable";

/// What Harbor's own process fails with when what a sandbox left is a link to somewhere else, no file, nested without end, or too large for
/// its memory.
const UNREADABLE_OUTPUT: [&str; 6] =
    ["BrokenPipeError", "IsADirectoryError", "MemoryError", "NotADirectoryError", "PermissionError", "RecursionError"];

/// Our name for an exception of Harbor's own process over what the sandbox left, by who left it. None for other exceptions, and before the
/// agent began: without anything of a sandbox to read, they are faults of the machine.
pub(crate) fn unreadable_output(exception_type: &str, agent_began: bool, by_verifier: bool) -> Option<&'static str> {
    let whose = if by_verifier { "VerifierOutputUnreadable" } else { "AgentOutputUnreadable" };
    (agent_began && UNREADABLE_OUTPUT.contains(&exception_type)).then_some(whose)
}

/// An outcome that is nothing but a failure. The texts may come from anywhere.
pub fn failed(error_type: &str, message: &str) -> Outcome {
    Outcome {
        succeeded: false,
        error_type: Some(stored_name(error_type)),
        error_message: Some(message.to_owned()),
        ..Outcome::default()
    }
}

/// The fields of Harbor's `TrialResult` and of a trajectory that matter here. Others are passed over; the files are stored as they
/// are.
fn is_read(parent: &str, key: &str) -> bool {
    match parent {
        "" => matches!(
            key,
            "trial_name"
                | "config"
                | "agent_result"
                | "verifier_result"
                | "exception_info"
                | "environment_setup"
                | "agent_setup"
                | "agent_execution"
                | "verifier"
                | "step_results"
                | "final_metrics"
        ),
        "config" => key == "verifier",
        "verifier" => matches!(key, "disable" | "started_at" | "finished_at"),
        "environment_setup" | "agent_setup" | "agent_execution" => matches!(key, "started_at" | "finished_at"),
        "agent_result" => matches!(key, "n_input_tokens" | "n_cache_tokens" | "n_output_tokens" | "cost_usd"),
        "verifier_result" => key == "rewards",
        "rewards" => true,
        "exception_info" => matches!(key, "exception_type" | "exception_message"),
        "step_results" => {
            matches!(key, "step_name" | "agent_result" | "agent_execution" | "verifier_result" | "exception_info")
        }
        "final_metrics" => key.starts_with("total_"),
        _ => false,
    }
}

/// What is read of Harbor's `TrialResult`. A field that is not what it should be is as one that is not there.
struct TrialResult {
    config: Option<Config>,
    agent_result: Option<Usage>,
    verifier_result: Option<VerifierResult>,
    exception_info: Option<ExceptionInfo>,
    environment_setup: Option<Timing>,
    agent_setup: Option<Timing>,
    agent_execution: Option<Timing>,
    verifier: Option<Timing>,
    step_results: Option<Vec<StepResult>>,
}

struct Config {
    verifier: Option<VerifierConfig>,
}

struct VerifierConfig {
    disable: bool,
}

struct VerifierResult {
    rewards: Option<Map<String, Value>>,
}

struct ExceptionInfo {
    exception_type: String,
    exception_message: String,
}

struct Timing {
    started_at: Option<String>,
    finished_at: Option<String>,
}

struct StepResult {
    step_name: String,
    agent_result: Option<Usage>,
    agent_execution: Option<Timing>,
    exception_info: Option<ExceptionInfo>,
}

/// The object in a field.
fn object<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    value.get(field).filter(|value| value.is_object())
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field)?.as_str().map(str::to_owned)
}

impl TrialResult {
    fn of(result: &Value) -> Self {
        let verifier_config = object(result, "config").and_then(|config| object(config, "verifier"));
        let disable = verifier_config.and_then(|verifier| verifier.get("disable")).and_then(Value::as_bool);
        let rewards = object(result, "verifier_result").and_then(|verifier| object(verifier, "rewards"));
        Self {
            config: disable.map(|disable| Config { verifier: Some(VerifierConfig { disable }) }),
            agent_result: object(result, "agent_result").map(Usage::of),
            verifier_result: rewards.map(|rewards| VerifierResult { rewards: rewards.as_object().cloned() }),
            exception_info: ExceptionInfo::of(result),
            environment_setup: Timing::of(result, "environment_setup"),
            agent_setup: Timing::of(result, "agent_setup"),
            agent_execution: Timing::of(result, "agent_execution"),
            verifier: Timing::of(result, "verifier"),
            step_results: result
                .get("step_results")
                .and_then(Value::as_array)
                .map(|steps| steps.iter().filter(|step| step.is_object()).map(StepResult::of).collect()),
        }
    }

    /// Whether the agent was started, in any step.
    fn agent_began(&self) -> bool {
        let of_steps = self.step_results.iter().flatten().map(|step| &step.agent_execution);
        [&self.agent_execution].into_iter().chain(of_steps).flatten().any(|timing| timing.started_at.is_some())
    }
}

impl ExceptionInfo {
    /// An exception is one even where its fields are not what they should be.
    fn of(value: &Value) -> Option<Self> {
        let exception = value.get("exception_info").filter(|exception| !exception.is_null())?;
        Some(Self {
            exception_type: text(exception, "exception_type").unwrap_or_else(|| "UnknownError".to_owned()),
            exception_message: text(exception, "exception_message").unwrap_or_default(),
        })
    }
}

impl StepResult {
    fn of(step: &Value) -> Self {
        Self {
            step_name: text(step, "step_name").unwrap_or_default(),
            agent_result: object(step, "agent_result").map(Usage::of),
            agent_execution: Timing::of(step, "agent_execution"),
            exception_info: ExceptionInfo::of(step),
        }
    }
}

impl TrialResult {
    fn into_outcome(self) -> Outcome {
        let usage = self.usage();
        let mut outcome = Outcome {
            input_tokens: usage.input,
            cache_tokens: usage.cache,
            output_tokens: usage.output,
            cost_usd: usage.cost_usd,
            phase_timing: self.phase_timing(),
            agent_began: self.agent_began(),
            ..Outcome::default()
        };
        let verification_disabled =
            self.config.and_then(|config| config.verifier).is_some_and(|verifier| verifier.disable);
        let verifier_began = self.verifier.as_ref().is_some_and(|timing| timing.started_at.is_some());
        let exceptions = recorded_exceptions(self.exception_info, self.step_results.unwrap_or_default());
        let voiding = exceptions.iter().find(|exception| !reward_counts(&exception.exception_type));
        let given = self.verifier_result.and_then(|result| result.rewards).unwrap_or_default();
        if given.len() > MAX_REWARDS {
            let message = format!("The verifier left {} rewards; at most {MAX_REWARDS} are accepted.", given.len());
            let failure = failed("TooManyRewards", &message);
            return Outcome { error_type: failure.error_type, error_message: failure.error_message, ..outcome };
        }
        let reward = scalar(&given);
        let unusable = unusable_reward(&given);
        let unjudged = given.is_empty();
        let rewards = numbers(given);
        // Of several, the one that decides.
        if let Some(ExceptionInfo { exception_type, exception_message }) = voiding.or(exceptions.first()) {
            let message = if exception_message.is_empty() { exception_type } else { exception_message };
            let unreadable = unreadable_output(exception_type, outcome.agent_began, verifier_began && unjudged);
            (outcome.error_type, outcome.error_message) = match unreadable {
                Some(name) => (Some(name.to_owned()), Some(format!("{exception_type}: {message}"))),
                None => (Some(stored_name(exception_type)), Some(message.clone())),
            };
        } else if let Some(message) = unusable {
            outcome.error_type = Some("RewardOutOfRange".to_owned());
            outcome.error_message = Some(message);
        }
        if !rewards.is_empty() && voiding.is_some() {
            outcome.unconfirmed_reward = reward;
        } else if !rewards.is_empty() {
            outcome.succeeded = true;
            outcome.reward = reward;
            outcome.rewards = Some(Value::Object(rewards));
        } else if outcome.error_type.is_none() && verification_disabled {
            outcome.succeeded = true;
        } else if outcome.error_type.is_none() {
            outcome.error_type = Some("RewardMissing".to_owned());
            outcome.error_message = Some(
                "The verifier left no reward: the task's tests must write one number to /logs/verifier/reward.txt, or an \
                 object of numbers to /logs/verifier/reward.json."
                    .to_owned(),
            );
        }
        outcome
    }

    /// What the agent used: Harbor's own sum, else the sum over the steps of a multi-step trial.
    fn usage(&self) -> Usage {
        self.agent_result.unwrap_or_else(|| {
            let steps = self.step_results.iter().flatten().filter_map(|step| step.agent_result);
            steps.fold(Usage::default(), Usage::plus)
        })
    }

    fn phase_timing(&self) -> Option<Value> {
        let phases = [
            ("environment_setup", &self.environment_setup),
            ("agent_setup", &self.agent_setup),
            ("agent_execution", &self.agent_execution),
            ("verifier", &self.verifier),
        ];
        let timing: Map<String, Value> = phases
            .into_iter()
            .filter_map(|(phase, timing)| Some((phase.to_owned(), timing.as_ref()?.as_json()?)))
            .collect();
        (!timing.is_empty()).then_some(Value::Object(timing))
    }
}

impl Timing {
    fn of(value: &Value, field: &str) -> Option<Self> {
        let timing = object(value, field)?;
        Some(Self { started_at: text(timing, "started_at"), finished_at: text(timing, "finished_at") })
    }

    /// Start, end and seconds between them to two decimals, when both ends are known.
    fn as_json(&self) -> Option<Value> {
        let [started_at, finished_at] =
            [&self.started_at, &self.finished_at].map(|time| OffsetDateTime::parse(time.as_deref()?, &Rfc3339).ok());
        let (started_at, finished_at) = (started_at?, finished_at?);
        let seconds = (finished_at - started_at).as_seconds_f64();
        Some(serde_json::json!({
            "started_at": started_at.format(&Rfc3339).ok()?,
            "finished_at": finished_at.format(&Rfc3339).ok()?,
            "duration_sec": (seconds * 100.0).round() / 100.0,
        }))
    }
}

#[derive(Clone, Copy, Default)]
struct Usage {
    input: Option<i64>,
    cache: Option<i64>,
    output: Option<i64>,
    cost_usd: Option<f64>,
}

impl Usage {
    /// What Harbor says of an agent.
    fn of(result: &Value) -> Self {
        Self {
            input: foreign_json::count(result.get("n_input_tokens")),
            cache: foreign_json::count(result.get("n_cache_tokens")),
            output: foreign_json::count(result.get("n_output_tokens")),
            cost_usd: foreign_json::number(result.get("cost_usd")),
        }
    }

    /// What a trajectory says.
    fn of_trajectory(metrics: &Value) -> Self {
        Self {
            input: foreign_json::count(metrics.get("total_prompt_tokens")),
            cache: foreign_json::count(metrics.get("total_cached_tokens")),
            output: foreign_json::count(metrics.get("total_completion_tokens")),
            cost_usd: foreign_json::number(metrics.get("total_cost_usd")),
        }
    }

    fn plus(self, other: Self) -> Self {
        let sum = |one: Option<i64>, other: Option<i64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        Self {
            input: sum(self.input, other.input),
            cache: sum(self.cache, other.cache),
            output: sum(self.output, other.output),
            cost_usd: match (self.cost_usd, other.cost_usd) {
                (Some(one), Some(other)) => Some(one + other).filter(|sum| sum.is_finite()),
                (one, other) => one.or(other),
            },
        }
    }
}

/// The trial's exception, then those of its steps: a trial of several steps records on the step what it handled there.
fn recorded_exceptions(of_trial: Option<ExceptionInfo>, steps: Vec<StepResult>) -> Vec<ExceptionInfo> {
    let of_steps = steps.into_iter().filter_map(|step| {
        let exception = step.exception_info?;
        let exception_message = format!("step {}: {}", step.step_name, exception.exception_message);
        Some(ExceptionInfo { exception_message, ..exception })
    });
    of_trial.into_iter().chain(of_steps).collect()
}

/// The rewards that are numbers, which Harbor writes as `1` or `1.0`.
fn numbers(rewards: Map<String, Value>) -> Map<String, Value> {
    let is_number = |(_, value): &(String, Value)| foreign_json::number(Some(value)).is_some();
    rewards.into_iter().filter(is_number).map(|(name, value)| (stored_name(&name), value)).collect()
}

/// What to say of a reward that is there and can't be stored. The name is the tests'.
fn unusable_reward(rewards: &Map<String, Value>) -> Option<String> {
    let is_unusable = |value: &Value| !value.is_null() && foreign_json::number(Some(value)).is_none();
    let (name, value) = rewards.iter().find(|(_, value)| is_unusable(value))?;
    let (name, value) = (stored_name(name), cut(&value.to_string(), MAX_NAME_BYTES));
    Some(format!(
        "The verifier's reward `{name}` is no number that can be stored: {value}. It must fit into a 64-bit float."
    ))
}

/// The scalar reward: the one called `reward`, else the only one.
fn scalar(rewards: &Map<String, Value>) -> Option<f64> {
    let only = || if rewards.len() == 1 { rewards.values().next() } else { None };
    foreign_json::number(rewards.get(SCALAR).or_else(only))
}

/// A name as Postgres can store it: without NUL characters, and bounded.
fn stored_name(name: &str) -> String {
    cut(&name.replace('\0', ""), MAX_NAME_BYTES)
}

/// The `trajectory.json` files that agents leave.
#[derive(Default)]
struct Trajectories {
    any: bool,
    metrics: Option<Usage>,
}

impl Trajectories {
    /// Looks through the trial's folder. Links, which an agent may have pointed anywhere, are not followed.
    fn look(trial: &Path) -> Self {
        let mut any = false;
        let mut first = BTreeSet::new();
        // Not sorted: a folder may have any number of files, and a sorted one is held in memory.
        for entry in WalkDir::new(trial).into_iter().flatten() {
            let name = entry.file_name();
            if !entry.file_type().is_file() || (name != "trajectory.json" && name != "trajectory.jsonl") {
                continue;
            }
            any = true;
            if name == "trajectory.json" {
                first.insert(entry.into_path());
                if first.len() > MAX_TRAJECTORIES {
                    first.pop_last();
                }
            }
        }
        let metrics = first.iter().find_map(|path| {
            let read = read_file(path).ok().and_then(|bytes| foreign_json::read(&bytes, is_read).ok());
            read.as_ref().and_then(|read| object(read, "final_metrics")).map(Usage::of_trajectory)
        });
        Self { any, metrics }
    }
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}
