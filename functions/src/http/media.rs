//! How a body is written: what its headers say of it, and 415 for what is not read here.

use http::{HeaderMap, HeaderName, StatusCode, header};

use crate::http::error::ApiError;

/// Refuses a body that is compressed, or encoded in another way.
pub(crate) fn plain(headers: &HeaderMap) -> Result<(), ApiError> {
    let strange = values(headers, header::CONTENT_ENCODING).find(|coding| coding != "identity");
    match strange {
        None => Ok(()),
        Some(coding) => Err(unsupported(format!(
            "Bodies are read as they are, and this one has the Content-Encoding {coding:?}: send it without one."
        ))),
    }
}

/// Refuses a body that is not said to be JSON. A browser sends JSON to another site only if that site lets it, and anything else unasked.
pub(crate) fn json(headers: &HeaderMap) -> Result<(), ApiError> {
    is_of(headers, "JSON", "application/json", |kind| {
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
    })
}

/// Refuses a body that is not said to be a form with files.
pub(crate) fn form(headers: &HeaderMap) -> Result<(), ApiError> {
    is_of(headers, "a form", "multipart/form-data", |kind| kind == "multipart/form-data")
}

fn is_of(headers: &HeaderMap, what: &str, wanted: &str, fits: fn(&str) -> bool) -> Result<(), ApiError> {
    let mut given = values(headers, header::CONTENT_TYPE).peekable();
    let problem = match given.peek() {
        None => "this one has none".to_owned(),
        Some(_) => match given.find(|kind| !fits(kind)) {
            None => return Ok(()),
            Some(kind) => format!("this one has {kind:?}"),
        },
    };
    Err(unsupported(format!("The body must be {what} with the Content-Type `{wanted}`, and {problem}.")))
}

/// What a header says, without parameters, in lower case.
fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = String> {
    headers.get_all(name).iter().map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    })
}

fn unsupported(text: String) -> ApiError {
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn json_is_what_says_that_it_is() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.oddish+json"] {
            assert!(json(&headers(&header::CONTENT_TYPE, &[kind])).is_ok(), "{kind}");
        }
        for kinds in [
            &[][..],
            &["text/plain"],
            &["text/json"],
            &["application/jsonp"],
            &["application/x-www-form-urlencoded"],
            &["text/plain; application/json"],
            &["application/json", "text/plain"],
            &[""],
        ] {
            assert!(json(&headers(&header::CONTENT_TYPE, kinds)).is_err(), "{kinds:?}");
        }
        assert!(form(&headers(&header::CONTENT_TYPE, &["multipart/form-data; boundary=x"])).is_ok());
        assert!(form(&headers(&header::CONTENT_TYPE, &["application/json"])).is_err());
    }

    #[test]
    fn a_body_is_read_as_it_is() {
        for codings in [&[][..], &["identity"], &["Identity"]] {
            assert!(plain(&headers(&header::CONTENT_ENCODING, codings)).is_ok(), "{codings:?}");
        }
        for codings in [&["gzip"][..], &["identity", "br"], &["gzip, identity"], &["deflate"], &[""]] {
            assert!(plain(&headers(&header::CONTENT_ENCODING, codings)).is_err(), "{codings:?}");
        }
    }
}
