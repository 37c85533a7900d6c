//! Users' operations.

pub mod cancelling;
pub mod deleting;
pub mod experiments;
pub mod idempotency;
pub mod imports;
pub mod retrying;
pub mod sharing;
pub mod sweeps;
pub mod uploads;
