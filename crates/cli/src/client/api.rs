//! Which server is spoken to, and with which key (docs/compatibility.md, 2.1).

use oddish_domain::client_settings::{
    API_KEY, API_URL, DASHBOARD_URL, DEFAULT_API_URL, DEFAULT_DASHBOARD_URL, HOSTED_API_URL, HOSTED_DASHBOARD_URL,
    LOCAL_API_URL,
};
use oddish_domain::settings::{Settings, unicode_variables};
use reqwest::Url;

use super::connection::is_this_machine;
use crate::failure::Failure;
use crate::plain_text;

/// What names the server where no flag and no variable does.
const BUILT_IN: &str = "default";

/// The server and the key for it.
#[derive(Debug)]
pub(crate) struct Api {
    base: Url,
    source: &'static str,
    key: Key,
    dashboard: Option<Dashboard>,
}

/// Where pages are, and what says so.
#[derive(Clone, Debug)]
struct Dashboard {
    base: Url,
    source: &'static str,
}

/// The key, and whether it is sent.
#[derive(Debug)]
enum Key {
    /// None is set.
    Absent,
    Sent(String),
    /// It belongs to another host.
    OfHost {
        key: String,
        owner: String,
    },
    /// Everyone between this machine and the server could read it.
    Unprotected {
        key: String,
    },
}

/// What is said of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyUse {
    /// None is set.
    Absent,
    Sent,
    /// Set, and not sent to this server.
    Withheld,
}

impl Api {
    /// The server is `--api`, else `ODDISH_API_URL`, else `ODDISH_DEFAULT_API_URL`, else, where a key is set, the hosted service. The
    /// key is `ODDISH_API_KEY`. An empty value counts as none.
    pub(crate) fn resolve(flag: Option<&str>, insecure: bool) -> Result<Self, Failure> {
        Self::find(flag, insecure)?.ok_or_else(no_server)
    }

    /// [`Self::resolve()`], or none where nothing names a server.
    pub(crate) fn find(flag: Option<&str>, insecure: bool) -> Result<Option<Self>, Failure> {
        Self::from_sources(flag, insecure, &Settings::from_map(unicode_variables(std::env::vars_os())))
    }

    fn from_sources(flag: Option<&str>, insecure: bool, settings: &Settings) -> Result<Option<Self>, Failure> {
        // None of these has a text that its type refuses, so there are no faults to ask the reader for.
        let mut reader = settings.reader();
        let (own, usual, key) = (reader.get(&API_URL), reader.get(&DEFAULT_API_URL), reader.get(&API_KEY));
        let flag = flag.filter(|value| !value.trim().is_empty()).map(|value| ("--api", value.to_owned()));
        let of_key = own
            .map(|value| (API_URL.name(), value))
            .or_else(|| usual.map(|value| (DEFAULT_API_URL.name(), value)))
            .or_else(|| key.is_some().then(|| (BUILT_IN, HOSTED_API_URL.to_owned())));
        let (source, base) = match flag.or_else(|| of_key.clone()) {
            Some((source, text)) => (source, parse(source, &text)?),
            None => return Ok(None),
        };
        let dashboard = dashboard(&base, reader.get(&DASHBOARD_URL), reader.get(&DEFAULT_DASHBOARD_URL))?;
        let key = match (key, of_key) {
            (None, _) | (_, None) => Key::Absent,
            (Some(key), Some((owner_source, text))) => {
                let owner = parse(owner_source, &text)?;
                if !is_same_host(&base, &owner) {
                    Key::OfHost { key, owner: host(&owner) }
                } else if base.scheme() == "http" && !is_this_machine(&base) && !insecure {
                    Key::Unprotected { key }
                } else {
                    Key::Sent(key)
                }
            }
        };
        Ok(Some(Self { base, source, key, dashboard }))
    }

    /// The key, if it is sent.
    pub(crate) fn key(&self) -> Option<&str> {
        match &self.key {
            Key::Sent(key) => Some(key),
            _ => None,
        }
    }

    /// What becomes of the key.
    pub(crate) fn key_use(&self) -> KeyUse {
        match self.key {
            Key::Absent => KeyUse::Absent,
            Key::Sent(_) => KeyUse::Sent,
            Key::OfHost { .. } | Key::Unprotected { .. } => KeyUse::Withheld,
        }
    }

    /// The part of the key that may be shown.
    pub(crate) fn masked_key(&self) -> Option<String> {
        match &self.key {
            Key::Absent => None,
            Key::Sent(key) | Key::OfHost { key, .. } | Key::Unprotected { key } => Some(masked(key)),
        }
    }

