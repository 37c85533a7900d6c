//! The program `api`: one endpoint, or all of them.

use axum::Router;
use lambda_http::lambda_runtime::{self, service_fn};
use oddish_domain::settings::Settings;

use super::{answer, measured, not_found, whole};
use crate::endpoints::{ENDPOINTS, Endpoint};
use crate::http::router;
use crate::state::{Everything, State as _, StateError};

/// The variable of Lambda's runtime interface that holds the function's handler, as its configuration names it.
const HANDLER: &str = "_HANDLER";
/// The name that `cargo lambda deploy` writes, and that `cargo lambda watch` runs with: all endpoints in one function.
const ALL: &str = "bootstrap";
/// The name of the gateway's `$default` route.
const NOT_FOUND: &str = "not_found";

/// What this function serves.
#[derive(Clone, Copy)]
enum Serves {
    All,
    One(&'static Endpoint),
    NotFound,
}

/// The handler names no endpoint.
#[derive(Debug, thiserror::Error)]
#[error(
    "no endpoint is called {0:?}: the function's handler must be one of the {count} names in functions/endpoints.json, `{NOT_FOUND}`, or \
     `{ALL}` for all endpoints at once",
    count = ENDPOINTS.len()
)]
pub struct UnknownHandler(String);

/// Serves what the function's handler names, until the runtime ends the process.
///
/// The capabilities of an endpoint are built here, outside the requests; connections are made when they are first used.
pub async fn run(settings: Settings) -> Result<(), lambda_runtime::Error> {
    let name = std::env::var(HANDLER).unwrap_or_else(|_| ALL.to_owned());
    let serves = Serves::named(&name)?;
    let app = measured(serves.name(), whole(serves.router(&settings).await?));
    lambda_runtime::run(service_fn(move |event| answer(app.clone(), event))).await
}

impl Serves {
    fn named(name: &str) -> Result<Self, UnknownHandler> {
        match name {
            ALL | "" => Ok(Self::All),
            NOT_FOUND => Ok(Self::NotFound),
            name => Endpoint::named(name).map(Self::One).ok_or_else(|| UnknownHandler(name.to_owned())),
        }
    }

    /// The name that its metrics have.
    fn name(self) -> &'static str {
        match self {
            Self::All => "api",
            Self::One(endpoint) => endpoint.name,
            Self::NotFound => NOT_FOUND,
        }
    }

    async fn router(self, settings: &Settings) -> Result<Router, StateError> {
        Ok(match self {
            Self::All => router::all(&Everything::from_settings(settings).await?),
            Self::One(endpoint) => Router::new().route(&endpoint.path, endpoint.open(settings).await?),
            Self::NotFound => not_found::router(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_names_an_endpoint_or_all() {
        let name = |handler| Serves::named(handler).map(Serves::name).map_err(|error| error.to_string());
        for endpoint in ENDPOINTS.iter() {
            assert_eq!(name(endpoint.name), Ok(endpoint.name));
        }
        assert_eq!((name(ALL), name(""), name(NOT_FOUND)), (Ok("api"), Ok("api"), Ok(NOT_FOUND)));
        let refused = name("get_moon").unwrap_err();
        assert!(refused.starts_with("no endpoint is called \"get_moon\""), "{refused}");
    }
}
