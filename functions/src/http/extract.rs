//! Reading bodies, queries and path parameters, with faults answered as 422 that name the place (docs/compatibility.md, 1.1).

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use oddish::idempotency::IdempotencyKey;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::http::error::ApiError;
use crate::http::idempotency;
use crate::http::media;
use crate::http::query_text;

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let headers = request.headers().clone();
        Self::from_bytes(&headers, &read(request, state).await?)
    }
}

/// A JSON body of a request that may come twice, with the key that says so. `()` takes a request without a body, or ignores it.
#[derive(Debug)]
pub struct Repeatable<T> {
    /// Of the `Idempotency-Key` header, if there is one.
    pub key: Option<IdempotencyKey>,
    /// What is asked for.
    pub body: T,
}

/// What can be made of a body.
pub trait FromBytes: Sized {
    /// Makes it, or says what is wrong with the bytes, or with what the headers say of them.
    fn from_bytes(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, ApiError>;
}

impl<T: DeserializeOwned> FromBytes for Body<T> {
    fn from_bytes(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, ApiError> {
        // Without a body there is nothing that could be written in the wrong way; that it is missing is said below.
        if !bytes.is_empty() {
            media::plain(headers)?;
            media::json(headers)?;
        }
        parse(bytes).map(Self)
    }
}

impl FromBytes for () {
    fn from_bytes(_headers: &HeaderMap, _bytes: &[u8]) -> Result<Self, ApiError> {
        Ok(())
    }
}

impl<T: FromBytes, S: Send + Sync> FromRequest<S> for Repeatable<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let header = idempotency::header(request.headers())?;
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let route =
            request.extensions().get::<MatchedPath>().map_or_else(|| path.clone(), |route| route.as_str().to_owned());
        let headers = request.headers().clone();
        let bytes = read(request, state).await?;
        let key = header.map(|key| idempotency::key(key, &format!("{method} {route}"), &path, &bytes));
        Ok(Self { key, body: T::from_bytes(&headers, &bytes)? })
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large. The limit is 2 MB.")
        } else {
            ApiError::bad_request("The body could not be read to its end.")
        }
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| fault("body", &error))?;
    deserializer
        .end()
        .map_err(|error| ApiError::field("json_invalid", vec![json!("body")], format!("JSON decode error: {error}")))?;
    Ok(value)
}

fn fault(place: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let mut loc = vec![json!(place)];
    loc.extend(path(error.path()));
    let inner = error.inner();
    match inner.classify() {
        serde_json::error::Category::Data => {
            let text = inner.to_string();
            // The position in the text is of no use beside the path.
            let text = text.split(" at line ").next().unwrap_or(&text);
            if let Some(field) = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
                loc.push(json!(field));
                ApiError::field("missing", loc, "Field required")
            } else {
                ApiError::field("type_error", loc, text)
            }
        }
        _ => ApiError::field("json_invalid", vec![json!(place)], format!("JSON decode error: {inner}")),
    }
}

fn path(path: &serde_path_to_error::Path) -> impl Iterator<Item = Value> {
    path.iter().filter_map(|segment| match segment {
        serde_path_to_error::Segment::Seq { index } => Some(json!(index)),
        serde_path_to_error::Segment::Map { key } => Some(json!(key)),
        serde_path_to_error::Segment::Enum { variant } => Some(json!(variant)),
        serde_path_to_error::Segment::Unknown => None,
    })
}

/// The query string.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        query_text::read(query).map(Self).map_err(|error| {
            let mut loc = vec![json!("query")];
            loc.extend(path(error.path()));
            ApiError::field("type_error", loc, error.inner().to_string())
        })
    }
}

/// The parameters in the path.
#[derive(Debug)]
pub struct PathOf<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let extracted: Result<axum::extract::Path<T>, PathRejection> =
            axum::extract::Path::from_request_parts(parts, state).await;
        extracted
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection| ApiError::field("type_error", vec![json!("path")], rejection.body_text()))
    }
}
