//! Refuses browsers' requests from foreign pages and by unknown names.
//!
//! A server that asks for no key takes every client for its user, and every page that the user visits reaches it through their
//! browser: by a name of its own that it gives this machine's address (DNS rebinding), and by requests that browsers send to any site
//! without asking that site first. So it answers only to names that it knows, and only to pages that it knows. Where keys are required none of
//! this is needed: a browser adds no key by itself, and no page has one.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use oddish_domain::settings::{Setting, Value};
use oddish_functions::http::auth::AuthMode;
use oddish_functions::http::error::ApiError;
use oddish_functions::http::unread;

use crate::cors::Origins;

/// More names by which clients call the server.
pub(crate) const ALLOWED_HOSTS: Setting<Option<AllowedHosts>> = Setting::optional("ODDISH_ALLOWED_HOSTS").doc(
    "Where no key is asked for (`ODDISH_AUTH=none`): host names by which clients may call the server, without a port and separated by \
     commas, or `*` for any. localhost, 127.0.0.1, [::1] and the hosts of ODDISH_PUBLIC_URL and ODDISH_API_HOST are known without it. \
     Requests by any other name get 403, since a web page can give a name of its own the address of this machine.",
);

/// Says where a request comes from, as browsers see it (Fetch Metadata).
const SEC_FETCH_SITE: &str = "sec-fetch-site";
/// Below it are the signed URLs of files.
const SIGNED: &str = "/artifacts/";
/// Most characters of a header that an answer repeats.
const SHOWN: usize = 100;

/// A host: a name, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    Address(IpAddr),
}

impl Host {
    fn of(text: &str) -> Self {
        let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        address.parse().map_or_else(|_| Self::Name(text.to_ascii_lowercase()), Self::Address)
    }

    /// The host of what a `Host` header says; none where that is no host with a port or without one.
    fn called(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        let behind = text.strip_prefix(authority.host())?;
        let is_port = |port: &str| port.parse::<u16>().is_ok();
        (behind.is_empty() || behind.strip_prefix(':').is_some_and(is_port)).then(|| Self::of(authority.host()))
    }
}

/// The value of [`ALLOWED_HOSTS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AllowedHosts {
    /// Every name.
    Any,
    /// These.
    Listed(Vec<String>),
}

impl Value for AllowedHosts {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let host = |text: &str| {
            let text = text.trim();
            // An address of version 6 may come without its brackets.
            let is_host = text.parse::<IpAddr>().is_ok()
                || text.parse::<Authority>().is_ok_and(|authority| authority.host() == text && !text.contains('*'));
            is_host.then(|| text.to_owned())
        };
        let hosts: Option<Vec<String>> = text.split(',').map(host).collect();
        hosts.map(Self::Listed).ok_or_else(|| {
            "must be `*`, or hosts without scheme and port and with commas between them, such as `build-server,10.0.0.7`".to_owned()
        })
    }
}

/// Decides which requests are answered.
#[derive(Clone, Debug)]
pub(crate) struct Browsers {
    origins: Origins,
    /// None where keys are required.
    guard: Option<Guard>,
}

#[derive(Clone, Debug)]
struct Guard {
    /// Names of the server; none where any will do.
    hosts: Option<Vec<Host>>,
    /// Pages that may ask; none where any may.
    pages: Option<Vec<HeaderValue>>,
}

impl Browsers {
    /// What holds for a server that listens on `address` and that clients call `public_url`.
    pub(crate) fn new(
        auth: AuthMode,
        origins: Origins,
        allowed: Option<&AllowedHosts>,
        public_url: Option<&str>,
        address: IpAddr,
    ) -> Self {
        let guard = (auth == AuthMode::None).then(|| Guard::new(&origins, allowed, public_url, address));
        Self { origins, guard }
    }

    /// Puts itself before `app`.
    pub(crate) fn around(self, app: Router) -> Router {
        let app = self.origins.around(app);
        match self.guard {
            Some(guard) => app.layer(middleware::from_fn_with_state(Arc::new(guard), guarded)),
            None => app,
        }
    }
}

