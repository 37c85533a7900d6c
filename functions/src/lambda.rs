//! Running one route as a Lambda function.

use std::convert::Infallible;
use std::io::Write as _;
use std::process::ExitCode;

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router, middleware};
use http::{HeaderValue, Method, header};
use lambda_http::Adapter;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use lambda_http::request::LambdaRequest;
use oddish_domain::settings::{Settings, unicode_variables};
use oddish_telemetry::Output;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use tower::Service as _;
use tracing::Instrument as _;

use crate::answer::AnswerBound;
use crate::latency;
use crate::layers;
use crate::payload;
use crate::routes::{BOUNDS_ITS_BODY, ROUTES};
use crate::safe_headers;
use crate::state::FromSettings;

/// What would end a path, or be turned into a slash, once the path is put into a URL. A percent sign stays: it is part of an escape.
const NOT_IN_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'?').add(b'#').add(b'\\').add(b'"').add(b'<').add(b'>');
/// What a URL's query can't hold.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'"').add(b'<').add(b'>');

/// Runs the route of a function on Lambda, with the capabilities that `S` names, until the runtime ends the process.
///
/// Everything that can be built once is built here, outside the requests; connections are made when they are first used. The OpenAPI
/// document is not built: it would be a good part of the binary.
#[must_use]
pub fn run<S: FromSettings, T: 'static>(function: &'static str, handler: impl Handler<T, S>) -> ExitCode {
    match route(function, handler) {
        Ok(router) => serve(function, router),
        Err(error) => {
            // Nothing is logged yet, and nothing could be served.
            let _closed = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// The table has no route for a function.
#[derive(Debug, thiserror::Error)]
#[error("no route belongs to the function `{0}`")]
struct NoRoute(String);

/// The route that the table names for a function.
fn route<S: FromSettings, T: 'static>(function: &str, handler: impl Handler<T, S>) -> Result<Router<S>, NoRoute> {
    let of_function = ROUTES.iter().find(|route| route.function == function);
    let no_route = || NoRoute(function.to_owned());
    let route = of_function.ok_or_else(no_route)?;
    let method =
        Method::from_bytes(route.method.as_bytes()).ok().and_then(|method| MethodFilter::try_from(method).ok());
    let served = on(method.ok_or_else(no_route)?, handler);
    let router = Router::new().route(route.path, served);
    Ok(if BOUNDS_ITS_BODY.contains(&function) { router.layer(DefaultBodyLimit::disable()) } else { router })
}

/// Answers requests from `router` on Lambda, with the capabilities that `S` names, until the runtime ends the process.
#[must_use]
pub fn serve<S: FromSettings>(function: &'static str, router: Router<S>) -> ExitCode {
    start(async |settings: Settings| {
        let state = S::from_settings(&settings).await?;
        let app = measured(function, whole(router.with_state(state)));
        lambda_runtime::run(service_fn(move |event| answer(app.clone(), event))).await
    })
}

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
