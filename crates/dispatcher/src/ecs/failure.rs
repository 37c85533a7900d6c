//! What a refusal of ECS means for a claim.

use aws_sdk_ecs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::run_task::RunTaskError;
use aws_sdk_ecs::types::Failure;

use crate::LaunchError;

/// Codes of errors that say something about this moment, and nothing about the task (AWS, "Common errors", and `RunTask`'s own).
const PASSING: &[&str] = &[
    "BlockedException",
    "ConflictException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalFailure",
    "LimitExceededException",
    "RequestExpired",
    "RequestLimitExceeded",
    "ServerException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "UnrecognizedClientException",
];

/// Texts by which an error of another code turns out to be a throttle, a limit of the account, or a shortage.
const PASSING_TEXTS: &[&str] = &[
    "throttl",
    "rate exceeded",
    "too many requests",
    "limit on the number of",
    "capacity is unavailable",
    "no capacity",
];

/// Starts of reasons in `failures` that no later moment mends: no machine of the cluster is of the right kind, or something is missing.
const LASTING_REASONS: &[&str] = &["ATTRIBUTE", "LOCATION", "MISSING", "INACTIVE"];

/// Of a call that was answered with an error, or not at all. Where no answer came a task may run all the same: the token tells the next
/// call so, and if the claim is given back the task finds its own token stale.
pub(super) fn of_call(error: &SdkError<RunTaskError>) -> LaunchError {
    let Some(service) = error.as_service_error() else {
        return LaunchError::Busy { reason: format!("ECS gave no answer: {}", DisplayErrorContext(error)) };
    };
    let code = service.code().unwrap_or("unknown error");
    let text = service.message().unwrap_or("without a message");
    let reason = format!("ECS answered {code}: {text}");
    let passes = PASSING.contains(&code)
        || is_passing(text)
        || error.raw_response().is_some_and(|raw| raw.status().is_server_error());
    if passes { LaunchError::Busy { reason } } else { LaunchError::Never { reason } }
}

/// Of a call that was answered, and started nothing.
pub(super) fn of_answer(failures: &[Failure]) -> LaunchError {
    let Some(failure) = failures.first() else {
        return LaunchError::Busy { reason: "ECS started no task and did not say why".to_owned() };
    };
    let short = failure.reason().unwrap_or("no reason");
    let detail = failure.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    let reason = format!("ECS started no task: {short}{detail}");
    let lasts = LASTING_REASONS.iter().any(|lasting| short.starts_with(lasting)) && !is_passing(short);
    if lasts { LaunchError::Never { reason } } else { LaunchError::Busy { reason } }
}

fn is_passing(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    PASSING_TEXTS.iter().any(|passing| text.contains(passing))
}
