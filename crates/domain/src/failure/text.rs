//! What messages of errors with a general name tell of their cause.
//!
//! Few phrases, each as a provider or Docker writes it: a message may hold output of the agent and of the task's own
//! programs, which mention every error there is.

use std::time::Duration;

use time::OffsetDateTime;

use super::{FailureClass, retry_after};

/// How a failed `docker compose` of Harbor's begins.
const COMPOSE_FAILED: &str = "docker compose command failed";

/// What a step of an image's build that failed leaves, and a Dockerfile that can't be read.
const BUILD_FAILED: &[&str] =
    &["did not complete successfully: exit code", "dockerfile parse error", "failed to read dockerfile"];

/// What a build or a start says that failed for want of network or disk, and may do better next time.
const HOST_TROUBLE: &[&str] = &[
    "connection reset by peer",
    "connection timed out",
    "could not resolve",
    "i/o timeout",
    "no space left on device",
    "temporary failure in name resolution",
    "temporary failure resolving",
    "tls handshake timeout",
    "toomanyrequests",
];

/// Faults of the host and the sandbox, unmistakable wherever they stand.
const SANDBOX: &[&str] = &[
    "cannot connect to the docker daemon",
    "container did not become ready for exec",
    "disk quota exceeded",
    "docker daemon is not running",
    "[errno 28]",
    "sandboxes api ",
];

/// Network rules that the sandbox can't enforce. Harbor raises these as a `ValueError`, before the sandbox starts.
const NETWORK_RULES: &[&str] =
    &["cannot change network policy after start", "network_mode='", "network policy differs"];

/// `OpenAI` and those like it; Anthropic; `OpenRouter`; `LiteLLM`'s proxy.
const QUOTA: &[&str] = &[
    "billing_hard_limit_reached",
    "budget has been exceeded",
    "credit balance is too low",
    "exceeded your current quota",
    "insufficient_quota",
    "quota exceeded",
    "requires more credits",
];

/// Anthropic, twice; Google; `OpenAI`, twice.
const AUTH: &[&str] = &[
    "authentication_error",
    "invalid x-api-key",
    "api key not valid",
    "incorrect api key provided",
    "invalid_api_key",
];

/// Anthropic; `OpenAI`; Google; agents and libraries that give the status.
const RATE_LIMIT: &[&str] = &[
    "rate_limit_error",
    "rate_limit_exceeded",
    "resource_exhausted",
    "too many requests",
    "api error: 429",
    "error code: 429",
    "status code 429",
];

/// Anthropic; agents and libraries that give the status.
const OVERLOADED: &[&str] =
    &["overloaded_error", "api error: 5", "error code: 500", "error code: 502", "error code: 503", "error code: 529"];

/// Longest wait that a mere rate limit asks for. A quota by the minute is a rate limit, whatever it is called.
const RATE_LIMIT_WAIT: Duration = Duration::from_mins(10);

/// The class that a message tells of.
pub(super) fn cause(message: &str, now: OffsetDateTime) -> Option<FailureClass> {
    let text = message.to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if text.contains(COMPOSE_FAILED) {
        // A build prints what it likes; nothing in it speaks of the model's provider.
        let by_task = says(BUILD_FAILED) && !says(HOST_TROUBLE);
        Some(if by_task { FailureClass::Task } else { FailureClass::Infrastructure })
    } else if says(SANDBOX) {
        Some(FailureClass::Infrastructure)
    } else if says(NETWORK_RULES) {
        Some(FailureClass::Task)
    } else if let Some(limit) = rate_limit_or_quota(message, now) {
        Some(limit)
    } else if says(AUTH) {
        Some(FailureClass::ProviderAuth)
    } else {
        says(OVERLOADED).then_some(FailureClass::Provider)
    }
}

/// Which of the two a message tells of, if any. Both come with status 429, and Google calls both a quota.
pub(super) fn rate_limit_or_quota(message: &str, now: OffsetDateTime) -> Option<FailureClass> {
    let text = message.to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    let soon_over = || retry_after(message, now).is_some_and(|wait| wait <= RATE_LIMIT_WAIT);
    if says(QUOTA) {
        Some(if soon_over() { FailureClass::ProviderRateLimit } else { FailureClass::ProviderQuota })
    } else {
        says(RATE_LIMIT).then_some(FailureClass::ProviderRateLimit)
    }
}
