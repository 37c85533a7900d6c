//! Where archives are put: at an address that the server signed, often another host's.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use oddish_api_types::ErrorBody;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, StatusCode, Url};

use super::connection;
use crate::plain_text;

const PUT_TIMEOUT: Duration = Duration::from_mins(30);
const MAX_DETAIL: usize = 300;

/// Why an archive is not in the store. The address that was signed is a key to it, so none of these shows more than the
/// store's name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// No connection: nothing was sent.
    #[error("cannot reach the store at {store}: {reason}")]
    Unreachable { store: String, reason: String },
    /// The connection broke or ran out of time.
    #[error("no answer from the store at {store}: {reason}")]
    Interrupted { store: String, reason: String },
    /// The store answered with an error.
    #[error("the store at {store} answered {status}: {detail}")]
    Refused { store: String, status: StatusCode, detail: String },
}

impl StoreError {
    /// Whether the same request may well succeed a little later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Interrupted { .. } => true,
            Self::Refused { status, .. } => status.is_server_error() && *status != StatusCode::INSUFFICIENT_STORAGE,
        }
    }
}

/// A request that the server signed for the store (docs/compatibility.md, 1.5).
#[derive(Debug)]
pub(crate) struct SignedRequest {
    url: Url,
    method: Method,
    headers: HeaderMap,
}

impl SignedRequest {
    /// Reads what the server answered. `url` is an http(s) URL, or a path below `base`, the server's own address; the
    /// method is PUT unless one is named.
    pub(crate) fn parse(
        base: &str,
        url: &str,
        method: Option<&str>,
        headers: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        // `//host` would name a host, and not a path.
        let url = if url.starts_with('/') { format!("{base}/{}", url.trim_start_matches('/')) } else { url.to_owned() };
        let url = Url::parse(&url).map_err(|error| format!("its upload URL is none: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("its upload URL begins with {}:", plain_text::short_line(url.scheme(), 50)));
        }
        let method = method.unwrap_or("PUT").parse().map_err(|_| "its upload method is none".to_owned())?;
        let headers = headers
            .iter()
            .map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?)))
            .collect::<Option<HeaderMap>>()
            .ok_or("an upload header has characters that no header can have")?;
        Ok(Self { url, method, headers })
    }
}

/// Sends archives to stores. The key for the server is not known here, so that no store can see it.
#[derive(Debug, Default)]
pub(crate) struct ObjectStore {
    /// One for each store: they differ in what their connections need.
    clients: Mutex<BTreeMap<String, reqwest::Client>>,
}

impl ObjectStore {
    /// Sends `archive`, which is `length` bytes long, as the server told.
    pub(crate) async fn put(&self, request: &SignedRequest, archive: Body, length: u64) -> Result<(), StoreError> {
        let store = request.url.origin().ascii_serialization();
        let lost = |error: &reqwest::Error| {
            let (store, reason) = (store.clone(), connection::innermost(error));
            if error.is_connect() || error.is_builder() {
                StoreError::Unreachable { store, reason }
            } else {
                StoreError::Interrupted { store, reason }
            }
        };
        let client = self.client(&store, &request.url).map_err(|error| lost(&error))?;
        let response = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            // S3 takes no body without a length.
            .header(CONTENT_LENGTH, length)
            .body(archive)
            .timeout(PUT_TIMEOUT)
            .send()
            .await
            .map_err(|error| lost(&error))?;
        match response.status() {
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
            status => {
                let request_id = connection::request_id(&response);
                let detail = detail(&connection::error_body(response).await);
                Err(StoreError::Refused { store, status, detail: format!("{detail}{request_id}") })
            }
        }
    }

    fn client(&self, store: &str, url: &Url) -> Result<reqwest::Client, reqwest::Error> {
        let mut clients = self.clients.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(client) = clients.get(store) {
            return Ok(client.clone());
        }
        let client = connection::builder(url).build()?;
        clients.insert(store.to_owned(), client.clone());
        Ok(client)
    }
}

/// What a store says of an error, in one line: S3 says it in XML, a server of ours in JSON, a proxy in HTML.
fn detail(body: &[u8]) -> String {
    if let Ok(error) = serde_json::from_slice::<ErrorBody>(body) {
        return plain_text::short_line(&error.to_string(), MAX_DETAIL);
    }
    let text = String::from_utf8_lossy(body);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    match (element("Code"), element("Message"), element("title")) {
        (Some(code), Some(message), _) => plain_text::short_line(&format!("{code}: {message}"), MAX_DETAIL),
        (Some(short), ..) | (_, Some(short), _) | (.., Some(short)) => plain_text::short_line(short, MAX_DETAIL),
        (None, None, None) if text.trim().is_empty() => "it said nothing more".into(),
        (None, None, None) => connection::opening(body),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{SignedRequest, detail};

    fn url(text: &str) -> Result<String, String> {
        SignedRequest::parse("https://x/prod", text, None, &BTreeMap::new()).map(|request| request.url.into())
    }

    #[test]
    fn an_upload_url_is_http_or_a_path_below_the_server() {
        assert_eq!(url("https://s3/b/k?X-Sig=a%2Fb").unwrap(), "https://s3/b/k?X-Sig=a%2Fb");
        assert_eq!(url("/artifacts/k?sig=1").unwrap(), "https://x/prod/artifacts/k?sig=1");
        assert_eq!(url("//evil/k").unwrap(), "https://x/prod/evil/k");
        for bad in ["file:///etc/passwd", "ftp://x/y", "k", ""] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn methods_and_headers_must_be_some() {
        let parse = |method, value: &str| {
            SignedRequest::parse("http://x", "/k", Some(method), &BTreeMap::from([("a".into(), value.to_owned())]))
        };
        assert!(parse("PUT", "b").is_ok());
        assert!(parse("P T", "b").is_err());
        assert!(parse("PUT", "b\r\nc: d").is_err());
    }

    #[test]
    fn errors_of_stores_are_told_in_one_line() {
        let xml = "<?xml version=\"1.0\"?>\n<Error>\n<Code>AccessDenied</Code><Message>Request has\nexpired</Message></Error>";
        for (body, expected) in [
            (xml, "AccessDenied: Request has expired"),
            ("<html><head>\n<title>504 Gateway\u{1b}[31m Time-out</title>", "504 Gateway Time-out"),
            ("{\"detail\": \"The URL has expired.\"}", "The URL has expired."),
            ("no\nspace", "no space"),
            (" \n", "it said nothing more"),
        ] {
            assert_eq!(detail(body.as_bytes()), expected);
        }
    }
}
