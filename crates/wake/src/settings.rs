//! Which way wakes go.

use oddish_domain::settings::{Reader, Variable};

const QUEUE_URL: &str = "ODDISH_WAKE_QUEUE_URL";
const ENDPOINT_URL: &str = "ODDISH_SQS_ENDPOINT_URL";

/// The variables that [`WakeSettings`] reads.
pub const WAKE_VARIABLES: &[Variable] = &[
    Variable {
        name: QUEUE_URL,
        default: "",
        secret: false,
        doc: "URL of the SQS queue whose messages invoke the dispatcher. Unset: the dispatcher listens on the database.",
    },
    Variable {
        name: ENDPOINT_URL,
        default: "",
        secret: false,
        doc: "Another SQS than that of AWS, such as an emulator's.",
    },
];

/// Which way wakes go.
#[derive(Clone, Debug, Default)]
pub struct WakeSettings {
    /// The queue; without one, wakes go through the database.
    pub queue_url: Option<String>,
    /// Where SQS is, if not at AWS.
    pub endpoint_url: Option<String>,
}

impl WakeSettings {
    /// Reads [`WAKE_VARIABLES`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self { queue_url: reader.optional(QUEUE_URL), endpoint_url: reader.optional(ENDPOINT_URL) }
    }
}
