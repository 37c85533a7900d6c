//! Running one route as a Lambda function.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::process::ExitCode;

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router, middleware};
use http::{Method, header};
use lambda_http::Adapter;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use lambda_http::request::LambdaRequest;
use oddish_domain::settings::Settings;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use tower::Service as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::answer::AnswerBound;
use crate::layers;
use crate::payload;
use crate::routes::{BOUNDS_ITS_BODY, ROUTES};
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
pub fn run<S: FromSettings, T: 'static>(function: &str, handler: impl Handler<T, S>) -> ExitCode {
    match route(function, handler) {
        Ok(router) => serve(router),
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
pub fn serve<S: FromSettings>(router: Router<S>) -> ExitCode {
    start(async |settings: Settings| {
        let state = S::from_settings(&settings).await?;
        let app = whole(router.with_state(state));
        lambda_runtime::run(service_fn(move |event| answer(app.clone(), event))).await
    })
}

/// A function's route with everything around it.
pub fn whole(router: Router) -> Router {
    layers::around(router.layer(Extension(AnswerBound::OF_A_FUNCTION))).layer(middleware::from_fn(payload::bound))
}

/// Runs a function's whole life: its log, its async runtime, and what it makes of the environment's settings. What goes wrong is logged.
#[must_use]
pub fn start(function: impl AsyncFnOnce(Settings) -> Result<(), lambda_runtime::Error>) -> ExitCode {
    let filter: Option<Targets> = std::env::var("ODDISH_LOG").ok().and_then(|text| text.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    tracing_subscriber::registry().with(tracing_subscriber::fmt::layer().json()).with(filter).init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the async runtime cannot start");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(function(Settings::from_map(environment()))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the function cannot start, or its runtime ended");
            ExitCode::FAILURE
        }
    }
}

/// The variables that are text. Others are none of ours.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
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
