//! What a trial's folder says about how it came out (contract 3.8).
//!
//! The exit status of Harbor says nothing: only `result.json` does. It holds text from agents and verifiers, so it is
//! read with bounds, and whatever is wrong with it becomes a failed outcome that says so.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use oddish_db::attempts::Outcome;
use oddish_domain::failure::reward_counts;
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use walkdir::WalkDir;

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Longest error message that is kept, in bytes.
const MAX_MESSAGE_BYTES: usize = 16 << 10;
/// Longest name of an exception or a reward that is kept, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// Most rewards that a trial may have: they are shown in every list, and the verifier may write any number.
const MAX_REWARDS: usize = 1000;

/// The key of the scalar reward where the verifier gives several.
const SCALAR: &str = "reward";

/// Reads the outcome from Harbor's folder of a trial. Where its files are stored is left open.
///
/// A trial succeeded when it left a reward that counts: beside no exception, or beside exceptions such as the agent's time-out alone
/// ([`reward_counts`]). One whose verification was disabled succeeded when it ended without an exception. A reward that is missing stays
/// missing, and one that does not count is [unconfirmed](Outcome::unconfirmed_reward).
pub fn read_outcome(trial: &Path) -> Outcome {
    let mut outcome = match read_file(&trial.join("result.json")) {
        Ok(bytes) => match serde_json::from_slice::<TrialResult>(&bytes) {
            Ok(result) => result.into_outcome(),
            Err(error) => failed(UNREADABLE, &format!("Harbor's result.json is not a trial result: {error}")),
        },
        Err(error) => failed(UNREADABLE, &format!("Harbor's result.json cannot be read: {error}")),
    };
    let trajectories = Trajectories::look(trial);
    outcome.has_trajectory = trajectories.any;
    if outcome.input_tokens.is_none()
        && outcome.output_tokens.is_none()
        && let Some(metrics) = trajectories.metrics
    {
        outcome.input_tokens = tokens(metrics.prompt_tokens.as_ref());
        outcome.output_tokens = tokens(metrics.completion_tokens.as_ref());
        outcome.cache_tokens = tokens(metrics.cached_tokens.as_ref());
        outcome.cost_usd = outcome.cost_usd.or(metrics.cost_usd);
    }
    outcome
}

const UNREADABLE: &str = "HarborResultUnreadable";

/// An outcome that is nothing but a failure. The texts may come from anywhere.
pub fn failed(error_type: &str, message: &str) -> Outcome {
    Outcome {
        succeeded: false,
        error_type: Some(stored_text(error_type, MAX_NAME_BYTES)),
        error_message: Some(stored_text(message, MAX_MESSAGE_BYTES)),
        ..Outcome::default()
    }
}

/// The fields of Harbor's `TrialResult` that matter here. Others are ignored; the file is stored as it is.
#[derive(Deserialize)]
struct TrialResult {
    #[expect(dead_code, reason = "required, so that a file of another kind is not taken for a trial without a reward")]
    trial_name: String,
    config: Option<Config>,
    agent_result: Option<AgentResult>,
    verifier_result: Option<VerifierResult>,
    exception_info: Option<ExceptionInfo>,
    environment_setup: Option<Timing>,
    agent_setup: Option<Timing>,
    agent_execution: Option<Timing>,
    verifier: Option<Timing>,
    step_results: Option<Vec<StepResult>>,
}

#[derive(Deserialize)]
struct Config {
    verifier: Option<VerifierConfig>,
}

#[derive(Deserialize)]
struct VerifierConfig {
    #[serde(default)]
    disable: bool,
}

#[derive(Deserialize, Default)]
struct AgentResult {
    n_input_tokens: Option<Number>,
    n_cache_tokens: Option<Number>,
    n_output_tokens: Option<Number>,
    cost_usd: Option<f64>,
}

