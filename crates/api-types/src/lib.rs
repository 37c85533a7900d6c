#![doc = include_str!("../README.md")]

mod admin;
mod api_key;
mod cancel;
mod comparison;
mod dashboard;
mod deleted;
mod error;
mod experiment;
mod files;
mod health;
mod import;
mod log;
mod queue;
mod queue_info;
mod retry;
mod share;
mod statistics;
mod sweep;
mod task;
mod trial;
mod upload;
mod version;
mod whole;

pub use admin::{
    KeySlots, OrphanCounts, OrphanedStateResponse, OrphanedTask, OrphanedTrial, QueueStatusResponse, Slot,
    SlotsResponse, TrialQueue,
};
pub use api_key::{ApiKeyResponse, CreateApiKeyRequest, CreatedApiKeyResponse, RevokeApiKeyResponse};
pub use cancel::{CancelResponse, CancelTasksRequest, CancelTasksResponse, CancelledTrials};
pub use comparison::{
    CompareQuery, CompareResponse, ComparedExperiment, ComparedSide, Comparison, Flip, FlipDirection, Halving,
    McNemarTest, OtherDifference, PassCount,
};
pub use dashboard::{
    BrowseTasksResponse, BrowsedTaskResponse, DashboardResponse, ExperimentName, GetDashboardQuery, LatestTrial,
    ModelUsageResponse, Pipeline, QueueStatistics,
};
pub use deleted::{
    DeleteExperimentResponse, DeleteTaskResponse, DeleteTrialResponse, DeletedExperiment, DeletedTask, DeletedTrial,
};
pub use error::{Detail, ErrorBody, FieldFault};
pub use experiment::{ExperimentResponse, LastAuthor, ListExperimentsQuery, ListExperimentsResponse};
pub use files::{
    Folder, ListFilesQuery, TaskFile, TaskFileResponse, TaskFilesResponse, TrialDebugFilesResponse, TrialFile,
    TrialFilesResponse,
};
pub use health::HealthResponse;
pub use import::{
    CompleteImportRequest, CompleteImportResponse, ImportedStatus, ImportedTrial, InitImportRequest, InitImportResponse,
};
pub use log::{AgentLogs, LogQuery, LogSource, NamedLog, StructuredLogsResponse, TrialLogsResponse, VerifierLogs};
pub use oddish_domain::api_key::Scope;
pub use oddish_domain::experiment::ExperimentStatus;
pub use oddish_domain::failure::FailureClass;
pub use oddish_domain::status::{HarborStage, Priority, TaskStatus, TrialOrigin, TrialStatus};
pub use oddish_domain::sweep::SweepConfig;
pub use queue::{QueuePause, QueueResponse, UpdateQueueRequest};
pub use queue_info::{QueueInfo, WaitingCode, WaitingReason};
pub use retry::{
    RetryExperimentRequest, RetryExperimentResponse, RetryTaskAnalysisResponse, RetryTrialResponse,
    RetryVerdictResponse,
};
pub use share::{
    PublicExperimentName, PublicExperimentResponse, RenameExperimentRequest, RenameExperimentResponse, ShareResponse,
};
pub use statistics::{
    AgentAndModel, AgentResults, Coverage, Estimate, GetResultsQuery, Interval, IntervalMethod, KnownSum, PassRate,
    RefusedHeadline, ResultsResponse, UngradedReason, UngradedTrials, Usage,
};
pub use sweep::{MAX_TAGS, SweepRequest, TaskResponse};
pub use task::{GetTaskQuery, ListTasksQuery, TaskStatusResponse};
pub use trial::{ListTrialsQuery, ListTrialsResponse, PhaseTiming, TrialResponse};
pub use upload::{CompleteUploadRequest, InitUploadRequest, InitUploadResponse, MAX_MESSAGE, UploadResponse};
pub use version::TaskVersionResponse;
