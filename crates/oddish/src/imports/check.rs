//! What an imported trial must keep to.

use oddish_api_types::{ImportedStatus, ImportedTrial, InitImportRequest, TrialStatus};
use oddish_db::imports::NewImport;
use oddish_domain::agent::check_names;
use oddish_domain::environment::{self, DEFAULT_ENVIRONMENT};
use oddish_domain::queue_key::{provider_bucket, stored_model, trial_queue_key};
use serde_json::json;
use time::OffsetDateTime;

use crate::Error;
use crate::fields::{self, UNNAMED, label};

/// Of tokens. Sums over millions of trials still fit into their column.
const MOST_TOKENS: i64 = 1_000_000_000_000;
/// Of a reward, and of dollars.
const MOST: f64 = 1e9;
/// Characters of an error.
const ERROR: usize = 65_536;
/// Characters of Harbor's stage, of a phase's name and of its times.
const WORD: usize = 64;
/// Phases.
const PHASES: usize = 32;

/// A trial whose fields are in the form in which they are stored.
pub(super) struct Checked {
    agent: String,
    model: Option<String>,
    queue_key: String,
    provider: &'static str,
    environment: &'static str,
    experiment: Option<String>,
    external_trial_id: Option<String>,
}

/// Checks everything that a client says of a trial.
pub(super) fn check(request: &InitImportRequest) -> Result<Checked, Error> {
    let InitImportRequest { trial, experiment_id, .. } = request;
    let agent = label(&["trial", "agent"], &trial.agent)?;
    let given = trial.model.as_deref().map(|model| label(&["trial", "model"], model)).transpose()?;
    check_names(agent, given).map_err(|error| {
        let field = if error.is_of_model() { "model" } else { "agent" };
        Error::invalid_at(["trial", field], error)
    })?;
    let queue_key = trial_queue_key(agent, given);
    let environment = trial.environment.as_deref().map_or(Ok(DEFAULT_ENVIRONMENT), environment::check_environment);
    let environment = environment.map_err(|unknown| fault("environment", &unknown.to_string()))?;
    check_numbers(trial)?;
    check_texts(trial)?;
    check_times(trial)?;
    let experiment = experiment_id.as_deref().map(|name| label(&["experiment_id"], name)).transpose()?;
    let external = trial.external_trial_id.as_deref();
    let external = external.map(|id| label(&["trial", "external_trial_id"], id)).transpose()?;
    Ok(Checked {
        provider: provider_bucket(agent, given),
        agent: agent.to_owned(),
        model: stored_model(agent, given).map(str::to_owned),
        queue_key,
        environment,
        experiment: experiment.map(str::to_owned),
        external_trial_id: external.map(str::to_owned),
    })
}

impl Checked {
    /// The trial as it is to be written.
    pub(super) fn new_import<'a>(
        &'a self,
        request: &'a InitImportRequest,
        key_owner: Option<&'a str>,
        staging_key: Option<&'a str>,
        now: OffsetDateTime,
    ) -> NewImport<'a> {
        let trial = &request.trial;
        NewImport {
            task_id: &request.task_id,
            experiment: self.experiment.as_deref(),
            submitted_by: key_owner.unwrap_or(UNNAMED),
            key_owner,
            agent: &self.agent,
            model: self.model.as_deref(),
            provider: self.provider,
            queue_key: &self.queue_key,
            environment: self.environment,
            status: match trial.status {
                ImportedStatus::Success => TrialStatus::Success,
                ImportedStatus::Failed => TrialStatus::Failed,
            },
            reward: trial.reward,
            error_message: trial.error_message.as_deref(),
            harbor_stage: &trial.harbor_stage,
            input_tokens: trial.input_tokens,
            cache_tokens: trial.cache_tokens,
            output_tokens: trial.output_tokens,
            cost_usd: trial.cost_usd,
            phase_timing: trial.phase_timing.as_ref().map(|phases| json!(phases)),
            has_trajectory: trial.has_trajectory,
            started_at: trial.started_at,
            finished_at: trial.finished_at.unwrap_or_else(|| trial.started_at.map_or(now, |started| started.max(now))),
            external_trial_id: self.external_trial_id.as_deref(),
            staging_key,
        }
    }
}

fn check_numbers(trial: &ImportedTrial) -> Result<(), Error> {
    if trial.reward.is_some_and(|reward| !(-MOST..=MOST).contains(&reward)) {
        return refused("reward", "must be a number from -1000000000 to 1000000000");
    }
    if trial.cost_usd.is_some_and(|cost| !(0.0..=MOST).contains(&cost)) {
        return refused("cost_usd", "must be a number from 0 to 1000000000");
    }
    let tokens = [
        ("input_tokens", trial.input_tokens),
        ("cache_tokens", trial.cache_tokens),
        ("output_tokens", trial.output_tokens),
    ];
    for (field, tokens) in tokens {
        if tokens.is_some_and(|tokens| !(0..=MOST_TOKENS).contains(&tokens)) {
            return refused(field, "must be from 0 to 1000000000000");
        }
    }
    let phases = trial.phase_timing.iter().flat_map(|phases| phases.values());
    if phases.into_iter().any(|phase| !(0.0..=MOST).contains(&phase.duration_sec)) {
        return refused("phase_timing", "must have durations from 0 to 1000000000 seconds");
    }
    Ok(())
}

fn check_texts(trial: &ImportedTrial) -> Result<(), Error> {
    let is_word = |text: &str| (1..=WORD).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if !is_word(&trial.harbor_stage) {
        return refused("harbor_stage", "must have 1 to 64 characters, without control characters");
    }
    if trial.error_message.as_deref().is_some_and(|error| error.chars().count() > ERROR) {
        return refused("error_message", "must have at most 65536 characters");
    }
    let Some(phases) = &trial.phase_timing else { return Ok(()) };
    let are_words =
        phases.iter().all(|(name, phase)| is_word(name) && is_word(&phase.started_at) && is_word(&phase.finished_at));
    if phases.len() > PHASES || !are_words {
        return refused("phase_timing", "must have at most 32 phases, with names and times of 1 to 64 characters");
    }
    Ok(())
}

fn check_times(trial: &ImportedTrial) -> Result<(), Error> {
    for (field, time) in [("started_at", trial.started_at), ("finished_at", trial.finished_at)] {
        if time.is_some_and(|time| time < OffsetDateTime::UNIX_EPOCH) {
            return refused(field, "must not be before 1970");
        }
    }
    match (trial.started_at, trial.finished_at) {
        (Some(started), Some(finished)) if finished < started => {
            refused("finished_at", "must not be before started_at")
        }
        _ => Ok(()),
    }
}

fn fault(field: &str, rule: &str) -> Error {
    fields::fault(&["trial", field], rule)
}

fn refused<T>(field: &str, rule: &str) -> Result<T, Error> {
    Err(fault(field, rule))
}
