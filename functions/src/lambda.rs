//! Running one route as a Lambda function.

use std::process::ExitCode;

use oddish_domain::settings::Settings;
use utoipa_axum::router::OpenApiRouter;

use crate::layers;
use crate::state::FromSettings;

/// Runs the routes of `router` on Lambda, with the capabilities that `S` names, until the runtime ends the process.
///
/// Everything that can be built once is built here, outside the requests; connections are made when they are first used.
#[must_use]
pub fn run<S: FromSettings>(router: OpenApiRouter<S>) -> ExitCode {
    tracing_subscriber::fmt().json().with_env_filter(tracing_subscriber::EnvFilter::from_env("ODDISH_LOG")).init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the async runtime cannot start");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
        let state = match S::from_settings(&Settings::from_map(std::env::vars().collect())) {
            Ok(state) => state,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the function cannot start");
                return ExitCode::FAILURE;
            }
        };
        let app = layers::around(router.split_for_parts().0.with_state(state));
        match lambda_http::run(app).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(error, "the Lambda runtime ended");
                ExitCode::FAILURE
            }
        }
    })
}