async fn guarded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.refusal(&request) {
        Some(text) => {
            unread::drain(request.into_body()).await;
            ApiError::new(StatusCode::FORBIDDEN, text).into_response()
        }
        None => next.run(request).await,
    }
}

impl Guard {
    fn new(origins: &Origins, allowed: Option<&AllowedHosts>, public_url: Option<&str>, address: IpAddr) -> Self {
        let public = public_url.and_then(|url| url.split_once("://")).map(|(scheme, rest)| {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
            (scheme.to_ascii_lowercase(), authority)
        });
        let mut hosts = vec![Host::of("localhost"), Host::of("127.0.0.1"), Host::of("::1"), Host::Address(address)];
        hosts.extend(public.as_ref().and_then(|(_, authority)| Host::called(authority)));
        let hosts = match allowed {
            Some(AllowedHosts::Any) => None,
            Some(AllowedHosts::Listed(more)) => {
                hosts.extend(more.iter().map(|host| Host::of(host)));
                Some(hosts)
            }
            None => Some(hosts),
        };
        let pages = match origins {
            Origins::Any => None,
            Origins::Listed(listed) => {
                // A proxy may call the server by another name than its pages have.
                let own = public.and_then(|(scheme, host)| HeaderValue::try_from(format!("{scheme}://{host}")).ok());
                Some(listed.iter().cloned().chain(own).collect())
            }
        };
        Self { hosts, pages }
    }

    /// Why a request is not answered, if it is not.
    fn refusal<B>(&self, request: &http::Request<B>) -> Option<String> {
        let named = names(request);
        if let Some(hosts) = &self.hosts {
            if named.is_empty() {
                return Some(
                    "The request does not say by what name it calls this server, which asks for no key and answers only to names that it \
                     knows: send a Host header."
                        .to_owned(),
                );
            }
            let strange = named.iter().find(|name| !Host::called(name).is_some_and(|host| hosts.contains(&host)));
            if let Some(name) = strange {
                return Some(format!(
                    "This server asks for no key, so it answers only to names that it knows, and {:?} is none of them: a web page could \
                     have brought it up. If clients call the server by it, add the host to ODDISH_ALLOWED_HOSTS; or ask for keys, with \
                     ODDISH_AUTH=api-key.",
                    shown(name)
                ));
            }
        }
        let pages = self.pages.as_ref()?;
        let reads = request.method().is_safe();
        if reads && request.uri().path().starts_with(SIGNED) {
            return None;
        }
        let origins: Vec<&HeaderValue> = request.headers().get_all(header::ORIGIN).iter().collect();
        let is_own = |origin: &HeaderValue| !named.is_empty() && named.iter().all(|name| is_of(origin, name));
        let is_known = |origin: &&HeaderValue| pages.contains(origin) || is_own(origin);
        let foreign = match origins.iter().find(|origin| !is_known(origin)) {
            Some(origin) => format!("The web page at {:?}", shown(&String::from_utf8_lossy(origin.as_bytes()))),
            None if origins.is_empty() && !reads && comes_from_elsewhere(request.headers()) => "A web page".to_owned(),
            None => return None,
        };
        Some(format!(
            "{foreign} asked this of a server that asks for no key, and that answers no pages but its own and those of \
             ODDISH_CORS_ORIGINS. If the page is yours, add its origin there."
        ))
    }
}

/// The names by which a request calls the server: of its `Host` headers, and of its URL, if that is a whole one.
fn names<B>(request: &http::Request<B>) -> Vec<String> {
    let of_url = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let headers = request.headers().get_all(header::HOST).iter();
    of_url.into_iter().chain(headers.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned())).collect()
}

/// Whether a page is the server's own, by the name that the server was called.
fn is_of(origin: &HeaderValue, name: &str) -> bool {
    let authority = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(name))
}

/// Whether a browser says that another site's page made the request. One without such a header is no browser's, or an old one's.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get_all(SEC_FETCH_SITE).iter().any(|site| site != "same-origin" && site != "none")
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests;
