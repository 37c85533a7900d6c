//! Which server is spoken to, and with which key (docs/compatibility.md, 2.1).

use oddish_domain::client_settings::{API_KEY, API_URL, DEFAULT_API_URL};
use oddish_domain::settings::{Settings, unicode_variables};
use reqwest::Url;

use crate::failure::Failure;
use crate::plain_text;

/// The server and the key for it.
#[derive(Debug)]
pub(crate) struct Api {
    base: Url,
    key: Option<String>,
}

impl Api {
    /// `--api`, else `ODDISH_API_URL`, else `ODDISH_DEFAULT_API_URL`, else the server of this machine; the key is
    /// `ODDISH_API_KEY`. An empty value counts as none.
    pub(crate) fn resolve(flag: Option<&str>) -> Result<Self, Failure> {
        Self::from_sources(flag, &Settings::from_map(unicode_variables(std::env::vars_os())))
    }

    fn from_sources(flag: Option<&str>, settings: &Settings) -> Result<Self, Failure> {
        // None of these has a text that its type refuses, so there are no faults to ask the reader for.
        let mut reader = settings.reader();
        let (own, usual, key) = (reader.get(&API_URL), reader.get(&DEFAULT_API_URL), reader.get(&API_KEY));
        let (source, text) = flag
            .filter(|value| !value.trim().is_empty())
            .map(|value| ("--api", String::from(value)))
            .or_else(|| own.map(|value| (API_URL.name(), value)))
            .unwrap_or((DEFAULT_API_URL.name(), usual));
        let base = parse(text.trim().trim_end_matches('/')).map_err(|fault| {
            Failure::usage(format!("{source} is not a server's URL: {:?}: {fault}", plain_text::short_line(&text, 200)))
                .with_hint(format!("a URL such as {} or https://oddish.example.org", DEFAULT_API_URL.default()))
        })?;
        Ok(Self { base, key })
    }

    /// The key, if there is one.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The server's address.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// The URL of a path below the base; each segment is percent-encoded.
    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Only a URL that cannot be a base has no segments, and `parse` lets none in.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

/// The base URL for a person: without credentials and without a `/` at its end.
impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = self.base.clone();
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        f.write_str(shown.as_str().trim_end_matches('/'))
    }
}

fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it must begin with http:// or https://".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must not have a query or a fragment".into());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use oddish_domain::client_settings::CLIENT_SETTINGS;
    use oddish_domain::settings::Settings;

    use super::Api;

    fn resolve(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<Api, String> {
        let variables = variables.iter().map(|(name, value)| (String::from(*name), String::from(*value)));
        Api::from_sources(flag, &Settings::from_map(variables.collect())).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn exactly_the_documented_settings_are_read() {
        let settings = Settings::default();
        Api::from_sources(None, &settings).unwrap();
        let documented: BTreeSet<&str> = CLIENT_SETTINGS.describe().map(|setting| setting.name).collect();
        assert_eq!(settings.asked(), documented);
    }

    #[test]
    fn the_nearest_source_wins_and_empty_is_unset() {
        let variables = [("ODDISH_API_URL", "http://one"), ("ODDISH_DEFAULT_API_URL", "http://two")];
        assert_eq!(resolve(Some("http://flag/"), &variables).unwrap().to_string(), "http://flag");
        assert_eq!(resolve(Some(""), &variables).unwrap().to_string(), "http://one");
        assert_eq!(resolve(None, &[("ODDISH_API_URL", ""), variables[1]]).unwrap().to_string(), "http://two");
        assert_eq!(resolve(None, &[]).unwrap().to_string(), "http://localhost:8000");
    }

    #[test]
    fn a_bad_url_names_its_source() {
        for bad in ["localhost:8000", "ftp://x", "http://", "http://x/?a=b"] {
            let text = resolve(None, &[("ODDISH_API_URL", bad)]).unwrap_err();
            assert!(text.contains("ODDISH_API_URL") && text.contains("Usage"), "{bad}: {text}");
        }
    }

    #[test]
    fn paths_are_joined_below_the_base_and_encoded() {
        let api = resolve(Some("https://x/oddish//"), &[]).unwrap();
        assert_eq!(api.url(&["tasks", "a/b #1"]).as_str(), "https://x/oddish/tasks/a%2Fb%20%231");
    }

    #[test]
    fn credentials_are_not_shown() {
        let api = resolve(Some("https://me:secret@x/"), &[]).unwrap();
        assert_eq!(api.to_string(), "https://x");
    }
}
