//! `POST /tasks/sweep`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, MAX_TAGS, SweepRequest, TaskResponse};
use oddish_db::sharing;
use oddish_db::sweeps::{self, CreatedSweep, NewSweep, SweepRefused};
use oddish_domain::{id, label, retry, sweep};
use serde_json::json;
use time::OffsetDateTime;

use super::{faulty, label as label_of, task_not_found};
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::{Body, Repeatable};
use crate::idempotency::{self, Begun, IdempotencyHeader};
use crate::state::{Db, Expansion, Limits, Wake};
use oddish::judging::Judges;

/// Creates the trials of a sweep and queues them.
#[utoipa::path(post, path = "/tasks/sweep", operation_id = "create_sweep", tag = "tasks", request_body = SweepRequest,
    params(IdempotencyHeader),
    responses((status = 200, body = TaskResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn create_sweep(
    caller: Authed<Submit>,
    State(db): State<Db>,
    State(judges): State<Judges>,
    State(limits): State<Limits>,
    State(expansion): State<Expansion>,
    State(wake): State<Wake>,
    Repeatable { key, body: Body(request) }: Repeatable<Body<SweepRequest>>,
) -> Result<Json<TaskResponse>, ApiError> {
    let user = label_of("user", &request.user)?;
    let experiment = request.experiment_id.as_deref().map(|name| label_of("experiment_id", name)).transpose()?;
    let name = request.name.as_deref().map(id::task_name).transpose();
    let name = name.map_err(|error| ApiError::value_error(vec![json!("body"), json!("name")], error))?;
    let judges = request.run_analysis.then(|| judges.keys().ok_or_else(nobody_judges)).transpose()?;
    let trials = expand(&request, &expansion)?;
    let new = NewSweep {
        task_id: &request.task_id,
        version: version(&request)?,
        name: name.as_deref(),
        submitted_by: user,
        key_owner: caller.owner.as_deref(),
        priority: request.priority,
        experiment,
        tags: tags(&request)?,
        append: request.append_to_task,
        trials: &trials,
        max_attempts: max_attempts(&request, limits.max_attempts)?,
        judges,
    };
    let now = OffsetDateTime::now_utc();
    let mut work = match idempotency::begin(&db, key.as_ref()).await? {
        Begun::Fresh(work) => work,
        Begun::Answered(answer) => return Ok(answer),
    };
    let created = sweeps::create_within(&mut work, &new, &limits.concurrency, now)
        .await
        .map_err(|refused| refusal(refused, &request.task_id))?;
    // As upstream, sharing what one submits takes no more than submitting it.
    let by_default = request.github_username.is_some() && caller.owner.is_some();
    if request.publish_experiment.unwrap_or(by_default) {
        sharing::publish_within(&mut work, &created.experiment.id, now).await?;
    }
    let answer = idempotency::finish(work, response(&request, &trials, created)).await?;
    wake.dispatcher().await;
    Ok(answer)
}

fn nobody_judges() -> ApiError {
    let rule = "this deployment analyses nothing: submit without run_analysis, or have it set ODDISH_ANALYSIS_MODEL and ODDISH_VERDICT_MODEL";
    ApiError::value_error(vec![json!("body"), json!("run_analysis")], format!("run_analysis: {rule}"))
}

/// The version that is named, if one is.
fn version(request: &SweepRequest) -> Result<Option<i32>, ApiError> {
    if request.version.is_some_and(|version| version < 1) {
        return Err(ApiError::value_error(vec![json!("body"), json!("version")], "version must be at least 1"));
    }
    Ok(request.version)
}

fn max_attempts(request: &SweepRequest, default: u32) -> Result<i32, ApiError> {
    let asked = request.max_attempts.unwrap_or(default);
    if !(1..=retry::MAX_ATTEMPTS_HIGHEST).contains(&asked) {
        let rule = format!("max_attempts must be from 1 to {}", retry::MAX_ATTEMPTS_HIGHEST);
        return Err(ApiError::value_error(vec![json!("body"), json!("max_attempts")], rule));
    }
    Ok(asked.cast_signed())
}

fn expand(request: &SweepRequest, expansion: &Expansion) -> Result<Vec<sweep::TrialSpec>, ApiError> {
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
        // The one rule of a sweep that is a 400 (docs/compatibility.md, 1.6).
        sweep::SweepError::NoConfigs => ApiError::bad_request(error.to_string()),
        _ => ApiError::value_error(vec![json!("body"), json!(error.field())], error),
    })
}

fn tags(request: &SweepRequest) -> Result<BTreeMap<String, String>, ApiError> {
    if request.tags.len() > MAX_TAGS {
        return Err(faulty(&["tags"], format_args!("must be at most {MAX_TAGS}")));
    }
    for (name, value) in &request.tags {
        label::check(name).map_err(|fault| faulty(&["tags"], format_args!("must have names, and each {fault}")))?;
        label::check_value(value).map_err(|fault| faulty(&["tags", name], fault))?;
    }
    let mut tags = request.tags.clone();
    if let Some(github) = &request.github_username {
        label::check_value(github).map_err(|fault| faulty(&["github_username"], fault))?;
        tags.entry("github_username".to_owned()).or_insert_with(|| github.clone());
    }
    Ok(tags)
}

fn refusal(refused: SweepRefused, task_id: &str) -> ApiError {
    match refused {
        SweepRefused::TaskNotFound => task_not_found(task_id),
        SweepRefused::NotUploaded => ApiError::conflict(format!(
            "The archive of task {task_id} was announced and never completed. Upload it, then submit the sweep."
        )),
        SweepRefused::VersionNotFound { version } => {
            ApiError::not_found(format!("Version {version} not found for task {task_id}"))
        }
        SweepRefused::AlreadySubmitted => ApiError::conflict(format!(
            "Task {task_id} has been submitted before. Set append_to_task to add these trials to it."
        )),
        // Published clients know the text (docs/compatibility.md, 1.6).
        SweepRefused::BeingJudged => {
            ApiError::bad_request("Cannot append trials while task analysis or verdict is in progress")
        }
        SweepRefused::NotJudged => {
            ApiError::bad_request("Cannot enable run_analysis when appending to a task that was created without it")
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
