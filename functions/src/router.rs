//! All routes in one router for the local server, and in one `OpenAPI` document.

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use utoipa::OpenApi;
use utoipa::openapi::extensions::Extensions;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin;
use crate::api_keys;
use crate::auth::Auth;
use crate::dashboard;
use crate::docs;
use crate::document;
use crate::experiments;
use crate::health;
use crate::layers;
use crate::public;
use crate::queues;
use crate::routes::TAKES_SLASHES;
use crate::state::{Artifacts, Db, Everything, Expansion, Limits, UploadRules, Wake};
use crate::tasks;
use crate::trials;
use oddish::judging::Judges;

#[derive(OpenApi)]
#[openapi(info(
    title = "Oddish - Eval Scheduler API",
    description = "Runs trials of AI agents on Harbor tasks, within a concurrency limit for each model."
))]
struct Document;

fn all<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Auth: FromRef<S>,
    Db: FromRef<S>,
    Artifacts: FromRef<S>,
    UploadRules: FromRef<S>,
    Judges: FromRef<S>,
    Limits: FromRef<S>,
    Expansion: FromRef<S>,
    Wake: FromRef<S>,
{
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(admin::get_orphaned_state::get_orphaned_state))
        .routes(routes!(admin::get_queue_status::get_queue_status))
        .routes(routes!(admin::get_slots::get_slots))
        .routes(routes!(dashboard::get_dashboard))
        .routes(routes!(api_keys::list_api_keys::list_api_keys, api_keys::create_api_key::create_api_key))
        .routes(routes!(api_keys::revoke_api_key::revoke_api_key))
        .routes(routes!(docs::get_docs))
        .routes(routes!(docs::get_docs_file))
        .routes(routes!(docs::get_openapi))
        .routes(routes!(experiments::cancel_experiment::cancel_experiment))
        .routes(routes!(
            experiments::get_experiment::get_experiment,
            experiments::delete_experiment::delete_experiment,
            experiments::rename_experiment::rename_experiment
        ))
        .routes(routes!(experiments::get_experiment_share::get_experiment_share))
        .routes(routes!(experiments::list_experiments::list_experiments))
        .routes(routes!(experiments::publish_experiment::publish_experiment))
        .routes(routes!(experiments::retry_experiment::retry_experiment))
        .routes(routes!(experiments::unpublish_experiment::unpublish_experiment))
        .routes(routes!(health::get_health))
        .routes(routes!(public::get_public_experiment::get_public_experiment))
        .routes(routes!(public::get_public_task::get_public_task))
        .routes(routes!(public::get_public_task_file::get_public_task_file))
        .routes(routes!(public::get_public_trial_file::get_public_trial_file))
        .routes(routes!(public::get_public_trial_logs::get_public_trial_logs))
        .routes(routes!(public::get_public_trial_result::get_public_trial_result))
        .routes(routes!(public::get_public_trial_structured_logs::get_public_trial_structured_logs))
        .routes(routes!(public::get_public_trial_trajectory::get_public_trial_trajectory))
        .routes(routes!(public::list_public_experiments::list_public_experiments))
        .routes(routes!(public::list_public_task_files::list_public_task_files))
        .routes(routes!(public::list_public_task_trials::list_public_task_trials))
        .routes(routes!(public::list_public_tasks::list_public_tasks))
        .routes(routes!(public::list_public_trial_files::list_public_trial_files))
        .routes(routes!(queues::get_queue::get_queue))
        .routes(routes!(queues::list_queues::list_queues))
        .routes(routes!(queues::update_queue::update_queue))
        .routes(routes!(tasks::browse_tasks::browse_tasks))
        .routes(routes!(tasks::cancel_tasks::cancel_tasks))
        .routes(routes!(tasks::complete_upload::complete_upload))
        .routes(routes!(tasks::create_sweep::create_sweep))
        .routes(routes!(tasks::get_task_file::get_task_file))
        .routes(routes!(tasks::get_task::get_task, tasks::delete_task::delete_task))
        .routes(routes!(tasks::get_task_trial::get_task_trial))
        .routes(routes!(tasks::get_task_version::get_task_version))
        .routes(routes!(tasks::init_upload::init_upload))
        .routes(routes!(tasks::list_task_files::list_task_files))
        .routes(routes!(tasks::list_task_trials::list_task_trials))
        .routes(routes!(tasks::list_task_versions::list_task_versions))
        .routes(routes!(tasks::list_tasks::list_tasks))
        .routes(routes!(tasks::retry_task_analysis::retry_task_analysis))
        .routes(routes!(tasks::retry_verdict::retry_verdict))
        .merge(OpenApiRouter::new().routes(routes!(tasks::upload_task::upload_task)).layer(DefaultBodyLimit::disable()))
        .routes(routes!(trials::cancel_trial::cancel_trial))
        .routes(routes!(trials::complete_import::complete_import))
        .routes(routes!(trials::get_trial_debug_files::get_trial_debug_files))
        .routes(routes!(trials::get_trial_file::get_trial_file))
        .routes(routes!(trials::get_trial::get_trial, trials::delete_trial::delete_trial))
        .routes(routes!(trials::get_trial_logs::get_trial_logs))
        .routes(routes!(trials::get_trial_result::get_trial_result))
        .routes(routes!(trials::list_trials::list_trials))
        .routes(routes!(trials::get_trial_structured_logs::get_trial_structured_logs))
        .routes(routes!(trials::get_trial_trajectory::get_trial_trajectory))
        .routes(routes!(trials::init_import::init_import))
        .routes(routes!(trials::list_trial_files::list_trial_files))
        .routes(routes!(trials::retry_trial::retry_trial))
        .routes(routes!(trials::retry_trial_analysis::retry_trial_analysis))
}

/// Every endpoint in one router, for the local server, with routes of the server's own beside them.
pub fn router(state: Everything, beside: Router) -> Router {
    guarded_router(state, beside, |app| app)
}

/// As [`router`], behind a guard of the server's own, which may refuse requests.
pub fn guarded_router(state: Everything, beside: Router, guard: impl FnOnce(Router) -> Router) -> Router {
    layers::around_guarded(all::<Everything>().split_for_parts().0.with_state(state).merge(beside), guard)
}

/// The `OpenAPI` document of every endpoint.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = all::<Everything>().split_for_parts().1;
    let paths = std::mem::take(&mut document.paths.paths).into_iter().map(|(path, mut item)| {
        let Some((before, name)) = path.split_once("{*") else { return (path, item) };
        item.extensions = Some(Extensions::builder().add(TAKES_SLASHES, name.trim_end_matches('}')).build());
        (format!("{before}{{{name}"), item)
    });
    document.paths.paths = paths.collect();
    document::complete(&mut document);
    document
}