#[derive(Deserialize)]
struct VerifierResult {
    rewards: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct ExceptionInfo {
    exception_type: String,
    exception_message: String,
}

#[derive(Deserialize)]
struct Timing {
    started_at: Option<String>,
    finished_at: Option<String>,
}

#[derive(Deserialize)]
struct StepResult {
    step_name: String,
    agent_result: Option<AgentResult>,
    exception_info: Option<ExceptionInfo>,
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
            ..Outcome::default()
        };
        let verification_disabled =
            self.config.and_then(|config| config.verifier).is_some_and(|verifier| verifier.disable);
        let exceptions = recorded_exceptions(self.exception_info, self.step_results.unwrap_or_default());
        let voiding = exceptions.iter().find(|exception| !reward_counts(&exception.exception_type));
        let rewards = match numbers(self.verifier_result.and_then(|result| result.rewards).unwrap_or_default()) {
            Ok(rewards) => rewards,
            Err(TooManyRewards { given }) => {
                let message = format!("The verifier left {given} rewards; at most {MAX_REWARDS} are accepted.");
                return Outcome { phase_timing: outcome.phase_timing, ..failed("TooManyRewards", &message) };
            }
        };
        // Of several, the one that decides.
        if let Some(ExceptionInfo { exception_type, exception_message }) = voiding.or(exceptions.first()) {
            let message = if exception_message.is_empty() { exception_type } else { exception_message };
            outcome.error_type = Some(stored_text(exception_type, MAX_NAME_BYTES));
            outcome.error_message = Some(stored_text(message, MAX_MESSAGE_BYTES));
        }
        if !rewards.is_empty() && voiding.is_some() {
            outcome.unconfirmed_reward = scalar(&rewards);
        } else if !rewards.is_empty() {
            outcome.succeeded = true;
            outcome.reward = scalar(&rewards);
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
        match &self.agent_result {
            Some(result) => Usage::of(result),
            None => self
                .step_results
                .iter()
                .flatten()
                .filter_map(|step| step.agent_result.as_ref().map(Usage::of))
                .fold(Usage::default(), Usage::plus),
        }
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
    fn of(result: &AgentResult) -> Self {
        Self {
            input: tokens(result.n_input_tokens.as_ref()),
            cache: tokens(result.n_cache_tokens.as_ref()),
            output: tokens(result.n_output_tokens.as_ref()),
            cost_usd: result.cost_usd,
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

/// A count of tokens; what can't be one is none.
fn tokens(number: Option<&Number>) -> Option<i64> {
    number?.as_i64().filter(|count| *count >= 0)
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

struct TooManyRewards {
    given: usize,
}

/// The rewards that are numbers, which Harbor writes as `1` or `1.0`.
fn numbers(rewards: Map<String, Value>) -> Result<Map<String, Value>, TooManyRewards> {
    if rewards.len() > MAX_REWARDS {
        return Err(TooManyRewards { given: rewards.len() });
    }
    let is_number = |(_, value): &(String, Value)| value.as_f64().is_some_and(f64::is_finite);
    Ok(rewards.into_iter().filter(is_number).map(|(name, value)| (stored_text(&name, MAX_NAME_BYTES), value)).collect())
}

/// The scalar reward: the one called `reward`, else the only one.
fn scalar(rewards: &Map<String, Value>) -> Option<f64> {
    let only = || if rewards.len() == 1 { rewards.values().next() } else { None };
    rewards.get(SCALAR).or_else(only)?.as_f64()
}

/// A text as Postgres can store it: without NUL characters, and bounded. What is too much is cut out of the middle: what happened is said at
/// the beginning, and why often at the end.
fn stored_text(text: &str, max_bytes: usize) -> String {
    const CUT: &str = " [cut] ";
    let text = text.replace('\0', "");
    if text.len() <= max_bytes {
        return text;
    }
    let half = (max_bytes - CUT.len()) / 2;
    let (begin, end) = (text.floor_char_boundary(half), text.ceil_char_boundary(text.len() - half));
    format!("{}{CUT}{}", &text[..begin], &text[end..])
}

/// The `trajectory.json` files that agents leave.
#[derive(Default)]
struct Trajectories {
    any: bool,
    metrics: Option<FinalMetrics>,
}

#[derive(Deserialize)]
struct Trajectory {
    final_metrics: Option<FinalMetrics>,
}

#[derive(Deserialize)]
struct FinalMetrics {
    #[serde(rename = "total_prompt_tokens")]
    prompt_tokens: Option<Number>,
    #[serde(rename = "total_completion_tokens")]
    completion_tokens: Option<Number>,
    #[serde(rename = "total_cached_tokens")]
    cached_tokens: Option<Number>,
    #[serde(rename = "total_cost_usd")]
    cost_usd: Option<f64>,
}

impl Trajectories {
    /// Looks through the trial's folder. Links, which an agent may have pointed anywhere, are not followed.
    fn look(trial: &Path) -> Self {
        let mut found = Self::default();
        for entry in WalkDir::new(trial).sort_by_file_name().into_iter().flatten() {
            let name = entry.file_name();
            if !entry.file_type().is_file() || (name != "trajectory.json" && name != "trajectory.jsonl") {
                continue;
            }
            found.any = true;
            if found.metrics.is_none() && name == "trajectory.json" {
                let trajectory = read_file(entry.path()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
                found.metrics = trajectory.and_then(|trajectory: Trajectory| trajectory.final_metrics);
            }
        }
        found
    }
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}
