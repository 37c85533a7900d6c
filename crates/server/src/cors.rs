//! Web pages that may call the API from a browser.

use axum::Router;
use http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use oddish_domain::settings::Value;
use oddish_functions::http::auth::AuthMode;
use oddish_functions::http::browsers;

/// Where web pages are developed (docs/compatibility.md, 1.1).
const DEVELOPMENT: &str = "http://localhost:3000,http://127.0.0.1:3000";

/// Origins of web pages, such as `https://dashboard.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origins {
    /// Every page. It may look at everything that needs no key.
    Any,
    /// These.
    Listed(Vec<HeaderValue>),
}

impl Origins {
    /// What holds when nothing is set. A server that needs no key can be told to do things by every page that it answers, so that these are few;
    /// one that needs keys answers none.
    pub(crate) fn usual(auth: AuthMode) -> Self {
        match auth {
            AuthMode::None => Self::from_text(DEVELOPMENT).unwrap_or(Self::Listed(Vec::new())),
            AuthMode::ApiKey => Self::Listed(Vec::new()),
        }
    }

    /// Lets these pages ask `app`. Nothing is sent along that a browser keeps: a page that needs a key sends it in a header.
    pub(crate) fn around(self, app: Router) -> Router {
        let origins = match self {
            Self::Any => AllowOrigin::any(),
            Self::Listed(origins) if origins.is_empty() => return app,
            Self::Listed(origins) => AllowOrigin::list(origins),
        };
        let layer = CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE])
            .allow_headers(browsers::REQUEST_HEADERS.map(HeaderName::from_static))
            .expose_headers(browsers::ANSWER_HEADERS.map(HeaderName::from_static));
        app.layer(layer)
    }
}

impl Value for Origins {
    fn from_text(text: &str) -> Result<Self, String> {
        let rule = "`*`, or origins with commas between them, such as `https://dashboard.example.com`";
        match text.trim() {
            "*" => return Ok(Self::Any),
            "" | "none" => return Ok(Self::Listed(Vec::new())),
            _ => {}
        }
        let origin = |text: &str| {
            let text = text.trim();
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
            // What a browser sends ends with the host or its port.
            let bare = !host.is_empty() && !host.contains(['/', '?', '#', '@', '*', ' ']);
            HeaderValue::from_str(text).ok().filter(|_| bare)
        };
        let origins: Option<Vec<HeaderValue>> = text.split(',').map(origin).collect();
        origins.map(Self::Listed).ok_or_else(|| rule.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_send_them() {
        let listed = |origins: &[&'static str]| {
            Ok(Origins::Listed(origins.iter().map(|origin| HeaderValue::from_static(origin)).collect()))
        };
        assert_eq!(Origins::from_text("*"), Ok(Origins::Any));
        assert_eq!(Origins::from_text("none"), listed(&[]));
        assert_eq!(
            Origins::from_text("https://a.example, http://b:8080"),
            listed(&["https://a.example", "http://b:8080"])
        );
        for wrong in ["a.example", "https://a.example/", "https://", "https://*.example", "*,https://a.example"] {
            assert!(Origins::from_text(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Ok(Origins::usual(AuthMode::ApiKey)), listed(&[]));
        assert_eq!(Ok(Origins::usual(AuthMode::None)), listed(&["http://localhost:3000", "http://127.0.0.1:3000"]));
    }
}
