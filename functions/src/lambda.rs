//! The programs that Lambda runs: [`api`], [`dispatch`], [`reconcile`] and [`migrate`]. Nothing else of this crate knows Lambda.

pub mod api;
pub mod dispatch;
mod latency;
pub mod migrate;
pub mod not_found;
mod payload;
pub mod reconcile;

use std::convert::Infallible;
use std::process::ExitCode;

use axum::{Extension, Router, middleware};
use http::{HeaderValue, header};
use lambda_http::Adapter;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::request::LambdaRequest;
use oddish_domain::settings::{Settings, unicode_variables};
use oddish_telemetry::Output;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use tower::Service as _;
use tracing::Instrument as _;

use crate::http::answer::AnswerBound;
use crate::http::layers;
use crate::http::safe_headers;

/// What would end a path, or be turned into a slash, once the path is put into a URL. A percent sign stays: it is part of an escape.
const NOT_IN_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'?').add(b'#').add(b'\\').add(b'"').add(b'<').add(b'>');
/// What a URL's query can't hold.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'"').add(b'<').add(b'>');

/// A function's route with everything around it.
pub fn whole(router: Router) -> Router {
    let app = layers::around(router.layer(Extension(AnswerBound::OF_A_FUNCTION)));
    // Outside too, for what is answered in place of an answer that is too large.
    safe_headers::on(app.layer(middleware::from_fn(payload::bound)))
}

/// A function's app that counts how long its answers take, and of which class they are.
pub fn measured(function: &'static str, app: Router) -> Router {
    app.layer(middleware::from_fn_with_state(function, latency::measure))
}

/// Runs a function's whole life: its log, its async runtime, and what it makes of the environment's settings. What goes wrong is logged.
#[must_use]
pub fn start(function: impl AsyncFnOnce(Settings) -> Result<(), lambda_runtime::Error>) -> ExitCode {
    let settings = Settings::from_map(unicode_variables(std::env::vars_os()));
    if let Err(error) = oddish_telemetry::start(&settings, Output::Function) {
        tracing::error!(error = &error as &dyn std::error::Error, "the function cannot start");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the async runtime cannot start");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(function(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the function cannot start, or its runtime ended");
            ExitCode::FAILURE
        }
    }
}

/// Answers one event of an API Gateway HTTP API (payload format 2.0) from `app`.
///
/// A named stage in front of the path is taken off, so that routes are the same in every stage. A request that brings no id of its own has
/// the gateway's.
pub async fn answer(
    app: Router,
    LambdaEvent { mut payload, context }: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<impl Serialize, Infallible> {
    make_convertible(&mut payload);
    let of_gateway = payload.request_context.request_id.clone();
    if let Some(id) = of_gateway.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
        payload.headers.entry(layers::REQUEST_ID).or_insert(id);
    }
    let span = tracing::error_span!(
        "invocation",
        gateway_request_id = of_gateway,
        lambda_request_id = context.request_id.as_str()
    );
    let event = LambdaEvent::new(LambdaRequest::ApiGatewayV2(payload), context);
    // The adapter calls the service at once, not when it is first polled.
    let answered = span.in_scope(|| Adapter::from(app).call(event));
    answered.instrument(span).await
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
