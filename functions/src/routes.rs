//! The table of all routes, one function a row.

use oddish_domain::api_key::Scope;

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
