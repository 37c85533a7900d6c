//! HTTP connections, and what their failures say to a person.

use std::time::Duration;

use reqwest::{ClientBuilder, Response, Url, redirect};

use crate::plain_text;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
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
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    if url.scheme() != "https" {
        // Reading the system's certificates takes time, and fails on a machine that has none.
        builder = builder.tls_certs_only([]);
    }
    builder
}

/// Whether the host is this machine.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
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

    use super::is_loopback;

    #[test]
    fn loopback_is_recognised() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://127.0.0.2", true),
            ("http://[::1]:9", true),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
