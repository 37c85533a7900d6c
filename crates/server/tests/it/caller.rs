//! Requests as a client makes them: with a key, over HTTP.

use std::path::Path;

use oddish_artifacts::{archive, hash};
use oddish_db::Db;
use oddish_db::api_keys::{self, NewApiKey};
use oddish_db::idempotency::Work;
use oddish_domain::api_key::{GeneratedKey, Scope};
use serde_json::Value;
use time::OffsetDateTime;

use crate::stack::{Stack, hello};

const BOUNDARY: &str = "boundary-of-the-form";

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

/// What it was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        assert!(self.content_type.starts_with("application/json"), "{} {}", self.content_type, self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The JSON of a 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }
}

/// A key that may do everything.
pub(crate) async fn full_key(db: &Db) -> String {
    let key = GeneratedKey::draw();
    let new = NewApiKey { name: "test", owner: "alice", scope: Scope::Full, expires_at: None };
    let mut work = Work::begin(db).await.unwrap();
    api_keys::create(&mut work, &key, &new, OffsetDateTime::now_utc()).await.unwrap();
    work.finish(&Value::Null).await.unwrap();
    key.text
}

impl Caller {
    pub(crate) fn new(stack: &Stack, key: Option<String>) -> Self {
        Self { http: reqwest::Client::new(), base: stack.url().to_owned(), key }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(body)).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request).await
    }

    /// Uploads the example task under a name, in one form.
    pub(crate) async fn upload(&self, name: &str) -> Answer {
        let mut form = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}.tar.gz\"\r\n\
             content-type: application/gzip\r\n\r\n"
        )
        .into_bytes();
        form.extend_from_slice(&packed(&hello()).await);
        form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        answer(self.request("POST", "/tasks/upload").header("content-type", content_type).body(form)).await
    }

    /// Puts an archive where an answer says, as the published clients do: with the headers that it names, and without a key.
    pub(crate) async fn put(&self, announced: &Value, archive: Vec<u8>) {
        assert_eq!(announced["upload_method"], "PUT");
        let mut request = self.http.put(announced["upload_url"].as_str().expect("upload_url is a text"));
        for (name, value) in announced["upload_headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        let put = answer(request.body(archive)).await;
        assert!([200, 201, 204].contains(&put.status), "{put:?}");
    }

    /// Gets a signed URL, without a key.
    pub(crate) async fn fetch(&self, url: &str) -> Answer {
        answer(self.http.get(url)).await
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    Answer { status, content_type: content_type.unwrap_or_default(), body: response.bytes().await.unwrap().to_vec() }
}

/// A folder as the clients pack it.
pub(crate) async fn packed(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    archive::pack(folder, &mut bytes).await.unwrap();
    bytes
}

/// The hash of a task's files (docs/compatibility.md, 2.4).
pub(crate) async fn content_hash(folder: &Path) -> String {
    hash::content_hash(folder).await.unwrap()
}
