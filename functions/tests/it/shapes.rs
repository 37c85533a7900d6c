//! The whole body of each type of answer. The test of an endpoint shows it once, as an inline snapshot; other tests look at status and
//! detail.
//!
//! ```ignore
//! let _readable = shapes::readable();
//! insta::assert_json_snapshot!(Shape::HealthResponse.of(&api.get("/health").await), @"");
//! ```

use std::collections::BTreeSet;

use insta::Settings;
use insta::internals::SettingsBindDropGuard;
use oddish_functions::http::router::openapi;
use oddish_test_api::Answer;
use serde_json::Value;

use crate::http::openapi::validator;

macro_rules! shapes {
    ($($name:ident),* $(,)?) => {
        /// The types of answers, by their names in the document. One that no test shows is an error: it is never constructed.
        #[deny(dead_code)]
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Shape { $($name),* }

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

shapes! {
    ApiKeyResponse,
    BrowseTasksResponse,
    CancelResponse,
    CancelTasksResponse,
    CompareResponse,
    CompleteImportResponse,
    CreatedApiKeyResponse,
    DashboardResponse,
    DeleteExperimentResponse,
    DeleteTaskResponse,
    DeleteTrialResponse,
    ExperimentResponse,
    HealthResponse,
    InitImportResponse,
    InitUploadResponse,
    ListExperimentsResponse,
    ListTrialsResponse,
    OrphanedStateResponse,
    PublicExperimentName,
    PublicExperimentResponse,
    QueueResponse,
    QueueStatusResponse,
    RenameExperimentResponse,
    ResultsResponse,
    RetryExperimentResponse,
    RetryTaskAnalysisResponse,
    RetryTrialResponse,
    RetryVerdictResponse,
    RevokeApiKeyResponse,
    ShareResponse,
    SlotsResponse,
    StructuredLogsResponse,
    TaskFileResponse,
    TaskFilesResponse,
    TaskResponse,
    TaskStatusResponse,
    TaskVersionResponse,
    TrialDebugFilesResponse,
    TrialFilesResponse,
    TrialLogsResponse,
    TrialResponse,
    UploadResponse,
}

impl Shape {
    /// The body of a good answer: one of this type or a list of them, as the document describes it.
    #[must_use = "a snapshot shows it"]
    pub(crate) fn of(self, answer: &Answer) -> Value {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        let body = answer.json();
        let document = serde_json::to_value(openapi()).unwrap();
        let schema = validator(&document, &document["components"]["schemas"][format!("{self:?}")]);
        for one in body.as_array().map_or(std::slice::from_ref(&body), Vec::as_slice) {
            schema.validate(one).unwrap_or_else(|error| panic!("{} of {one}: {error}", error.instance_path()));
        }
        body
    }
}

/// Names what differs from run to run in the snapshots that follow: ids, instants, hashes, tokens.
pub(crate) fn readable() -> SettingsBindDropGuard {
    let mut settings = Settings::clone_current();
    for (pattern, name) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[uuid]"),
        (r"ok_[0-9a-f]+", "[key]"),
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

/// The types of the bodies of all good answers that are JSON.
fn in_the_document() -> BTreeSet<String> {
    let document = serde_json::to_value(openapi()).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let schemas = operations.filter_map(|operation| {
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        schema["$ref"].as_str().or_else(|| schema["items"]["$ref"].as_str())
    });
    schemas.map(|schema| schema.rsplit('/').next().unwrap().to_owned()).collect()
}

#[test]
fn every_type_of_answer_is_shown_whole() {
    let shown: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(shown, in_the_document(), "`Shape` has other types than the document");
}
