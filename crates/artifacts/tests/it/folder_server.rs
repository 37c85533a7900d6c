//! The least server that makes a folder's signed URLs work.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, Query, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use oddish_artifacts::signing::{SignedQuery, SigningKey, verify};
use oddish_artifacts::{FolderStore, Key, SharedStore, StoreError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Serves a folder for as long as it lives.
pub(crate) struct FolderServer(JoinHandle<()>);

impl FolderServer {
    /// A server, and a store in `root` whose URLs lead to it.
    pub(crate) async fn start(root: &Path) -> (Self, SharedStore) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/", listener.local_addr().unwrap());
        let key = SigningKey::generate();
        let store: SharedStore = Arc::new(FolderStore::open(root).unwrap().with_signing(key.clone(), base_url));
        let app = Router::new().route("/artifacts/{*key}", any(serve)).with_state((key, Arc::clone(&store)));
        (Self(tokio::spawn(async move { axum::serve(listener, app).await.unwrap() })), store)
    }
}

impl Drop for FolderServer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn serve(
    State((signing_key, store)): State<(SigningKey, SharedStore)>,
    UrlPath(key): UrlPath<String>,
    Query(query): Query<SignedQuery>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = Key::parse(key).unwrap();
    let length = headers.get(CONTENT_LENGTH).map(|length| length.to_str().unwrap().parse().unwrap());
    if let Err(refused) = verify(&signing_key, method.as_str(), &key, &query, length, SystemTime::now()) {
        return (StatusCode::FORBIDDEN, refused.to_string()).into_response();
    }
    match method {
        Method::GET => match store.get(&key).await {
            Ok(content) => ([("content-disposition", "attachment")], content).into_response(),
            Err(StoreError::NotFound { .. }) => StatusCode::NOT_FOUND.into_response(),
            Err(error) => panic!("{error}"),
        },
        Method::PUT => {
            store.put(&key, body).await.unwrap();
            StatusCode::OK.into_response()
        }
        _ => panic!("{method} passed"),
    }
}
