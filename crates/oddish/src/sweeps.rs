//! Sweeps: trials of a task for each agent and model, created and queued together.

use std::collections::BTreeMap;

use oddish_api_types::{MAX_TAGS, SweepRequest, TaskResponse};
use oddish_db::sweeps::{self, CreatedSweep, NewSweep, SweepRefused};
use oddish_db::{Db, sharing};
use oddish_domain::{id, label, retry, sweep};
use time::OffsetDateTime;

use crate::capabilities::{Expansion, Limits, Wake};
use crate::fields::{self, fault};
use crate::idempotency::{self, Begun};
use crate::judging::Judges;
use crate::{Error, Submission, tasks};

/// Creates the trials of a sweep and queues them.
pub async fn create(
    db: &Db,
    judges: &Judges,
    limits: &Limits,
    expansion: &Expansion,
    wake: &Wake,
    submission: Submission<'_, SweepRequest>,
    now: OffsetDateTime,
) -> Result<TaskResponse, Error> {
    let Submission { input: request, key_owner, idempotency_key } = submission;
    let user = fields::label(&["user"], &request.user)?;
    let experiment = request.experiment_id.as_deref();
    let experiment = experiment.map(|name| fields::label(&["experiment_id"], name)).transpose()?;
    let name = request.name.as_deref().map(id::task_name).transpose().map_err(|error| Error::invalid("name", error))?;
    let judges = request.run_analysis.then(|| judges.keys().ok_or_else(nobody_judges)).transpose()?;
    let trials = expand(request, expansion)?;
    let new = NewSweep {
        task_id: &request.task_id,
        version: version(request)?,
        name: name.as_deref(),
        submitted_by: user,
        key_owner,
        priority: request.priority,
        experiment,
        tags: tags(request)?,
        append: request.append_to_task,
        trials: &trials,
        max_attempts: max_attempts(request, limits.max_attempts)?,
        judges,
    };
    let mut work = match idempotency::begin(db, idempotency_key, now).await? {
        Begun::Fresh(work) => work,
        Begun::Answered(answer) => return Ok(answer),
    };
    let created = sweeps::create_within(&mut work, &new, &limits.concurrency, now)
        .await
        .map_err(|refused| refusal(refused, &request.task_id))?;
    // As upstream, sharing what one submits takes no more than submitting it.
    let by_default = request.github_username.is_some() && key_owner.is_some();
    if request.publish_experiment.unwrap_or(by_default) {
        sharing::publish_within(&mut work, &created.experiment.id, now).await?;
    }
    let answer = idempotency::finish(work, response(request, &trials, created)).await?;
    wake.dispatcher().await;
    Ok(answer)
}

fn nobody_judges() -> Error {
    let rule = "this deployment analyses nothing: submit without run_analysis, or have it set ODDISH_ANALYSIS_MODEL and ODDISH_VERDICT_MODEL";
    Error::invalid("run_analysis", format_args!("run_analysis: {rule}"))
}

/// The version that is named, if one is.
fn version(request: &SweepRequest) -> Result<Option<i32>, Error> {
    if request.version.is_some_and(|version| version < 1) {
        return Err(fault(&["version"], "must be at least 1"));
    }
    Ok(request.version)
}

fn max_attempts(request: &SweepRequest, default: u32) -> Result<i32, Error> {
    let asked = request.max_attempts.unwrap_or(default);
    if !(1..=retry::MAX_ATTEMPTS_HIGHEST).contains(&asked) {
        return Err(fault(&["max_attempts"], format_args!("must be from 1 to {}", retry::MAX_ATTEMPTS_HIGHEST)));
    }
    Ok(asked.cast_signed())
}

fn expand(request: &SweepRequest, expansion: &Expansion) -> Result<Vec<sweep::TrialSpec>, Error> {
    let spec = sweep::SweepSpec {
        configs: request.configs.clone(),
        environment: request.environment.clone(),
        docker: expansion.docker,
        allow_host_access: expansion.allow_host_access,
        timeout_minutes: request.timeout_minutes,
        harbor: request.harbor.clone().unwrap_or_default(),
        flat: request.flat.clone(),
    };
    let sealing = sweep::Sealing { key: expansion.sealing.as_ref(), task_id: &request.task_id };
    sweep::expand(&spec, sealing).map_err(|error| match error {
        // The one rule of a sweep that published clients know as a 400 (docs/compatibility.md, 1.6).
        sweep::SweepError::NoConfigs => Error::refused(error.to_string()),
        _ => Error::invalid(&error.field(), error),
    })
}

fn tags(request: &SweepRequest) -> Result<BTreeMap<String, String>, Error> {
    if request.tags.len() > MAX_TAGS {
        return Err(fault(&["tags"], format_args!("must be at most {MAX_TAGS}")));
    }
    for (name, value) in &request.tags {
        label::check(name).map_err(|rule| fault(&["tags"], format_args!("must have names, and each {rule}")))?;
        label::check_value(value).map_err(|rule| fault(&["tags", name], rule))?;
    }
    let mut tags = request.tags.clone();
    if let Some(github) = &request.github_username {
        label::check_value(github).map_err(|rule| fault(&["github_username"], rule))?;
        tags.entry("github_username".to_owned()).or_insert_with(|| github.clone());
    }
    Ok(tags)
}

fn refusal(refused: SweepRefused, task_id: &str) -> Error {
    match refused {
        SweepRefused::TaskNotFound => tasks::not_found(task_id),
        SweepRefused::NotUploaded => Error::conflict(format!(
            "The archive of task {task_id} was announced and never completed. Upload it, then submit the sweep."
        )),
        SweepRefused::VersionNotFound { version } => tasks::version_not_found(task_id, version),
        SweepRefused::AlreadySubmitted => Error::conflict(format!(
            "Task {task_id} has been submitted before. Set append_to_task to add these trials to it."
        )),
        // Published clients know these texts (docs/compatibility.md, 1.6).
        SweepRefused::BeingJudged => {
            Error::refused("Cannot append trials while task analysis or verdict is in progress")
        }
        SweepRefused::NotJudged => {
            Error::refused("Cannot enable run_analysis when appending to a task that was created without it")
        }
        SweepRefused::Db(error) => error.into(),
    }
}

fn response(request: &SweepRequest, trials: &[sweep::TrialSpec], created: CreatedSweep) -> TaskResponse {
    let mut providers = BTreeMap::new();
    for trial in trials {
        *providers.entry(trial.provider.to_owned()).or_default() += 1;
    }
    TaskResponse {
        id: request.task_id.clone(),
        name: created.task_name,
        status: created.status,
        priority: created.priority,
        version: created.version,
        first_trial_index: created.first_index,
        trials_count: u32::try_from(trials.len()).unwrap_or(u32::MAX),
        providers,
        experiment_id: Some(created.experiment.id),
        experiment_name: Some(created.experiment.name),
        created_at: created.created_at,
    }
}
