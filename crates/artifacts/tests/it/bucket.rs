//! A bucket in this process, and a store over it.

use std::path::Path;

use oddish_artifacts::{S3Keys, S3Settings, S3Store};
use oddish_local_bucket::{Access, LocalBucket};
use tokio::net::TcpListener;

pub(crate) const BUCKET: &str = "artifacts";
const ACCESS_KEY: &str = "access";
const SECRET_KEY: &str = "a-secret-of-the-tests";

/// A server with one empty bucket, and nothing else in it.
pub(crate) struct Bucket {
    root: tempfile::TempDir,
    server: LocalBucket,
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let [bucket, access_key, secret_key] = [BUCKET, ACCESS_KEY, SECRET_KEY].map(str::to_owned);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let access = Access { bucket, access_key, secret_key };
        let server = LocalBucket::start(root.path(), listener, &access).await.unwrap();
        Self { root, server }
    }

    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            keys: Some(S3Keys { access_key: ACCESS_KEY.to_owned(), secret_key: SECRET_KEY.to_owned() }),
            endpoint_url: Some(self.server.endpoint_url.clone()),
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
        self.server.fail(text);
    }

    /// Method and URL of every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.server.requests()
    }

    /// Closes the socket.
    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }
}
