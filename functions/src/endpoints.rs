//! The list of endpoints.
//!
//! A row names a handler (`<resource>::<verb>`, in `src/<resource>/<verb>.rs`), the capabilities that it works with
//! ([`state`](crate::state)) and the scope that a caller's key needs. Path, method and operation id come from the handler's own
//! `utoipa::path` attribute. The router, the `OpenAPI` document, and, through `functions/endpoints.json`, the functions and roles in
//! template.yaml are made from this list.

use std::fmt;
use std::sync::LazyLock;

use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodFilter, MethodRouter, on};
use futures_util::future::LocalBoxFuture;
use http::Method;
use oddish_domain::api_key::Scope;
use oddish_domain::settings::Settings;
use utoipa::Path;
use utoipa::openapi::path::HttpMethod;
use utoipa_axum::paste;

use crate::state::{
    AcceptsImports, AcceptsUploads, AnnouncesImports, AnnouncesUploads, Capabilities, Database, DatabaseAndFiles,
    Deletes, Everything, Files, Judging, Nothing, Public, PublicFiles, State, StateError, StoresUploads, Sweeps, Wakes,
};

/// No key is needed.
const ANYONE: Option<Scope> = None;
const READ: Option<Scope> = Some(Scope::Read);
const TASKS: Option<Scope> = Some(Scope::Tasks);
const FULL: Option<Scope> = Some(Scope::Full);

macro_rules! endpoints {
    ($($resource:ident :: $verb:ident, $state:ident, $scope:ident;)*) => {
        /// All endpoints, by path and method.
        pub static ENDPOINTS: LazyLock<Vec<Endpoint>> = LazyLock::new(|| {
            let mut endpoints = vec![$(endpoint!($resource, $verb, $state, $scope)),*];
            endpoints.sort_by(|a, b| (&a.path, a.method.as_str()).cmp(&(&b.path, b.method.as_str())));
            endpoints
        });
    };
}

macro_rules! endpoint {
    ($resource:ident, $verb:ident, $state:ident, $scope:ident) => {
        paste! {{
            use crate::$resource::$verb::{$verb, [<__path_ $verb>] as Described};
            Endpoint {
                name: stringify!($verb),
                path: Described::path(),
                method: method::<Described>(),
                scope: $scope,
                capabilities: $state::CAPABILITIES,
                serve: |state| on(filter::<Described>(), $verb).with_state($state::of(state)),
                open: |settings| Box::pin(async {
                    Ok(on(filter::<Described>(), $verb).with_state($state::from_settings(settings).await?))
                }),
                #[cfg(feature = "document")]
                describe: || {
                    let (schemas, paths, _): utoipa_axum::router::UtoipaMethodRouter<$state> =
                        utoipa_axum::routes!(crate::$resource::$verb::$verb);
                    (schemas, paths)
                },
            }
        }}
    };
}

