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
#[case::unreadable_result("HarborResultUnreadable", FailureClass::Verifier)]
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
     Stdout: Temporary failure resolving 'deb.debian.org'\nfailed to solve: process \"/bin/sh -c apt-get update\" did not complete \
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
#[case::a_build_speaks_of_no_provider("RuntimeError", BUILD_PRINTS, FailureClass::Unknown)]
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

/// What Harbor makes of a `docker compose` that failed and printed this.
fn compose(output: &str) -> String {
    format!(
        "Docker compose command failed for environment no space left on device. Command: docker compose -f /x/i/o timeout.yaml up. \
         Return code: 1. Stdout: {output}\n. Stderr: None. "
    )
}

/// What a build prints of whose second step this is the output.
fn build(step: &str, command: &str, fault: &str) -> String {
    compose(&format!(
        "#4 [main 1/3] RUN fetch\n#4 1.0 Connection timed out, trying another mirror\n#4 DONE 2.0s\n\
         #5 [main 2/3] RUN {command}\n#5 0.3 {step}\n#5 ERROR: process \"/bin/sh -c {command}\" did not complete successfully\n\
         ------\n > [main 2/3] RUN {command}:\n0.3 {step}\n------\nDockerfile:3\n--------------------\n   1 |     FROM debian\n   \
         2 |     # could not resolve is what it says\n   3 | >>> RUN {command}\n--------------------\n\
         failed to solve: process \"/bin/sh -c {command}\" did not complete successfully: {fault}"
    ))
}

#[rstest]
// What the task is to be given.
#[case("Error response from daemon: range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available")]
#[case("Error response from daemon: Range of CPUs is from 0.01 to 16.00, as there are only 16 CPUs available")]
#[case("Error response from daemon: Minimum memory limit allowed is 6MB")]
#[case("Error response from daemon: Minimum memory limit can not be less than memory reservation limit, see usage")]
#[case("Error response from daemon: could not select device driver \"nvidia\" with capabilities: [[gpu]]")]
#[case(
    "Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"sh\": executable file not found in $PATH: unknown"
)]
#[case("OCI runtime create failed: container init was OOM-killed (memory limit too low?): unknown")]
#[case("Error response from daemon: invalid mount config for type \"bind\": bind source path does not exist: /data")]
// A compose file.
#[case("validating /x/docker-compose.yaml: services.main additional properties 'enviroment' not allowed")]
#[case("validating /x/docker-compose.yaml: services.main Additional property enviroment is not allowed")]
#[case("(root) Additional property servces is not allowed")]
#[case("services.main.ports must be a list")]
#[case("yaml: line 3: mapping values are not allowed in this context")]
#[case("service \"main\" depends on undefined service \"db\": invalid compose project")]
#[case("service \"main\" refers to undefined network inner: invalid compose project")]
#[case("service \"main\" has neither an image nor a build context specified: invalid compose project")]
#[case("no such service: main")]
#[case("error while interpolating services.main.environment.A: required variable TOKEN is missing a value: set it")]
#[case("invalid interpolation format for services.main.image: \"${\"")]
#[case("env file /x/.env.task not found: stat /x/.env.task: no such file or directory")]
#[case("network inner declared as external, but could not be found")]
// An image.
#[case(
    "Error response from daemon: pull access denied for nosuch/image, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
)]
#[case("Error response from daemon: manifest for debian:nosuchtag not found: manifest unknown: manifest unknown")]
#[case("Error response from daemon: Head \"https://ghcr.io/v2/a/b/manifests/latest\": denied")]
#[case("Error response from daemon: unauthorized: authentication required")]
#[case("Error response from daemon: no matching manifest for linux/amd64 in the manifest list entries")]
#[case(
    "unable to get image 'A:latest': Error response from daemon: invalid reference format: repository name must be lowercase"
)]
#[case("invalid tag \"foo_-1a2b3c4d-0-a1__env-main\": invalid reference format")]
#[case(
    "failed to solve: debian:nosuchtag: failed to resolve source metadata for docker.io/library/debian:nosuchtag: docker.io/library/debian:nosuchtag: not found"
)]
#[case(
    "failed to solve: nosuch/image: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
)]
// A Dockerfile.
#[case("failed to solve: dockerfile parse error on line 2: unknown instruction: RNU")]
#[case("failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory")]
#[case(
    "failed to solve: failed to compute cache key: failed to calculate checksum of ref abc::def: \"/missing\": not found"
)]
#[case("target main: failed to solve: the Dockerfile (Dockerfile) cannot be empty")]
#[case("The command '/bin/sh -c exit 7' returned a non-zero code: 7")]
fn what_docker_refuses_each_time_is_the_tasks(#[case] output: &str) {
    let message = compose(output);
    assert_eq!(class_of("RuntimeError", &message), FailureClass::Task);
    assert_eq!(headline(&message).as_deref(), Some(output), "it is said first");
    assert_eq!(class_of("RuntimeError", &format!("{output}\n\n{message}")), FailureClass::Task, "and changes nothing");
}