    /// Why the key that is set is not sent, and what to do.
    pub(crate) fn withheld(&self) -> Option<String> {
        match &self.key {
            Key::Absent | Key::Sent(_) => None,
            Key::OfHost { owner, .. } => Some(format!(
                "{} belongs to {owner} and is not sent to {}: name the server with {} to send it",
                API_KEY.name(),
                host(&self.base),
                API_URL.name()
            )),
            Key::Unprotected { .. } => Some(format!(
                "{} is not sent to {} over http, where others can read it: use https, or --insecure",
                API_KEY.name(),
                host(&self.base)
            )),
        }
    }

    /// The server's address.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// What names the server: a flag, a variable, or `default`.
    pub(crate) fn source(&self) -> &'static str {
        self.source
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        is_this_machine(&self.base)
    }

    /// Where trials run unless a submission says so; none leaves it to the server (docs/compatibility.md, 2.2).
    pub(crate) fn usual_environment(&self) -> Option<&'static str> {
        if self.is_local() {
            Some("docker")
        } else if self.base.host_str().is_some_and(|host| host.ends_with(".modal.run")) {
            Some("modal")
        } else {
            None
        }
    }

    /// The same server, and no key for it.
    pub(crate) fn without_key(&self) -> Self {
        Self { base: self.base.clone(), source: self.source, key: Key::Absent, dashboard: self.dashboard.clone() }
    }

    /// The URL of a path below the base; each segment is percent-encoded.
    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        below(&self.base, segments)
    }

    /// The URL of a page, where pages are not the server's own.
    pub(crate) fn page(&self, segments: &[&str]) -> Option<Url> {
        self.dashboard.as_ref().map(|dashboard| below(&dashboard.base, segments))
    }

    /// Where pages are if not at the server, and what says so.
    pub(crate) fn dashboard(&self) -> Option<(String, &'static str)> {
        self.dashboard.as_ref().map(|dashboard| (shown(&dashboard.base), dashboard.source))
    }
}

fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    // Only a URL that cannot be a base has no segments, and `parse` lets none in.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// The pages of the server at `base`; without a variable only the hosted service has some.
fn dashboard(base: &Url, own: Option<String>, usual: Option<String>) -> Result<Option<Dashboard>, Failure> {
    let hosted = Url::parse(HOSTED_API_URL).is_ok_and(|hosted| is_same_host(base, &hosted));
    let found = own
        .map(|text| (DASHBOARD_URL.name(), text))
        .or_else(|| usual.map(|text| (DEFAULT_DASHBOARD_URL.name(), text)))
        .or_else(|| hosted.then(|| (BUILT_IN, HOSTED_DASHBOARD_URL.to_owned())));
    found.map(|(source, text)| Ok(Dashboard { base: parse(source, &text)?, source })).transpose()
}

/// The base URL for a person: without credentials and without a `/` at its end.
impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(&self.base))
    }
}

/// A server's address for a person.
pub(crate) fn shown(base: &Url) -> String {
    let mut shown = base.clone();
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.as_str().trim_end_matches('/').to_owned()
}

/// Nothing names a server, and no key says that one is meant: to guess could reach a stranger.
fn no_server() -> Failure {
    Failure::usage("no server is named and no key is set: nothing was sent").with_hint(format!(
        "`oddish-server api` serves {LOCAL_API_URL}: set {} to it, or give --api; for the hosted {HOSTED_API_URL} set {}",
        API_URL.name(),
        API_KEY.name()
    ))
}

fn parse(source: &str, text: &str) -> Result<Url, Failure> {
    let fault = |fault: &str| {
        Failure::usage(format!("{source} is not a server's URL: {:?}: {fault}", plain_text::short_line(text, 200)))
            .with_hint(format!("a URL such as {LOCAL_API_URL} or https://oddish.example.org"))
    };
    let url = Url::parse(text.trim().trim_end_matches('/')).map_err(|error| fault(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(fault("it must begin with http:// or https://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(fault("it must not have a query or a fragment"));
    }
    Ok(url)
}

/// All names of this machine are one host.
fn is_same_host(one: &Url, other: &Url) -> bool {
    one.host() == other.host() || (is_this_machine(one) && is_this_machine(other))
}

fn host(url: &Url) -> String {
    plain_text::short_line(url.host_str().unwrap_or_default(), 200)
}

/// The beginning of a key of ours, by which its owner knows it. Of another text nothing is shown: it may be a password.
fn masked(key: &str) -> String {
    const SHOWN: usize = 11;
    match key.get(..SHOWN) {
        Some(beginning) if key.starts_with("ok_") && key.len() >= 3 * SHOWN => format!("{beginning}..."),
        _ => "set, not shown".to_owned(),
    }
}

#[cfg(test)]
mod tests;
