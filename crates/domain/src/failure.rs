//! Classes of failure, and their consequences.
//!
//! The name of the error decides, by the table [`KNOWN`]. Where a name says little, such as Python's
//! `RuntimeError`, the message is searched for phrases that providers, Harbor and Docker use word for word. What matches
//! nothing is [`FailureClass::Unknown`].
//!
//! Only a fault of the host, the network or the runner is [`FailureClass::Infrastructure`]. What the task's author or the
//! agent caused never is: it would be tried again for hours, and would look like trouble with the machine.

mod docker;
mod known;
mod retry_after;
mod text;

use std::time::Duration;

use time::OffsetDateTime;

pub use self::known::{KNOWN, Known, Source};
pub use self::retry_after::{RETRY_AFTER_MAX, retry_after};
use crate::status::words;

words! {
    /// Who or what ended an attempt before it was done.
    FailureClass, "failure class",
    /// The host of the sandbox, the network, the disk, or the runner; never what the task or the agent did.
    Infrastructure = "infrastructure",
    /// The model's provider asked to slow down.
    ProviderRateLimit = "provider_rate_limit",
    /// The account at the provider has nothing left to spend.
    ProviderQuota = "provider_quota",
    /// The provider does not accept the credentials, or there are none.
    ProviderAuth = "provider_auth",
    /// Another fault of the provider, or a request that it doesn't take.
    Provider = "provider",
    /// The agent: a time-out, a crash, a refusal.
    Agent = "agent",
    /// The task's tests left no reward that can be read.
    Verifier = "verifier",
    /// The task itself, or what was asked for it: every attempt would end the same way.
    Task = "task",
    /// Stopped on request.
    Cancelled = "cancelled",
    /// An error that nothing is known about.
    Unknown = "unknown",
}

/// What the tries of a class are counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// One try, and no other.
    Single,
    /// The trial's `max_attempts`, which all classes with this budget share.
    Attempts,
    /// This many tries that failed in this class, apart from `max_attempts`: they are not the agent's doing.
    Own(u32),
}

/// With the default backoff the last of these tries comes after about two hours.
const INFRASTRUCTURE_TRIES: u32 = 8;
/// With the default backoff the last of these tries comes after about four hours.
const PROVIDER_TRIES: u32 = 10;
/// Limits by the day exist: with the default backoff the last of these tries comes after about half a day.
const RATE_LIMIT_TRIES: u32 = 20;
/// An account is filled up by the next morning or not at all. While the key is paused, tries are rare.
const QUOTA_TRIES: u32 = 20;
/// Credentials don't mend themselves: a lone trial gives up within the hour, while others wait for the paused key.
const AUTH_TRIES: u32 = 5;

impl FailureClass {
    /// What the tries of this class are counted against.
    ///
    /// | class | tries |
    /// |---|---|
    /// | infrastructure, provider, `provider_rate_limit` | own budget |
    /// | `provider_quota`, `provider_auth` | own budget, slowed by the [circuit breaker](crate::breaker) |
    /// | agent, verifier, unknown | within `max_attempts` (docs/compatibility.md, 3.6) |
    /// | task, cancelled | one |
    pub const fn budget(self) -> Budget {
        match self {
            Self::Infrastructure => Budget::Own(INFRASTRUCTURE_TRIES),
            Self::ProviderRateLimit => Budget::Own(RATE_LIMIT_TRIES),
            Self::ProviderQuota => Budget::Own(QUOTA_TRIES),
            Self::ProviderAuth => Budget::Own(AUTH_TRIES),
            Self::Provider => Budget::Own(PROVIDER_TRIES),
            Self::Agent | Self::Verifier | Self::Unknown => Budget::Attempts,
            Self::Task | Self::Cancelled => Budget::Single,
        }
    }

    /// Whether the model's provider is to blame, or the account there.
    pub const fn is_provider(self) -> bool {
        matches!(self, Self::ProviderRateLimit | Self::ProviderQuota | Self::ProviderAuth | Self::Provider)
    }
}

/// One failure, as far as retries care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Its class.
    pub class: FailureClass,
    /// Whether another try would end the same way, whatever its class allows, such as with a model that doesn't exist.
    pub lasting: bool,
    /// Whether the agent had begun: the attempt then counts against `max_attempts`, whatever its class.
    pub agent_began: bool,
    /// How long the provider asked to wait; none for failures of other classes.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// The failure that an error's type name and message tell of. `now` is what a date in the message is compared with.
    ///
    /// The name is a Python exception's without its module, as Harbor records it, or one of ours.
    pub fn of(error_type: &str, message: &str, now: OffsetDateTime) -> Self {
        Self::during(Phase::BeforeAgent, error_type, message, now)
    }

    /// The same, of an attempt that came this far.
    pub fn during(phase: Phase, error_type: &str, message: &str, now: OffsetDateTime) -> Self {
        let agent_began = phase == Phase::SinceAgent;
        // Once the agent has begun, it is no more the task's own files alone that Harbor reads and finds wrong.
        let known = known(error_type)
            .filter(|known| !(agent_began && known.source == Source::Python && known.class == FailureClass::Task));
        let told = match known {
            // The message of a failed agent holds what it printed.
            Some(Known { reading: Reading::All, class: FailureClass::Agent, .. }) => text::provider(message, now),
            None | Some(Known { reading: Reading::All, .. }) => text::cause(message, now),
            Some(Known { reading: Reading::Quota, .. }) => text::rate_limit_or_quota(message, now),
            Some(Known { reading: Reading::Nothing, .. }) => None,
        };
        let named = known.map_or((FailureClass::Unknown, false), |known| (known.class, known.lasting));
        let (class, lasting) = told.map_or(named, |class| (class, false));
        let retry_after = class.is_provider().then(|| retry_after(message, now)).flatten();
        Self { class, lasting, agent_began, retry_after }
    }
}

/// How far an attempt came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The agent had not begun.
    BeforeAgent,
    /// The agent had begun, and perhaps ended.
    SinceAgent,
}

/// The cause of a failure in one line, where the first line of its message does not tell it: the fault in what a build printed,
/// the field in a list of invalid ones, the last words of a command.
pub fn headline(message: &str) -> Option<String> {
    text::headline(message)
}

/// What of an error's message may change the class that its name gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Nothing: the name says it all, or the message holds text of the agent.
    Nothing,
    /// Whether a limit is one of rate or a spent quota, which names confuse.
    Quota,
    /// Every phrase that is known.
    All,
}

/// Whether a reward counts despite this exception: whether the verifier judged what the agent did, and not what it could do before
/// something else failed.
///
/// Harbor's own table lists the exceptions after which a reward is valid (`has_valid_reward` in its `error_policy.py`), and they are the only
/// ones: it calls a reward valid after every exception that it does not know, of a lost sandbox too. Only the name counts. Messages hold
/// output of the agent, which could talk itself out of a bad grade; an agent that raises on purpose gets no grade, and no better one.
pub fn reward_counts(error_type: &str) -> bool {
    known(error_type).is_some_and(|known| known.graded)
}

fn known(error_type: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.names.contains(&error_type))
}

#[cfg(test)]
mod tests;
