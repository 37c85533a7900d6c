//! All routes: one router for the local server, one `OpenAPI` document, one function a row.

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AuthMode;
use crate::state::{Artifacts, Db, Everything, Limits, UploadRules, Wake};
use crate::{docs, health, layers, tasks, trials};

/// One endpoint and the function that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Path, with parameters in braces.
    pub path: &'static str,
    /// HTTP method, upper case.
    pub method: &'static str,
    /// Name of the function and of its binary, which is the operation id too.
    pub function: &'static str,
}

/// The route table. The tests hold the router, the `OpenAPI` document and the binaries to it.
pub const ROUTES: &[Route] = &[
    Route { path: "/docs", method: "GET", function: "get_docs" },
    Route { path: "/docs/{file}", method: "GET", function: "get_docs_file" },
    Route { path: "/health", method: "GET", function: "get_health" },
    Route { path: "/openapi.json", method: "GET", function: "get_openapi" },
    Route { path: "/tasks", method: "GET", function: "list_tasks" },
    Route { path: "/tasks/sweep", method: "POST", function: "create_sweep" },
    Route { path: "/tasks/upload", method: "POST", function: "upload_task" },
    Route { path: "/tasks/upload/complete", method: "POST", function: "complete_upload" },
    Route { path: "/tasks/upload/init", method: "POST", function: "init_upload" },
    Route { path: "/tasks/{task_id}", method: "GET", function: "get_task" },
    Route { path: "/tasks/{task_id}/trials/{index}", method: "GET", function: "get_task_trial" },
    Route { path: "/trials/{trial_id}/logs", method: "GET", function: "get_trial_logs" },
    Route { path: "/trials/{trial_id}/result", method: "GET", function: "get_trial_result" },
];

/// The functions that serve no route: events invoke them.
pub const EVENT_FUNCTIONS: &[&str] = &["dispatch"];

#[derive(OpenApi)]
#[openapi(info(
    title = "Oddish - Eval Scheduler API",
    description = "Runs trials of AI agents on Harbor tasks, within a concurrency limit for each model."
))]
struct Document;

fn all<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    AuthMode: FromRef<S>,
    Db: FromRef<S>,
    Artifacts: FromRef<S>,
    UploadRules: FromRef<S>,
    Limits: FromRef<S>,
    Wake: FromRef<S>,
{
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(docs::get_docs))
        .routes(routes!(docs::get_docs_file))
        .routes(routes!(docs::get_openapi))
        .routes(routes!(health::get_health))
        .routes(routes!(tasks::complete_upload::complete_upload))
        .routes(routes!(tasks::create_sweep::create_sweep))
        .routes(routes!(tasks::get_task::get_task))
        .routes(routes!(tasks::get_task_trial::get_task_trial))
        .routes(routes!(tasks::init_upload::init_upload))
        .routes(routes!(tasks::list_tasks::list_tasks))
        .merge(upload())
        .routes(routes!(trials::get_trial_logs::get_trial_logs))
        .routes(routes!(trials::get_trial_result::get_trial_result))
}

/// The upload's handler bounds the form as it streams it; axum's own bound would end it at 2 MB.
pub fn upload<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    AuthMode: FromRef<S>,
    Db: FromRef<S>,
    Artifacts: FromRef<S>,
    UploadRules: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(tasks::upload_task::upload_task)).layer(DefaultBodyLimit::disable())
}

/// Every endpoint in one router, for the local server, with routes of the server's own beside them.
pub fn router(state: Everything, beside: Router) -> Router {
    layers::around(all::<Everything>().split_for_parts().0.with_state(state).merge(beside))
}

/// The `OpenAPI` document of every endpoint.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    all::<Everything>().split_for_parts().1
}