endpoints! {
    // What operators look at
    admin::get_orphaned_state,                      Database,         FULL;
    admin::get_queue_status,                        Database,         FULL;
    admin::get_slots,                               Database,         FULL;
    // API keys
    api_keys::list_api_keys,                        Database,         FULL;
    api_keys::create_api_key,                       Database,         FULL;
    api_keys::revoke_api_key,                       Database,         FULL;
    // The dashboard
    dashboard::get_dashboard,                       Database,         READ;
    // The documentation of the API
    docs::get_docs,                                 Nothing,          ANYONE;
    docs::get_docs_file,                            Nothing,          ANYONE;
    docs::get_openapi,                              Nothing,          ANYONE;
    // Experiments
    experiments::list_experiments,                  Database,         READ;
    experiments::delete_experiment,                 Deletes,          FULL;
    experiments::get_experiment,                    Database,         READ;
    experiments::rename_experiment,                 Database,         FULL;
    experiments::cancel_experiment,                 Wakes,            TASKS;
    experiments::compare_experiments,               Database,         READ;
    experiments::publish_experiment,                Database,         FULL;
    experiments::get_experiment_results,            Database,         READ;
    experiments::retry_experiment,                  Wakes,            TASKS;
    experiments::get_experiment_share,              Database,         READ;
    experiments::unpublish_experiment,              Database,         FULL;
    // Health and versions
    health::get_health,                             Public,           ANYONE;
    health::get_version,                            Database,         READ;
    // Shared experiments, by their token
    public::list_public_experiments,                Public,           ANYONE;
    public::get_public_experiment,                  Public,           ANYONE;
    public::list_public_tasks,                      Public,           ANYONE;
    public::get_public_task,                        Public,           ANYONE;
    public::list_public_task_files,                 PublicFiles,      ANYONE;
    public::get_public_task_file,                   PublicFiles,      ANYONE;
    public::list_public_task_trials,                Public,           ANYONE;
    public::list_public_trial_files,                PublicFiles,      ANYONE;
    public::get_public_trial_file,                  PublicFiles,      ANYONE;
    public::get_public_trial_logs,                  PublicFiles,      ANYONE;
    public::get_public_trial_structured_logs,       PublicFiles,      ANYONE;
    public::get_public_trial_result,                PublicFiles,      ANYONE;
    public::get_public_trial_trajectory,            PublicFiles,      ANYONE;
    // Queue keys
    queues::list_queues,                            Database,         READ;
    queues::get_queue,                              Database,         READ;
    queues::update_queue,                           Wakes,            FULL;
    // Tasks: uploads, sweeps and what comes of them
    tasks::list_tasks,                              Database,         READ;
    tasks::browse_tasks,                            Database,         READ;
    tasks::cancel_tasks,                            Wakes,            TASKS;
    tasks::create_sweep,                            Sweeps,           TASKS;
    tasks::upload_task,                             StoresUploads,    TASKS;
    tasks::complete_upload,                         AcceptsUploads,   TASKS;
    tasks::init_upload,                             AnnouncesUploads, TASKS;
    tasks::delete_task,                             Deletes,          FULL;
    tasks::get_task,                                Database,         READ;
    tasks::retry_task_analysis,                     Judging,          TASKS;
    tasks::list_task_files,                         DatabaseAndFiles, READ;
    tasks::get_task_file,                           DatabaseAndFiles, READ;
    tasks::list_task_trials,                        Database,         READ;
    tasks::get_task_trial,                          Database,         READ;
    tasks::retry_verdict,                           Judging,          TASKS;
    tasks::list_task_versions,                      Database,         READ;
    tasks::get_task_version,                        Database,         READ;
    // Trials: imports, files and logs
    trials::list_trials,                            Database,         READ;
    trials::complete_import,                        AcceptsImports,   TASKS;
    trials::init_import,                            AnnouncesImports, TASKS;
    trials::delete_trial,                           Deletes,          FULL;
    trials::get_trial,                              Database,         READ;
    trials::retry_trial_analysis,                   Judging,          TASKS;
    trials::cancel_trial,                           Wakes,            TASKS;
    trials::get_trial_debug_files,                  DatabaseAndFiles, READ;
    trials::list_trial_files,                       DatabaseAndFiles, READ;
    trials::get_trial_file,                         DatabaseAndFiles, READ;
    trials::get_trial_logs,                         DatabaseAndFiles, READ;
    trials::get_trial_structured_logs,              DatabaseAndFiles, READ;
    trials::get_trial_result,                       DatabaseAndFiles, READ;
    trials::retry_trial,                            Wakes,            TASKS;
    trials::get_trial_trajectory,                   DatabaseAndFiles, READ;
}

/// The schemas that an operation uses, by name, and its path.
#[cfg(feature = "document")]
type Description =
    (Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>, utoipa::openapi::path::Paths);

/// One endpoint.
pub struct Endpoint {
    /// Name of the handler, which is the operation id and the name of the function.
    pub name: &'static str,
    /// Path, with parameters in braces; a star is before one that may contain slashes.
    pub path: String,
    /// HTTP method.
    pub method: Method,
    /// The scope that a caller needs where keys are required; `None` where no key is needed.
    pub scope: Option<Scope>,
    /// What it works with.
    pub capabilities: Capabilities,
    serve: fn(&Everything) -> MethodRouter,
    open: for<'a> fn(&'a Settings) -> LocalBoxFuture<'a, Result<MethodRouter, StateError>>,
    #[cfg(feature = "document")]
    describe: fn() -> Description,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.name, self.method, self.path)
    }
}

impl Endpoint {
    /// The endpoint of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ENDPOINTS.iter().find(|endpoint| endpoint.name == name)
    }

    /// Its route, with its capabilities taken from all.
    pub(crate) fn serve(&self, state: &Everything) -> MethodRouter {
        self.bounded((self.serve)(state))
    }

    /// Its route, with its own capabilities built from the settings, and no others.
    pub async fn open(&self, settings: &Settings) -> Result<MethodRouter, StateError> {
        Ok(self.bounded((self.open)(settings).await?))
    }

    /// Adds its operation to the document.
    #[cfg(feature = "document")]
    pub(crate) fn describe(&self, document: &mut utoipa::openapi::OpenApi) {
        let (schemas, paths) = (self.describe)();
        document.components.get_or_insert_default().schemas.extend(schemas);
        document.paths.merge(paths);
    }

    /// What takes archives bounds them by the rules of uploads as it reads; axum's own bound of 2 MB holds for all others.
    fn bounded(&self, route: MethodRouter) -> MethodRouter {
        if self.capabilities.files == Some(Files::Store) { route.layer(DefaultBodyLimit::disable()) } else { route }
    }
}

fn method<P: Path>() -> Method {
    match P::methods().first() {
        Some(HttpMethod::Post) => Method::POST,
        Some(HttpMethod::Put) => Method::PUT,
        Some(HttpMethod::Patch) => Method::PATCH,
        Some(HttpMethod::Delete) => Method::DELETE,
        _ => Method::GET,
    }
}

fn filter<P: Path>() -> MethodFilter {
    match P::methods().first() {
        Some(HttpMethod::Post) => MethodFilter::POST,
        Some(HttpMethod::Put) => MethodFilter::PUT,
        Some(HttpMethod::Patch) => MethodFilter::PATCH,
        Some(HttpMethod::Delete) => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}
