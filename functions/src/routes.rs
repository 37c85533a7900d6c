//! All routes: one router for the local server, one `OpenAPI` document, one function a row.

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use oddish_domain::api_key::Scope;
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
use crate::judging::Judges;
use crate::layers;
use crate::public;
use crate::queues;
use crate::state::{Artifacts, Db, Everything, Expansion, Limits, UploadRules, Wake};
use crate::tasks;
use crate::trials;

/// One endpoint and the function that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Path, with parameters in braces; a star is before one that may contain slashes.
    pub path: &'static str,
    /// HTTP method, upper case.
    pub method: &'static str,
    /// Name of the function and of its binary, which is the operation id too.
    pub function: &'static str,
    /// The scope that a caller needs where keys are required; `None` where nobody needs one.
    pub scope: Option<Scope>,
}

const PUBLIC: Option<Scope> = None;
const READ: Option<Scope> = Some(Scope::Read);
const TASKS: Option<Scope> = Some(Scope::Tasks);
const FULL: Option<Scope> = Some(Scope::Full);

/// The route table. The tests hold the router, the `OpenAPI` document and the binaries to it.
pub const ROUTES: &[Route] = &[
    Route { path: "/admin/orphaned-state", method: "GET", function: "get_orphaned_state", scope: FULL },
    Route { path: "/admin/queue-status", method: "GET", function: "get_queue_status", scope: FULL },
    Route { path: "/admin/slots", method: "GET", function: "get_slots", scope: FULL },
    Route { path: "/api-keys", method: "GET", function: "list_api_keys", scope: FULL },
    Route { path: "/api-keys", method: "POST", function: "create_api_key", scope: FULL },
    Route { path: "/api-keys/{key_id}", method: "DELETE", function: "revoke_api_key", scope: FULL },
    Route { path: "/dashboard", method: "GET", function: "get_dashboard", scope: READ },
    Route { path: "/docs", method: "GET", function: "get_docs", scope: PUBLIC },
    Route { path: "/docs/{file}", method: "GET", function: "get_docs_file", scope: PUBLIC },
    Route { path: "/experiments", method: "GET", function: "list_experiments", scope: READ },
    Route { path: "/experiments/{experiment_id}", method: "DELETE", function: "delete_experiment", scope: FULL },
    Route { path: "/experiments/{experiment_id}", method: "GET", function: "get_experiment", scope: READ },
    Route { path: "/experiments/{experiment_id}", method: "PATCH", function: "rename_experiment", scope: FULL },
    Route { path: "/experiments/{experiment_id}/cancel", method: "POST", function: "cancel_experiment", scope: TASKS },
    Route { path: "/experiments/{experiment_id}/publish", method: "POST", function: "publish_experiment", scope: FULL },
    Route { path: "/experiments/{experiment_id}/retry", method: "POST", function: "retry_experiment", scope: TASKS },
    Route { path: "/experiments/{experiment_id}/share", method: "GET", function: "get_experiment_share", scope: READ },
    Route {
        path: "/experiments/{experiment_id}/unpublish",
        method: "POST",
        function: "unpublish_experiment",
        scope: FULL,
    },
    Route { path: "/health", method: "GET", function: "get_health", scope: PUBLIC },
    Route { path: "/openapi.json", method: "GET", function: "get_openapi", scope: PUBLIC },
    Route { path: "/public/experiments", method: "GET", function: "list_public_experiments", scope: PUBLIC },
    Route { path: "/public/experiments/{token}", method: "GET", function: "get_public_experiment", scope: PUBLIC },
    Route { path: "/public/experiments/{token}/tasks", method: "GET", function: "list_public_tasks", scope: PUBLIC },
    Route { path: "/public/tasks/{task_id}", method: "GET", function: "get_public_task", scope: PUBLIC },
    Route { path: "/public/tasks/{task_id}/files", method: "GET", function: "list_public_task_files", scope: PUBLIC },
    Route {
        path: "/public/tasks/{task_id}/files/{*path}",
        method: "GET",
        function: "get_public_task_file",
        scope: PUBLIC,
    },
    Route { path: "/public/tasks/{task_id}/trials", method: "GET", function: "list_public_task_trials", scope: PUBLIC },
    Route {
        path: "/public/trials/{trial_id}/files",
        method: "GET",
        function: "list_public_trial_files",
        scope: PUBLIC,
    },
    Route {
        path: "/public/trials/{trial_id}/files/{*path}",
        method: "GET",
        function: "get_public_trial_file",
        scope: PUBLIC,
    },
    Route { path: "/public/trials/{trial_id}/logs", method: "GET", function: "get_public_trial_logs", scope: PUBLIC },
    Route {
        path: "/public/trials/{trial_id}/logs/structured",
        method: "GET",
        function: "get_public_trial_structured_logs",
        scope: PUBLIC,
    },
    Route {
        path: "/public/trials/{trial_id}/result",
        method: "GET",
        function: "get_public_trial_result",
        scope: PUBLIC,
    },
    Route {
        path: "/public/trials/{trial_id}/trajectory",
        method: "GET",
        function: "get_public_trial_trajectory",
        scope: PUBLIC,
    },
    Route { path: "/queues", method: "GET", function: "list_queues", scope: READ },
    Route { path: "/queues/{*key}", method: "GET", function: "get_queue", scope: READ },
    Route { path: "/queues/{*key}", method: "PATCH", function: "update_queue", scope: FULL },
    Route { path: "/tasks", method: "GET", function: "list_tasks", scope: READ },
    Route { path: "/tasks/browse", method: "GET", function: "browse_tasks", scope: READ },
    Route { path: "/tasks/cancel", method: "POST", function: "cancel_tasks", scope: TASKS },
    Route { path: "/tasks/sweep", method: "POST", function: "create_sweep", scope: TASKS },
    Route { path: "/tasks/upload", method: "POST", function: "upload_task", scope: TASKS },
    Route { path: "/tasks/upload/complete", method: "POST", function: "complete_upload", scope: TASKS },
    Route { path: "/tasks/upload/init", method: "POST", function: "init_upload", scope: TASKS },
    Route { path: "/tasks/{task_id}", method: "DELETE", function: "delete_task", scope: FULL },
    Route { path: "/tasks/{task_id}", method: "GET", function: "get_task", scope: READ },
    Route { path: "/tasks/{task_id}/analysis/retry", method: "POST", function: "retry_task_analysis", scope: TASKS },
    Route { path: "/tasks/{task_id}/files", method: "GET", function: "list_task_files", scope: READ },
    Route { path: "/tasks/{task_id}/files/{*path}", method: "GET", function: "get_task_file", scope: READ },
    Route { path: "/tasks/{task_id}/trials", method: "GET", function: "list_task_trials", scope: READ },
    Route { path: "/tasks/{task_id}/trials/{index}", method: "GET", function: "get_task_trial", scope: READ },
    Route { path: "/tasks/{task_id}/verdict/retry", method: "POST", function: "retry_verdict", scope: TASKS },
    Route { path: "/tasks/{task_id}/versions", method: "GET", function: "list_task_versions", scope: READ },
    Route { path: "/tasks/{task_id}/versions/{version}", method: "GET", function: "get_task_version", scope: READ },
    Route { path: "/trials", method: "GET", function: "list_trials", scope: READ },
    Route { path: "/trials/import/complete", method: "POST", function: "complete_import", scope: TASKS },
    Route { path: "/trials/import/init", method: "POST", function: "init_import", scope: TASKS },
    Route { path: "/trials/{trial_id}", method: "DELETE", function: "delete_trial", scope: FULL },
    Route { path: "/trials/{trial_id}", method: "GET", function: "get_trial", scope: READ },
    Route { path: "/trials/{trial_id}/analysis/retry", method: "POST", function: "retry_trial_analysis", scope: TASKS },
    Route { path: "/trials/{trial_id}/cancel", method: "POST", function: "cancel_trial", scope: TASKS },
    Route { path: "/trials/{trial_id}/debug-files", method: "GET", function: "get_trial_debug_files", scope: READ },
    Route { path: "/trials/{trial_id}/files", method: "GET", function: "list_trial_files", scope: READ },
    Route { path: "/trials/{trial_id}/files/{*path}", method: "GET", function: "get_trial_file", scope: READ },
    Route { path: "/trials/{trial_id}/logs", method: "GET", function: "get_trial_logs", scope: READ },
    Route {
        path: "/trials/{trial_id}/logs/structured",
        method: "GET",
        function: "get_trial_structured_logs",
        scope: READ,
    },
    Route { path: "/trials/{trial_id}/result", method: "GET", function: "get_trial_result", scope: READ },
    Route { path: "/trials/{trial_id}/retry", method: "POST", function: "retry_trial", scope: TASKS },
    Route { path: "/trials/{trial_id}/trajectory", method: "GET", function: "get_trial_trajectory", scope: READ },
];

/// What the document says of a path whose last parameter may contain slashes: the parameter's name. `OpenAPI` has no word for it.
pub const TAKES_SLASHES: &str = "x-takes-slashes";

/// The functions that serve no route: events invoke them, or, for `not_found`, requests that no route takes.
pub const EVENT_FUNCTIONS: &[&str] = &["dispatch", "migrate", "not_found", "reconcile"];

/// The functions whose handlers bound the body as they stream it; axum's own bound would end it at 2 MB.
pub const BOUNDS_ITS_BODY: &[&str] = &["upload_task"];

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
    layers::around(all::<Everything>().split_for_parts().0.with_state(state).merge(beside))
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
