//! Settings of wakes.

use oddish_domain::settings::{Group, Reader, Setting};

const QUEUE_URL: Setting<Option<String>> = Setting::optional("ODDISH_WAKE_QUEUE_URL")
    .doc("URL of the SQS queue whose messages invoke the dispatcher. Unset: the dispatcher listens on the database.");
const ENDPOINT_URL: Setting<Option<String>> =
    Setting::optional("ODDISH_SQS_ENDPOINT_URL").doc("URL of an SQS endpoint other than AWS's, such as an emulator.");

/// Which way wakes go.
#[derive(Clone, Debug, Default)]
pub struct WakeSettings {
    /// The queue; without one, wakes go through the database.
    pub queue_url: Option<String>,
    /// Where SQS is, if not at AWS.
    pub endpoint_url: Option<String>,
}

impl WakeSettings {
    /// Their settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Waking the dispatcher",
        read_by: "the endpoint functions, `oddish-runner`, `dispatch`",
        settings: &[&QUEUE_URL, &ENDPOINT_URL],
    };

    /// Reads [`Self::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self { queue_url: reader.get(&QUEUE_URL), endpoint_url: reader.get(&ENDPOINT_URL) }
    }
}
