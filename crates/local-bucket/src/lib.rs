#![doc = include_str!("../README.md")]

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::service_fn;

/// A server with one bucket, and nothing else in it. Dropping it closes the socket; the files stay.
#[derive(Debug)]
pub struct LocalBucket {
    /// `http://address:port`.
    pub endpoint_url: String,
    gate: Arc<Gate>,
    server: JoinHandle<io::Result<()>>,
}

/// Name of the bucket, and who may use it.
#[derive(Clone)]
pub struct Access {
    /// The bucket.
    pub bucket: String,
    /// Access key id.
    pub access_key: String,
    /// Secret access key.
    pub secret_key: String,
}

/// What stands before s3s-fs.
#[derive(Debug)]
struct Gate {
    /// Name of the bucket.
    name: String,
    folder: PathBuf,
    /// Method and URL of every request.
    seen: Mutex<Vec<String>>,
    /// A request whose URL holds this text is refused.
    refused: Mutex<Option<String>>,
    /// Held during a conditional write: s3s-fs looks first and writes later, which S3 does in one step.
    creating: tokio::sync::Mutex<()>,
}

impl LocalBucket {
    /// Serves the bucket from `listener`, with its files below `root`, which must be an existing folder.
    pub async fn start(root: &Path, listener: TcpListener, access: &Access) -> io::Result<Self> {
        let folder = root.join(&access.bucket);
        tokio::fs::create_dir_all(&folder).await?;
        let files = FileSystem::new(root).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(access.access_key.as_str(), access.secret_key.as_str()));
        let s3 = builder.build();
        let s3 = service_fn(move |request: Request| {
            let s3 = s3.clone();
            async move {
                let answer = s3.call(request.map(s3s::Body::http_body_unsync)).await;
                Ok::<Response, Infallible>(match answer {
                    Ok(answer) => answer.map(Body::new),
                    Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:?}")).into_response(),
                })
            }
        });
        let (seen, refused, creating) = Default::default();
        let gate = Arc::new(Gate { name: access.bucket.clone(), folder, seen, refused, creating });
        let app = Router::new().fallback_service(s3).layer(from_fn_with_state(Arc::clone(&gate), pass));
        let endpoint_url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { endpoint_url, gate, server })
    }

    /// Refuses requests whose URL holds `text` from now on.
    pub fn fail(&self, text: &str) {
        *self.gate.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
    }

    /// Method and URL of every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.gate.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the socket.
    pub async fn stop(mut self) {
        self.server.abort();
        let _aborted = (&mut self.server).await;
    }
}

impl Drop for LocalBucket {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    if gate.refuses(line) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if gate.reads_a_folder(&request) {
        return (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response();
    }
    let conditional = request.headers().contains_key("if-none-match");
    let _alone = if conditional { Some(gate.creating.lock().await) } else { None };
    next.run(request).await
}

impl Gate {
    fn refuses(&self, line: String) -> bool {
        let unwanted = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let refuses = unwanted.as_ref().is_some_and(|text| line.contains(text));
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        refuses
    }

    /// Whether the request is for an object that is only a folder on the disk, which s3s-fs takes for one.
    fn reads_a_folder(&self, request: &Request) -> bool {
        let copied = request.headers().get("x-amz-copy-source").and_then(|source| source.to_str().ok());
        let read = matches!(*request.method(), Method::GET | Method::HEAD).then(|| request.uri().path());
        let Some(encoded) = copied.or(read) else { return false };
        let path = percent_decode_str(encoded.trim_start_matches('/')).decode_utf8_lossy();
        let key = path.strip_prefix(&self.name).unwrap_or_default().trim_start_matches('/');
        !key.is_empty() && self.folder.join(key).is_dir()
    }
}
