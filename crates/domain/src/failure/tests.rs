use std::collections::BTreeSet;

use proptest::prelude::*;
use rstest::rstest;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-10-21 07:00 UTC);

fn class_of(error_type: &str, message: &str) -> FailureClass {
    Failure::of(error_type, message, NOW).class
}

#[test]
fn words_are_spelled_alike_everywhere() {
    let words: Vec<&str> = FailureClass::ALL.iter().map(|class| class.as_str()).collect();
    assert_eq!(
        words.join(" "),
        "infrastructure provider_rate_limit provider_quota provider_auth provider agent verifier task cancelled unknown"
    );
    for &class in FailureClass::ALL {
        assert_eq!(serde_json::to_value(class).unwrap(), serde_json::json!(class.as_str()));
        assert_eq!(class.as_str().parse(), Ok(class));
    }
}

#[rstest]
#[case::sandbox("EnvironmentStartTimeoutError", FailureClass::Infrastructure)]
#[case::rate("ApiRateLimitError", FailureClass::ProviderRateLimit)]
#[case::quota("ApiUsageLimitError", FailureClass::ProviderQuota)]
#[case::auth("AgentAuthenticationError", FailureClass::ProviderAuth)]
#[case::provider("ApiOverloadedError", FailureClass::Provider)]
#[case::agent("AgentTimeoutError", FailureClass::Agent)]
#[case::agent_crash("NonZeroAgentExitCodeError", FailureClass::Agent)]
#[case::verifier("RewardFileNotFoundError", FailureClass::Verifier)]
#[case::task("SandboxBuildFailedError", FailureClass::Task)]
#[case::cancelled("CancelledError", FailureClass::Cancelled)]
#[case::of_litellm("ServiceUnavailableError", FailureClass::Provider)]
#[case::disk("InsufficientDiskSpace", FailureClass::Infrastructure)]
#[case::no_reward("RewardMissing", FailureClass::Verifier)]
#[case::bad_archive("TaskArchiveChanged", FailureClass::Task)]
#[case::never_seen("ZebraError", FailureClass::Unknown)]
#[case::python("RuntimeError", FailureClass::Unknown)]
fn names_decide_where_the_message_says_nothing(#[case] error_type: &str, #[case] class: FailureClass) {
    assert_eq!(class_of(error_type, ""), class);
    assert_eq!(class_of(error_type, "Command failed (exit 1): agent\nstdout: it did not work"), class);
}

const BUILD_FAILED: &str = "Docker compose command failed for environment x. Command: docker compose build. Return code: 17. \
     Stdout: failed to solve: process \"/bin/sh -c exit 7\" did not complete successfully: exit code: 7\n. Stderr: None. ";
const BUILD_OFFLINE: &str = "Docker compose command failed for environment x. Command: docker compose build. Return code: 17. \
     Stdout: Temporary failure resolving 'deb.debian.org' ... process \"/bin/sh -c apt-get update\" did not complete \
     successfully: exit code: 100\n. Stderr: None. ";
const NO_DAEMON: &str = "Docker compose command failed for environment x. Command: docker compose up. Return code: 1. \
     Stdout: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
const BUILD_PRINTS: &str =
    "Docker compose command failed for environment x. Stdout: insufficient_quota, error code: 429";
const CLAUDE_401: &str =
    r#"API Error: 401 {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#;
const CLAUDE_EMPTY: &str = r#"API Error: 400 {"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#;
const CLAUDE_529: &str =
    r#"API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
const OPENAI_EMPTY: &str = "Error code: 429 - {'error': {'message': 'You exceeded your current quota, please check your \
     plan and billing details.', 'code': 'insufficient_quota'}}";
const GEMINI_BY_THE_MINUTE: &str = r#"429 You exceeded your current quota ... Please retry in 34.07s. {"status": "RESOURCE_EXHAUSTED", "retryDelay": "34s"}"#;

#[rstest]
#[case::broken_image("RuntimeError", BUILD_FAILED, FailureClass::Task)]
#[case::build_without_network("RuntimeError", BUILD_OFFLINE, FailureClass::Infrastructure)]
#[case::no_docker("RuntimeError", NO_DAEMON, FailureClass::Infrastructure)]
#[case::a_build_speaks_of_no_provider("RuntimeError", BUILD_PRINTS, FailureClass::Infrastructure)]
#[case::no_docker_before("SystemExit", "Docker daemon is not running.", FailureClass::Infrastructure)]
#[case::disk("OSError", "[Errno 28] No space left on device: '/x'", FailureClass::Infrastructure)]
#[case::sandbox_service("ApiError", "Sandboxes API unavailable (HTTP 429)", FailureClass::Infrastructure)]
#[case::network_rules("ValueError", "network_mode='no-network' is not supported by X", FailureClass::Task)]
#[case::credentials("UnknownApiError", CLAUDE_401, FailureClass::ProviderAuth)]
#[case::empty_account("UnknownApiError", CLAUDE_EMPTY, FailureClass::ProviderQuota)]
#[case::empty_account_by_another_name("BadRequestError", CLAUDE_EMPTY, FailureClass::ProviderQuota)]
#[case::overloaded("NonZeroAgentExitCodeError", CLAUDE_529, FailureClass::Provider)]
#[case::a_rate_limit_that_is_none("RateLimitError", OPENAI_EMPTY, FailureClass::ProviderQuota)]
#[case::a_rate_limit_that_is_none_in_harbor("ApiRateLimitError", OPENAI_EMPTY, FailureClass::ProviderQuota)]
#[case::a_quota_that_is_none("ApiUsageLimitError", GEMINI_BY_THE_MINUTE, FailureClass::ProviderRateLimit)]
#[case::status_only("APIError", "Error code: 429", FailureClass::ProviderRateLimit)]
#[case::nothing_but_output("AgentTimeoutError", OPENAI_EMPTY, FailureClass::Agent)]
#[case::no_credentials_in_a_crash_of_harbor("HarborCrashed", CLAUDE_401, FailureClass::Infrastructure)]
fn messages_decide_where_the_name_says_little(
    #[case] error_type: &str,
    #[case] message: &str,
    #[case] class: FailureClass,
) {
    assert_eq!(class_of(error_type, message), class);
}

