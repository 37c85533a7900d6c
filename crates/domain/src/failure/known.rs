//! The table of error names.

use super::{FailureClass, Reading};

/// Where an error comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A class of Harbor.
    Harbor,
    /// A class of `LiteLLM`, through which the agents that run beside Harbor, not in the sandbox, call their model.
    LiteLlm,
    /// A class of Python, or of a library that Harbor checks its input with.
    Python,
    /// One of ours.
    Oddish,
}

/// Errors of one source that are taken alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Their source.
    pub source: Source,
    /// Their names.
    pub names: &'static [&'static str],
    /// Their class, as long as the message says nothing else.
    pub(super) class: FailureClass,
    /// Whether another try would end the same way, in a class that has others.
    pub(super) lasting: bool,
    /// What of the message counts.
    pub(super) reading: Reading,
    /// Whether a reward beside it counts.
    pub graded: bool,
}

const fn of(source: Source, class: FailureClass, names: &'static [&'static str]) -> Known {
    Known { source, names, class, lasting: false, reading: Reading::Nothing, graded: false }
}

impl Known {
    const fn lasting(self) -> Self {
        Self { lasting: true, ..self }
    }

    const fn graded(self) -> Self {
        Self { graded: true, ..self }
    }

    const fn reading(self, reading: Reading) -> Self {
        Self { reading, ..self }
    }
}

