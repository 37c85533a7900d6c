//! The JSON on the wire: one struct per request or response body, shared by the functions that write it and the client that
//! reads it.
//!
//! Depends on `oddish-domain` for the enums and on nothing that does I/O. Field names, nullability and order follow the
//! contract (section 1.3 and 1.5); unknown fields of a request are ignored.

mod error;
mod health;
mod sweep;
mod task;
mod trial;
mod upload;

pub use error::{Detail, ErrorBody, FieldFault};
pub use health::HealthResponse;
pub use oddish_domain::status::{HarborStage, Priority, TaskStatus, TrialStatus};
pub use sweep::{SweepConfig, SweepRequest, TaskResponse};
pub use task::TaskStatusResponse;
pub use trial::{PhaseTiming, TrialLogsResponse, TrialResponse};
pub use upload::{CompleteUploadRequest, InitUploadRequest, InitUploadResponse, UploadResponse};