#[test]
fn another_try_with_the_same_mistake_is_none() {
    let lasting = |error_type, message| Failure::of(error_type, message, NOW).lasting;
    assert!(lasting("ModelNotFoundError", ""));
    assert!(lasting("BadRequestError", "temperature must be 1"));
    assert!(lasting("SystemExit", "DAYTONA_API_KEY is not set"));
    assert!(!lasting("BadRequestError", CLAUDE_EMPTY), "the account may be filled up");
    assert!(!lasting("SystemExit", "Docker daemon is not running."), "it may be started");
    assert!(!lasting("ApiOverloadedError", ""));
}

#[test]
fn only_providers_are_asked_how_long_to_wait() {
    let wait = |error_type| Failure::of(error_type, "try again in 20s", NOW).retry_after;
    assert_eq!(wait("ApiRateLimitError"), Some(Duration::from_secs(20)));
    assert_eq!(wait("NonZeroAgentExitCodeError"), None);
}

/// Names of every kind: of provider and sandbox, of the verifier, of Python, of nobody.
#[rstest]
fn rewards_beside_other_exceptions_are_void(
    #[values(
        "AgentAuthenticationError",
        "AgentSetupTimeoutError",
        "ApiOverloadedError",
        "CancelledError",
        "MemoryLimitExceededError",
        "NetworkConnectionError",
        "RateLimitError",
        "RuntimeError",
        "UnknownApiError",
        "ValueError",
        "VerifierTimeoutError",
        "ZebraError",
        "agenttimeouterror",
        ""
    )]
    error_type: &str,
) {
    assert!(!reward_counts(error_type));
}

#[rstest]
fn rewards_beside_what_the_agent_did_count(
    #[values(
        "AgentTimeoutError",
        "AgentSafetyRefusalError",
        "ContextWindowExceededError",
        "ContentPolicyViolationError",
        "NonZeroAgentExitCodeError",
        "OutputTokenExceededError"
    )]
    error_type: &str,
) {
    assert!(reward_counts(error_type));
}

#[test]
fn each_name_is_in_the_table_once() {
    let mut seen = BTreeSet::new();
    for name in KNOWN.iter().flat_map(|known| known.names) {
        assert!(seen.insert(name), "{name} has two entries");
    }
}

#[rstest]
#[case("try again in 20s", 20.0)]
#[case("Please try again in 1m30s. Visit", 90.0)]
#[case("Please try again in 6m0s.", 360.0)]
#[case("try again in 120ms", 0.12)]
#[case("try again in 1.5 seconds", 1.5)]
#[case("Try again in 2 hours 5 minutes.", 7500.0)]
#[case("Please retry in 34.07s.", 34.07)]
#[case(r#""retryDelay": "34s""#, 34.0)]
#[case(r#"{\"retryDelay\": \"34s\"}"#, 34.0)]
#[case("Please retry after 26 seconds.", 26.0)]
#[case("retry after 26.", 26.0)]
#[case("'retry-after': '7'", 7.0)]
#[case("\"retry_after\": 20, \"x\": 1", 20.0)]
#[case("Retry-After: 0", 0.0)]
#[case("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", 28.0 * 60.0)]
#[case("retry-after: 3\nretry-after: Wed, 21 Oct 2026 07:01:00 GMT", 60.0)]
#[case("try again in 5s ... try again in 40s", 40.0)]
#[case("try again in 5s ... try again in a while", 5.0)]
#[case("try again in 9 days", 86400.0)]
#[case("Retry-After: 99999999999999999999999999", 86400.0)]
#[case("Retry-After: Wed, 21 Oct 2099 07:28:00 GMT", 86400.0)]
fn waits_are_found(#[case] message: &str, #[case] seconds: f64) {
    assert_eq!(retry_after(message, NOW), Some(Duration::from_secs_f64(seconds)));
}

#[rstest]
#[case::none("too many requests")]
#[case::no_number("try again in a few minutes")]
#[case::no_unit("try again in 2026")]
#[case::no_known_unit("try again in 3 weeks")]
#[case::a_date_that_is_past("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT")]
#[case::no_date("Retry-After: Wednesday, when all is well")]
#[case::cut("Retry-After: ")]
#[case::no_decimal("try again in 1.2.3s")]
fn no_wait_is_made_up(#[case] message: &str) {
    assert_eq!(retry_after(message, NOW), None);
}

proptest! {
    #[test]
    fn any_text_has_a_class_and_no_endless_wait(
        marker in "(?i)(retry-after: |try again in |\"retryDelay\": \"|quota exceeded )?",
        text in "\\PC{0,40}|[0-9]{1,400}(\\.[0-9]{0,9})?(ms|s|m|h|d|İ)?",
        name in prop::sample::select(vec!["ApiRateLimitError", "UnknownApiError", "RuntimeError", "Zebra"]),
    ) {
        let failure = Failure::of(name, &format!("{marker}{text}"), NOW);
        prop_assert!(failure.retry_after.is_none_or(|wait| wait <= RETRY_AFTER_MAX));
        prop_assert!(failure.retry_after.is_none() || failure.class.is_provider());
    }
}
