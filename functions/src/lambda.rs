//! Running one route as a Lambda function.

use std::convert::Infallible;
use std::process::ExitCode;

use axum::Router;
use http::header;
use lambda_http::Adapter;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use lambda_http::request::LambdaRequest;
use oddish_domain::settings::Settings;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use tower::Service as _;
use tracing_subscriber::EnvFilter;
use utoipa_axum::router::OpenApiRouter;

use crate::layers;
use crate::state::FromSettings;

/// What would end a path, or be turned into a slash, once the path is put into a URL. A percent sign stays: it is part of an escape.
const NOT_IN_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'?').add(b'#').add(b'\\').add(b'"').add(b'<').add(b'>');
/// What a URL's query can't hold.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'"').add(b'<').add(b'>');

/// Runs the routes of `router` on Lambda, with the capabilities that `S` names, until the runtime ends the process.
///
/// Everything that can be built once is built here, outside the requests; connections are made when they are first used.
#[must_use]
pub fn run<S: FromSettings>(router: OpenApiRouter<S>) -> ExitCode {
    let filter = EnvFilter::try_from_env("ODDISH_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().json().with_env_filter(filter).init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the async runtime cannot start");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
        let state = match S::from_settings(&Settings::from_map(std::env::vars().collect())).await {
            Ok(state) => state,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the function cannot start");
                return ExitCode::FAILURE;
            }
        };
        let app = layers::around(router.split_for_parts().0.with_state(state));
        match lambda_runtime::run(service_fn(move |event| answer(app.clone(), event))).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(error, "the Lambda runtime ended");
                ExitCode::FAILURE
            }
        }
    })
}

/// Answers one event of an API Gateway HTTP API (payload format 2.0) from `app`.
///
/// A named stage in front of the path is taken off, so that routes are the same in every stage.
pub async fn answer(
    app: Router,
    LambdaEvent { mut payload, context }: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<impl Serialize, Infallible> {
    make_convertible(&mut payload);
    Adapter::from(app).call(LambdaEvent::new(LambdaRequest::ApiGatewayV2(payload), context)).await
}

/// `lambda_http` panics on a URL that it can't parse, and what is in the path and in these headers is the client's choice.
fn make_convertible(event: &mut ApiGatewayV2httpRequest) {
    let stage = event.request_context.stage.take();
    let path = event.raw_path.take().unwrap_or_default();
    let path = stage.as_deref().map_or(path.as_str(), |stage| without_stage(&path, stage));
    let path = path.strip_prefix('/').unwrap_or(path);
    // API Gateway hands the path over decoded.
    event.raw_path = Some(format!("/{}", utf8_percent_encode(path, NOT_IN_PATH)));
    event.raw_query_string =
        event.raw_query_string.take().map(|query| utf8_percent_encode(&query, NOT_IN_QUERY).to_string());
    // Without a host the request's URL is its path, which is all that a route looks at.
    event.request_context.domain_name = None;
    event.headers.remove(header::HOST);
}

fn without_stage<'path>(path: &'path str, stage: &str) -> &'path str {
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(stage));
    rest.filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(path)
}
