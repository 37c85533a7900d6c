//! The whole body of each type of answer. The test of an endpoint shows it once, as an inline snapshot; other tests look at status and
//! detail.
//!
//! ```ignore
//! let _readable = shapes::readable();
//! insta::assert_json_snapshot!(shapes::of("HealthResponse", &api.get("/health").await), @"");
//! ```

use insta::Settings;
use insta::internals::SettingsBindDropGuard;
use oddish_functions::http::document::openapi;
use oddish_test_api::Answer;
use serde_json::Value;

use crate::http::openapi::validator;

/// Where each run notes the types that it showed. `cargo xtask test` fails if a run of all tests did not show one.
const SHOWN: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/shown-answers");

/// The body of a good answer: one of the type of this name or a list of them, as the document describes it.
#[must_use = "a snapshot shows it"]
pub(crate) fn of(name: &str, answer: &Answer) -> Value {
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    let body = answer.json();
    let document = serde_json::to_value(openapi()).unwrap();
    let schema = validator(&document, &document["components"]["schemas"][name]);
    for one in body.as_array().map_or(std::slice::from_ref(&body), Vec::as_slice) {
        schema.validate(one).unwrap_or_else(|error| panic!("{} of {one}: {error}", error.instance_path()));
    }
    std::fs::create_dir_all(SHOWN).unwrap();
    std::fs::write(format!("{SHOWN}/{name}"), "").unwrap();
    body
}

/// Names what differs from run to run in the snapshots that follow: ids, instants, hashes, tokens.
pub(crate) fn readable() -> SettingsBindDropGuard {
    let mut settings = Settings::clone_current();
    for (pattern, name) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[uuid]"),
        (r"ok_[0-9a-f]+", "[key]"),
        (r"kwargs_hash=[0-9a-f]{8}", "kwargs_hash=[salted]"),
        (r"[0-9a-f]{64}", "[sha256]"),
        (r"[0-9a-f]{32}", "[random]"),
        (r#""[\w-]{43}""#, r#""[token]""#),
        (r#"\?[^" ]*signature=[^" ]*"#, "?[signature]"),
        (r"([\w.]+)-[0-9a-f]{8}", "$1-[id]"),
        (r#""[0-9a-f]{8}""#, r#""[id]""#),
        (r#"~[0-9a-f]{16}~[^"]+""#, r#"~[place]""#),
        (r#""avg_duration_s": [\d.e-]+"#, r#""avg_duration_s": "[seconds]""#),
    ] {
        settings.add_filter(pattern, name);
    }
    settings.bind_to_scope()
}
