//! A bucket in this process: s3s-fs behind a socket, with its signatures checked.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use oddish_artifacts::{S3Keys, S3Settings, S3Store};
use percent_encoding::percent_decode_str;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::service_fn;

pub(crate) const BUCKET: &str = "artifacts";
const ACCESS_KEY: &str = "access";
const SECRET_KEY: &str = "a-secret-of-the-tests";

/// A server with one empty bucket, and nothing else in it.
pub(crate) struct Bucket {
    root: tempfile::TempDir,
    endpoint_url: String,
    gate: Arc<Gate>,
    server: JoinHandle<()>,
}

/// What stands before s3s-fs: looks at the traffic, and makes up for where s3s-fs is not as S3.
struct Gate {
    bucket: PathBuf,
    /// Method and URL of every request.
    seen: Mutex<Vec<String>>,
    /// A request whose URL holds this text is refused.
    refused: Mutex<Option<String>>,
    /// Held during a conditional write: s3s-fs looks first and writes later, which S3 does in one step.
    creating: tokio::sync::Mutex<()>,
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(root.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
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
        let bucket = root.path().join(BUCKET);
        let (seen, refused, creating) = Default::default();
        let gate = Arc::new(Gate { bucket, seen, refused, creating });
        let app = Router::new().fallback_service(s3).layer(from_fn_with_state(Arc::clone(&gate), pass));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint_url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { root, endpoint_url, gate, server }
    }

    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            keys: Some(S3Keys { access_key: ACCESS_KEY.to_owned(), secret_key: SECRET_KEY.to_owned() }),
            endpoint_url: Some(self.endpoint_url.clone()),
            path_style: true,
        }
    }

    pub(crate) async fn store(&self) -> S3Store {
        S3Store::connect(&self.settings()).await
    }

    /// Where s3s-fs keeps its files.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Refuses requests whose URL holds `text` from now on.
    pub(crate) fn fail(&self, text: &str) {
        *self.gate.refused.lock().unwrap() = Some(text.to_owned());
    }

    /// Method and URL of every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.gate.seen.lock().unwrap().clone()
    }

    /// Closes the socket.
    pub(crate) async fn stop(mut self) {
        self.server.abort();
        let _aborted = (&mut self.server).await;
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let refused = gate.refused.lock().unwrap().as_ref().is_some_and(|text| line.contains(text));
    gate.seen.lock().unwrap().push(line);
    if refused {
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
    /// Whether the request is for an object that is only a folder on the disk, which s3s-fs takes for one.
    fn reads_a_folder(&self, request: &Request) -> bool {
        let copied = request.headers().get("x-amz-copy-source").map(|source| source.to_str().unwrap());
        let read = matches!(*request.method(), Method::GET | Method::HEAD).then(|| request.uri().path());
        let Some(encoded) = copied.or(read) else { return false };
        let path = percent_decode_str(encoded.trim_start_matches('/')).decode_utf8().unwrap();
        let key = path.strip_prefix(BUCKET).unwrap_or_default().trim_start_matches('/');
        !key.is_empty() && self.bucket.join(key).is_dir()
    }
}