#[rstest]
#[case("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?")]
#[case("permission denied while trying to connect: dial unix /var/run/docker.sock: connect: permission denied")]
#[case("Error response from daemon: toomanyrequests: You have reached your pull rate limit.")]
#[case("Error response from daemon: Get \"https://registry-1.docker.io/v2/\": net/http: TLS handshake timeout")]
#[case(
    "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host"
)]
#[case(
    "failed to solve: debian: failed to resolve source metadata for docker.io/library/debian: failed to do request: Head \"https://x/v2/\": EOF"
)]
#[case("failed to solve: unexpected status from HEAD request to https://x/v2/debian: 503 Service Unavailable")]
#[case("failed to register layer: write /usr/lib/x: no space left on device")]
#[case(
    "Error response from daemon: could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"
)]
#[case("Error response from daemon: failed to create task: fork/exec /usr/bin/runc: resource temporarily unavailable")]
fn what_the_host_could_not_do_is_infrastructure(#[case] output: &str) {
    let message = compose(output);
    assert_eq!(class_of("RuntimeError", &message), FailureClass::Infrastructure);
    assert_eq!(headline(&message).as_deref(), Some(output));
}

#[rstest]
// The step itself failed, whatever a step before it had met, and whatever its command and the excerpt of the Dockerfile say.
#[case(
    "make: *** [all] Error 2",
    "make",
    "exit code: 2",
    FailureClass::Task,
    "failed to solve: process \"/bin/sh -c make\" did not complete successfully: exit code: 2"
)]
#[case(
    "no",
    "echo no space left on device; exit 1",
    "exit code: 1",
    FailureClass::Task,
    "failed to solve: process \"/bin/sh -c echo no space left on device; exit 1\" did not complete successfully: exit code: 1"
)]
#[case(
    "E: Unable to locate package nosuch",
    "apt-get install nosuch",
    "exit code: 100",
    FailureClass::Task,
    "failed to solve: process \"/bin/sh -c apt-get install nosuch\" did not complete successfully: exit code: 100"
)]
#[case(
    "curl: (7) Failed to connect to localhost port 80: Connection refused",
    "curl localhost",
    "exit code: 7",
    FailureClass::Task,
    "failed to solve: process \"/bin/sh -c curl localhost\" did not complete successfully: exit code: 7"
)]
// The network.
#[case(
    "W: Temporary failure resolving 'deb.debian.org'",
    "apt-get update",
    "exit code: 100",
    FailureClass::Infrastructure,
    "W: Temporary failure resolving 'deb.debian.org'"
)]
#[case(
    "Retrying after connection broken by 'NewConnectionError(...)': /simple/x/",
    "pip install x",
    "exit code: 1",
    FailureClass::Infrastructure,
    "Retrying after connection broken by 'NewConnectionError(...)': /simple/x/"
)]
#[case("npm error code ENOTFOUND", "npm ci", "exit code: 1", FailureClass::Infrastructure, "npm error code ENOTFOUND")]
#[case(
    "curl: (6) Could not resolve host: example.org",
    "curl -f https://example.org",
    "exit code: 6",
    FailureClass::Infrastructure,
    "curl: (6) Could not resolve host: example.org"
)]
#[case(
    "fatal: unable to access: Could not resolve host: github.com",
    "git clone x",
    "exit code: 128",
    FailureClass::Infrastructure,
    "fatal: unable to access: Could not resolve host: github.com"
)]
// Killed: by the step's own hunger, or by the host's.
#[case(
    "Killed",
    "make",
    "exit code: 137",
    FailureClass::Unknown,
    "failed to solve: process \"/bin/sh -c make\" did not complete successfully: exit code: 137"
)]
fn of_a_build_the_failed_step_decides(
    #[case] step: &str,
    #[case] command: &str,
    #[case] fault: &str,
    #[case] class: FailureClass,
    #[case] line: &str,
) {
    let message = build(step, command, fault);
    assert_eq!(class_of("RuntimeError", &message), class, "{message}");
    assert_eq!(headline(&message).as_deref(), Some(line));
}

/// Another try may find it otherwise, and it is nobody's fault but the task's that it needs this.
#[rstest]
#[case(
    "Error response from daemon: driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated"
)]
#[case("dependency failed to start: container x-db-1 is unhealthy")]
#[case("Error response from daemon: something that nobody has heard of")]
fn what_no_line_explains_is_unknown(#[case] output: &str) {
    assert_eq!(class_of("RuntimeError", &compose(output)), FailureClass::Unknown);
    assert_eq!(headline(&compose(output)).as_deref(), Some(output));
}

