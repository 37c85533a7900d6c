//! Finds the cause of an error with a general name in its message.
//!
//! Phrases as a provider, Harbor or Docker writes them: a message may hold output of the agent and of the task's own
//! programs, which mention every error there is.

use std::time::Duration;

use time::OffsetDateTime;

use super::{FailureClass, docker, retry_after};

/// Faults of the host and the sandbox, unmistakable wherever they stand.
const SANDBOX: &[&str] = &[
    "cannot connect to the docker daemon",
    "disk quota exceeded",
    "docker daemon is not running",
    "[errno 28]",
    "sandboxes api ",
];

/// How Harbor says that a container which was started runs no command.
const NOT_READY: &str = "container did not become ready for exec";

/// Why that is, where the image is to blame: its program has ended, or it has none of those that Harbor calls.
const NEVER_READY: &[&str] =
    &["is not running", "executable file not found", "no such file or directory", "exec format error"];

/// What the task or its sweep asks for cannot be done, in Harbor's words. Most are raised as a `ValueError` or a
/// `RuntimeError`, before the sandbox starts; the variables of a task's tests are looked up only when these begin.
const TASK: &[&str] = &[
    // Network rules that the sandbox can't enforce.
    "cannot change network policy after start",
    "network_mode='",
    "network policy differs",
    // Variables that are not set where Harbor runs.
    "not found in host environment",
    "invalid environment variable template",
    // Options and needs that the environment or the agent does not know.
    "invalid kwargs for environment",
    "does not support gpu allocation",
    "does not support tpu allocation",
    "does not support windows containers",
    "does not support automatic host mounts",
    "does not support docker compose",
    "does not support mcp servers",
    "does not support skills",
    "task declares [environment].os",
    "task references compose sidecar services",
    // Files that the task lacks.
    "has no environment definition",
    "no test script found",
    "does not contain an os-compatible test script",
    "extra instruction file not found",
];

/// How Python says that a file is not the text that it should be.
const NO_TEXT: &str = "codec can't decode byte";

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
    // A build prints what it likes; nothing in it speaks of the model's provider.
    if let Some(told) = docker::told(message) {
        return Some(told.class);
    }
    let text = message.to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if text.contains(NOT_READY) {
        Some(if says(NEVER_READY) { FailureClass::Task } else { FailureClass::Infrastructure })
    } else if says(SANDBOX) {
        Some(FailureClass::Infrastructure)
    } else if says(TASK) {
        Some(FailureClass::Task)
    } else {
        provider(message, now)
    }
}

/// The class that a message tells of which holds output of the agent: what happened in the sandbox is the agent's doing, and
/// only what the model's provider said is not.
pub(super) fn provider(message: &str, now: OffsetDateTime) -> Option<FailureClass> {
    let text = message.to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if let Some(limit) = rate_limit_or_quota(message, now) {
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

/// The cause in one line, where the first line of the message does not tell it.
pub(super) fn headline(message: &str) -> Option<String> {
    if let Some(told) = docker::told(message) {
        return told.line.map(|line| whole_sentence(line, message));
    }
    let (first, rest) = message.trim_start().split_once('\n').unwrap_or((message, ""));
    let next = |rest: &str| rest.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
    if first.contains(" validation error") {
        // Pydantic: the field, and below it what is wrong with it.
        let field = next(rest)?;
        let fault = next(rest.split_once(field.as_str())?.1)?;
        let fault = fault.split_once(" [type=").map_or(fault.as_str(), |(fault, _)| fault);
        Some(format!("{field}: {fault} ({})", first.trim_end_matches(':')))
    } else if first.starts_with("Command failed (exit ") {
        // Harbor, of an agent: the command, which may have any length, and below it what it printed.
        let (status, _) = first.split_once(':')?;
        let (stdout, stderr) = rest.rsplit_once("\nstderr: ").unwrap_or((rest, ""));
        let last = |text: &str| {
            let text = text.strip_prefix("stdout: ").unwrap_or(text);
            text.lines().map(str::trim).rfind(|line| !line.is_empty() && *line != "None").map(str::to_owned)
        };
        Some(format!("{status}: {}", last(stderr).or_else(|| last(stdout))?))
    } else if first.contains(NO_TEXT) {
        Some(format!("A file that should be text is not UTF-8: {first}"))
    } else {
        first.trim_end().ends_with(':').then(|| whole_sentence(first, message))
    }
}

/// A line and, where it ends in a colon, the next one.
fn whole_sentence(line: &str, text: &str) -> String {
    let line = line.trim_end();
    let next = || text.split_once(line)?.1.lines().map(str::trim).find(|line| !line.is_empty());
    match next() {
        Some(next) if line.ends_with(':') => format!("{line} {next}"),
        _ => line.to_owned(),
    }
}