/// Every error that has a class of its own. A test holds the names against the Harbor that is installed.
pub const KNOWN: &[Known] = &[
    of(
        Source::Harbor,
        FailureClass::Infrastructure,
        &[
            "AddTestsDirError",
            "AgentSetupTimeoutError",
            "CreateOutcomeUnknown",
            "DownloadVerifierDirError",
            "EndpointCredentialExpired",
            "EnvironmentStartTimeoutError",
            "GKEExecStreamClosedError",
            "GKEPodNotFoundError",
            "HealthcheckError",
            "ImageMirrorError",
            "ImageRegistryUnavailableError",
            "IncompleteDownload",
            "InfrastructureTimeout",
            "MemoryLimitExceededError",
            "NetworkConnectionError",
            "RequestThrottled",
            "RuntimeRequestError",
            "SSHAccessError",
            "SandboxExecError",
            "SandboxLikelyOutOfMemoryError",
            "SandboxTransportError",
            "SbxCommandError",
            "ShortCredential",
            "TransferError",
            "_ImageUnusableAsTemplate",
        ],
    ),
    // Harbor is not installed or not set up for what was asked: the same runner would fail again.
    of(Source::Harbor, FailureClass::Infrastructure, &["DspyImportError", "MissingExtraError", "VercelScopeError"])
        .lasting(),
    of(Source::Harbor, FailureClass::ProviderRateLimit, &["ApiRateLimitError"]).reading(Reading::Quota),
    of(Source::Harbor, FailureClass::ProviderQuota, &["ApiUsageLimitError"]).reading(Reading::Quota),
    of(Source::Harbor, FailureClass::ProviderAuth, &["AgentAuthenticationError", "MissingModelCredentialError"]),
    of(
        Source::Harbor,
        FailureClass::Provider,
        &[
            "ApiConnectionClosedError",
            "ApiConnectionError",
            "ApiInternalServerError",
            "ApiOverloadedError",
            "ApiProviderResourceNotFoundError",
            "ApiResponseStalledError",
        ],
    ),
    // `ApiError` is also the name that a sandbox service's client uses.
    of(Source::Harbor, FailureClass::Provider, &["ApiError", "UnknownApiError"]).reading(Reading::All),
    of(Source::Harbor, FailureClass::Provider, &["ModelNotFoundError", "UnsupportedModelParametersError"]).lasting(),
    of(
        Source::Harbor,
        FailureClass::Agent,
        &[
            "AgentTimeoutError",
            "ContextLengthExceededError",
            "ContextWindowExceededError",
            "OutputLengthExceededError",
            "OutputTokenExceededError",
        ],
    )
    .graded(),
    of(Source::Harbor, FailureClass::Agent, &["NonZeroAgentExitCodeError"]).reading(Reading::All).graded(),
    of(Source::Harbor, FailureClass::Agent, &["AgentSafetyRefusalError"]).lasting().graded(),
    of(
        Source::Harbor,
        FailureClass::Verifier,
        &["RewardFileEmptyError", "RewardFileNotFoundError", "VerifierOutputParseError", "VerifierTimeoutError"],
    ),
    of(
        Source::Harbor,
        FailureClass::Task,
        &[
            "SandboxBuildFailedError",
            "ServiceOperationsUnsupportedError",
            "UnsupportedDockerfileError",
            "_BuildErrored",
        ],
    ),
    of(Source::LiteLlm, FailureClass::ProviderRateLimit, &["RateLimitError"]).reading(Reading::Quota),
    of(Source::LiteLlm, FailureClass::ProviderQuota, &["BudgetExceededError", "PaymentRequiredError"]),
    of(Source::LiteLlm, FailureClass::ProviderAuth, &["AuthenticationError", "PermissionDeniedError"]),
    of(
        Source::LiteLlm,
        FailureClass::Provider,
        &[
            "APIConnectionError",
            "APIResponseValidationError",
            "BadGatewayError",
            "InternalServerError",
            "MidStreamFallbackError",
            "ServiceUnavailableError",
            "Timeout",
        ],
    ),
    of(Source::LiteLlm, FailureClass::Provider, &["APIError"]).reading(Reading::All),
    of(
        Source::LiteLlm,
        FailureClass::Provider,
        &["NotFoundError", "UnprocessableEntityError", "UnsupportedParamsError"],
    )
    .lasting(),
    // Some providers refuse a request with 400 when the account is empty.
    of(Source::LiteLlm, FailureClass::Provider, &["BadRequestError"]).lasting().reading(Reading::All),
    of(Source::LiteLlm, FailureClass::Agent, &["ContentPolicyViolationError"]).lasting().graded(),
    of(
        Source::Python,
        FailureClass::Infrastructure,
        &["BrokenPipeError", "ConnectionAbortedError", "ConnectionRefusedError", "ConnectionResetError", "MemoryError"],
    ),
    // How Harbor's checks before a trial say that a program, a service or a key of the sandbox is missing.
    of(Source::Python, FailureClass::Infrastructure, &["SystemExit"]).lasting().reading(Reading::All),
    of(Source::Python, FailureClass::Cancelled, &["CancelledError", "KeyboardInterrupt"]),
    // Of a configuration, a task.toml or an instruction.
    of(Source::Python, FailureClass::Task, &["TOMLDecodeError", "UnicodeDecodeError", "ValidationError"]),
    of(
        Source::Oddish,
        FailureClass::Infrastructure,
        &[
            "EnvironmentDeadlineExceeded",
            "FilesNotStored",
            "HarborCrashed",
            "HarborHungInEnvironment",
            "HarborNotStarted",
            "HarborResultMissing",
            "InsufficientDiskSpace",
        ],
    ),
    // Whatever stops Harbor's event loop once the agent's program is in the sandbox may be the agent's doing.
    of(Source::Oddish, FailureClass::Agent, &["AgentDeadlineExceeded", "AgentOutputUnreadable", "HarborHungInAgent"]),
    // What Harbor writes into a result comes from the agent and the tests.
    of(
        Source::Oddish,
        FailureClass::Verifier,
        &[
            "HarborHungInVerifier",
            "HarborResultTooLarge",
            "HarborResultUnreadable",
            "RewardMissing",
            "RewardOutOfRange",
            "TooManyRewards",
            "VerifierDeadlineExceeded",
            "VerifierOutputUnreadable",
        ],
    ),
    of(
        Source::Oddish,
        FailureClass::Task,
        &[
            "AgentEnvUnreadable",
            "ComposeFileInvalid",
            "HostAccessRefused",
            "SettingsUnreadable",
            "TaskArchiveChanged",
            "TaskArchiveInvalid",
            "TaskArchiveMissing",
            "TaskInvalid",
        ],
    ),
];
