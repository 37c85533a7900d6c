//! `GET` and `PUT /artifacts/{key}`: the signed URLs of the folder store, which on AWS are S3's own.
//!
//! Not an endpoint of the API: what a request may do is in its URL, and nobody but this server makes them.

use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::StreamExt as _;
use oddish_artifacts::signing::{self, SignedQuery, SigningKey};
use oddish_artifacts::{Key, SharedStore, in_pieces};
use oddish_functions::http::error::ApiError;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

/// What the route works with.
#[derive(Clone)]
pub(crate) struct Artifacts {
    pub(crate) store: SharedStore,
    pub(crate) key: SigningKey,
    /// Bytes of an object whose URL does not fix its size.
    pub(crate) max_bytes: u64,
}

/// The route.
pub(crate) fn router(artifacts: Artifacts) -> Router {
    Router::new().route("/artifacts/{*key}", any(serve)).layer(DefaultBodyLimit::disable()).with_state(artifacts)
}

async fn serve(
    State(artifacts): State<Artifacts>,
    key: Result<Path<String>, PathRejection>,
    query: Result<Query<SignedQuery>, QueryRejection>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Path(key) = key.map_err(|refused| ApiError::bad_request(refused.body_text()))?;
    let Query(query) = query.map_err(|refused| ApiError::bad_request(refused.body_text()))?;
    let key = Key::parse(key).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let verified = signing::verify(&artifacts.key, method.as_str(), &key, &query, length, SystemTime::now())
        .map_err(|refused| ApiError::new(StatusCode::FORBIDDEN, refused.to_string()))?;
    if method == Method::GET {
        return get(&artifacts.store, &key).await;
    }
    put(&artifacts, &key, body, verified.size.unwrap_or(artifacts.max_bytes)).await
}

async fn get(store: &SharedStore, key: &Key) -> Result<Response, ApiError> {
    let absent = || ApiError::not_found(format!("There is no object {key}"));
    let object = store.head(key).await?.ok_or_else(absent)?;
    let body = Body::from_stream(in_pieces(SharedStore::clone(store), object.key, 0..object.size));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(object.size));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// Streams the body to a file first: an object appears whole or not at all.
async fn put(artifacts: &Artifacts, key: &Key, body: Body, most: u64) -> Result<Response, ApiError> {
    let (file, path) = NamedTempFile::new().map_err(|error| ApiError::internal(&error))?.into_parts();
    let mut writer = tokio::io::BufWriter::new(tokio::fs::File::from_std(file));
    let mut stream = body.into_data_stream();
    let mut bytes = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| ApiError::bad_request("The body could not be read to its end."))?;
        bytes += chunk.len() as u64;
        if bytes > most {
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body has more than {most} bytes.")));
        }
        writer.write_all(&chunk).await.map_err(|error| ApiError::internal(&error))?;
    }
    writer.flush().await.map_err(|error| ApiError::internal(&error))?;
    artifacts.store.put_file(key, &path).await?;
    Ok(StatusCode::OK.into_response())
}
