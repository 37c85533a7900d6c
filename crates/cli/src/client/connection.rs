//! HTTP connections, and what their failures say to a person.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{ClientBuilder, Response, Url, redirect};

use crate::plain_text;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a port has to show that it speaks TLS.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_ERROR_BODY: usize = 64 * 1024;

/// Prepares connections to the server of `url`; no header of ours but the user agent goes with them.
pub(crate) fn builder(url: &Url) -> ClientBuilder {
    // Fails only when a provider is installed already, and then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("oddish/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirected POST would arrive as a GET without its body; the user is told where to point instead.
        .redirect(redirect::Policy::none());
    if is_this_machine(url) {
        builder = builder.no_proxy();
    }
    if url.scheme() != "https" {
        // Reading the system's certificates takes time, and fails on a machine that has none.
        builder = builder.tls_certs_only([]);
    }
    builder
}

/// Whether the host is this machine. So is the unspecified address (0.0.0.0), that servers are told to listen on.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_own = |address: std::net::IpAddr| address.is_loopback() || address.is_unspecified();
    host == "localhost" || host.parse().is_ok_and(is_own)
}

/// How long an answer says to wait before the next request, in seconds; a date counts as nothing said.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Whether a connection by https failed since the other side speaks no TLS.
pub(crate) fn is_no_tls(error: &reqwest::Error) -> bool {
    tls_error(error).is_some_and(|error| matches!(error, rustls::Error::InvalidMessage(_)))
}

/// Whether a port at which TLS came to nothing, without a word of TLS, answers by http. Some close a connection that they can't read.
pub(crate) async fn speaks_http(url: &Url, failure: &reqwest::Error) -> bool {
    if url.scheme() != "https" || tls_error(failure).is_some() {
        return false;
    }
    let Some(url) = with_scheme(url, "http") else { return false };
    let Ok(client) = builder(&url).timeout(PROBE_TIMEOUT).build() else { return false };
    client.head(url).send().await.is_ok()
}

/// Whether a port that gave no answer by http speaks TLS. Nothing but a greeting is sent.
pub(crate) async fn speaks_tls(url: &Url) -> bool {
    let Some(url) = with_scheme(url, "https") else { return false };
    // No certificate is trusted, so that no request follows the greeting.
    let Ok(client) = builder(&url).tls_certs_only([]).timeout(PROBE_TIMEOUT).build() else { return false };
    match client.get(url).send().await {
        Ok(_) => true,
        Err(error) => tls_error(&error).is_some_and(|error| !matches!(error, rustls::Error::InvalidMessage(_))),
    }
}

/// The same port with another scheme: that of the URL, or the usual one of its own scheme. Without the name and password that it may have.
fn with_scheme(url: &Url, scheme: &str) -> Option<Url> {
    let (mut url, port) = (url.clone(), url.port_or_known_default());
    url.set_scheme(scheme).and_then(|()| url.set_username("")).and_then(|()| url.set_password(None)).ok()?;
    url.set_port(port).ok()?;
    Some(url)
}

/// What went wrong in TLS, if that was it.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    // An I/O error does not give what it holds as its source, but the source of that.
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(held) => tls_error(held),
        None => tls_error(error.source()?),
    }
}

/// The id under which a server's log has the cause of a failure of its own, to stand behind what it said; empty where it tells none.
pub(crate) fn request_id(response: &Response) -> String {
    let named = |name: &str| response.headers().get(name).and_then(|id| id.to_str().ok());
    match named("x-request-id").or_else(|| named("x-amz-request-id")) {
        Some(id) if response.status().is_server_error() => format!(" (request id {})", plain_text::short_line(id, 128)),
        _ => String::new(),
    }
}

/// The beginning of an error's body.
pub(crate) async fn error_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    // An error's text is worth showing even when the connection breaks in the middle of it.
    while body.len() < MAX_ERROR_BODY {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    body
}

/// The first 200 characters of a body, for a person.
pub(crate) fn opening(body: &[u8]) -> String {
    plain_text::short_line(&String::from_utf8_lossy(&body[..body.len().min(2000)]), 200)
}

/// The cause at the bottom: the layers above it only say that a request failed.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    plain_text::short_line(&cause.to_string(), 200)
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::is_this_machine;

    #[test]
    fn this_machine_is_recognised() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://127.0.0.2", true),
            ("http://[::1]:9", true),
            ("http://0.0.0.0:8000", true),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_this_machine(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
