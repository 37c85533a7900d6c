//! Which server is spoken to, and with which key (contract 2.1).

use reqwest::Url;

use crate::plain_text;
use crate::printer::Failure;

const BUILT_IN_URL: &str = "http://localhost:8000";

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
        Self::from_sources(flag, |name| std::env::var(name).ok())
    }

    fn from_sources(flag: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let variable = |name: &'static str| variable(name).filter(|value| !value.trim().is_empty());
        let (source, text) = flag
            .filter(|value| !value.trim().is_empty())
            .map(|value| ("--api", String::from(value)))
            .or_else(|| variable("ODDISH_API_URL").map(|value| ("ODDISH_API_URL", value)))
            .or_else(|| variable("ODDISH_DEFAULT_API_URL").map(|value| ("ODDISH_DEFAULT_API_URL", value)))
            .unwrap_or(("the built-in default", BUILT_IN_URL.into()));
        let base = parse(text.trim().trim_end_matches('/')).map_err(|fault| {
            Failure::usage(format!("{source} is not a server's URL: {:?}: {fault}", plain_text::short_line(&text, 200)))
                .with_hint(format!("a URL such as {BUILT_IN_URL} or https://oddish.example.org"))
        })?;
        Ok(Self { base, key: variable("ODDISH_API_KEY").map(|key| key.trim().into()) })
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
    use super::Api;

    fn resolve(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<Api, String> {
        Api::from_sources(flag, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| String::from(*value))
        })
        .map_err(|failure| format!("{failure:?}"))
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