#[rstest]
#[case::no_text("UnicodeDecodeError", "'utf-8' codec can't decode byte 0xe9 in position 3: invalid continuation byte")]
#[case::no_toml("TOMLDecodeError", "Invalid statement (at line 1, column 1)")]
#[case::wrong_type("ValidationError", "1 validation error for TaskConfig")]
#[case::variable("ValueError", "Environment variable 'JUDGE_KEY' not found in host environment")]
#[case::options("ValueError", "Invalid kwargs for environment 'docker':\nUnknown option 'x'")]
#[case::gpu("RuntimeError", "Task requires 1 GPU(s) but docker environment does not support GPU allocation.")]
#[case::tests("FileNotFoundError", "No test script found in: /x/tests (target OS: linux)")]
#[case::dead_image(
    "RuntimeError",
    "Container did not become ready for exec within 60s: service \"main\" is not running"
)]
fn what_harbor_refuses_each_time_is_the_tasks(#[case] error_type: &str, #[case] message: &str) {
    assert_eq!(class_of(error_type, message), FailureClass::Task);
}

#[test]
fn a_container_that_is_only_slow_may_be_ready_the_next_time() {
    let message = "Container did not become ready for exec within 60s: Command timed out after 5 seconds";
    assert_eq!(class_of("RuntimeError", message), FailureClass::Infrastructure);
}

/// Of Python's errors about files: by then Harbor also reads what the agent and the tests left.
#[rstest]
fn once_the_agent_has_begun_a_bad_file_need_not_be_the_tasks(
    #[values("UnicodeDecodeError", "TOMLDecodeError", "ValidationError")] error_type: &str,
) {
    let since = Failure::during(Phase::SinceAgent, error_type, "bad", NOW);
    assert_eq!((since.class, since.agent_began), (FailureClass::Unknown, true));
    let before = Failure::during(Phase::BeforeAgent, error_type, "bad", NOW);
    assert_eq!((before.class, before.agent_began), (FailureClass::Task, false));
}

/// What an agent prints about its own sandbox is its own doing, such as a disk that it filled.
#[rstest]
#[case("Cannot connect to the Docker daemon at unix:///var/run/docker.sock")]
#[case("OSError: [Errno 28] No space left on device")]
#[case("Docker compose command failed for environment x. Stdout: no space left on device")]
fn an_agent_does_not_make_its_failure_the_machines(#[case] printed: &str) {
    let message = format!("Command failed (exit 1): agent\nstdout: {printed}\nstderr: None");
    assert_eq!(class_of("NonZeroAgentExitCodeError", &message), FailureClass::Agent);
}

#[rstest]
#[case::of_an_agent(
    "Command failed (exit 2): set -e; agent --long\nstdout: hello\nstderr: usage: agent\nagent: no such flag",
    Some("Command failed (exit 2): agent: no such flag")
)]
#[case::of_an_agent_that_said_nothing_on_stderr(
    "Command failed (exit 2): agent\nstdout: hello\nbye\nstderr: None",
    Some("Command failed (exit 2): bye")
)]
#[case::of_pydantic(
    "2 validation errors for TaskConfig\nenvironment.memory_mb\n  Input should be a valid integer [type=int_parsing, input_value='lots', input_type=str]\n    For further information visit x\nagent\n  Field required",
    Some("environment.memory_mb: Input should be a valid integer (2 validation errors for TaskConfig)")
)]
#[case::that_goes_on(
    "Invalid kwargs for environment 'docker':\n  Unknown option 'x'\nSee y.",
    Some("Invalid kwargs for environment 'docker': Unknown option 'x'")
)]
#[case::of_a_codec(
    "'utf-8' codec can't decode byte 0xe9",
    Some("A file that should be text is not UTF-8: 'utf-8' codec can't decode byte 0xe9")
)]
#[case::that_is_there_already("Agent execution timed out after 5.0 seconds", None)]
#[case::nothing("", None)]
fn the_cause_in_one_line(#[case] message: &str, #[case] line: Option<&str>) {
    assert_eq!(headline(message).as_deref(), line);
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
        let _no_panic = headline(&format!("Docker compose command failed. Stdout: {text}\n > [{text}\n#1 {text}"));
        let failure = Failure::of(name, &format!("{marker}{text}"), NOW);
        prop_assert!(failure.retry_after.is_none_or(|wait| wait <= RETRY_AFTER_MAX));
        prop_assert!(failure.retry_after.is_none() || failure.class.is_provider());
    }
}
