//! Limits on connections: their number, and the time of a slow client.

use std::time::Duration;

use oddish_domain::settings::{Group, Reader, Setting};

const MAX_CONNECTIONS: Setting<Option<u32>> = Setting::optional("ODDISH_MAX_CONNECTIONS").doc(
    "Most clients that may be connected at the same time. Unset: 2000, or as many as the limit on open files allows (`ulimit -Hn`). A further \
     client replaces the one that has kept the server waiting longest, or gets 503.",
);
const HEADER_TIMEOUT: Setting<u64> = Setting::new("ODDISH_HEADER_TIMEOUT_SEC", 30)
    .within(1, 3600)
    .unit("seconds")
    .doc("Time in which a client must send the head of a request, counted from connecting or from the last answer. After it, the connection is closed.");
const STALL_TIMEOUT: Setting<u64> = Setting::new("ODDISH_STALL_TIMEOUT_SEC", 60)
    .within(1, 3600)
    .unit("seconds")
    .doc(
        "Time in which a client must send the next 16 KiB of a request's body, or receive the next 16 KiB of an answer. After it, the connection is \
         closed. Time that the server itself needs does not count.",
    );

/// For how long and for how many clients connections are held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionSettings {
    /// Connections at once, where somebody says so.
    pub(crate) max_connections: Option<u32>,
    /// Time for a request's head.
    pub(crate) header_timeout: Duration,
    /// Time without progress of a body.
    pub(crate) stall_timeout: Duration,
}

impl ConnectionSettings {
    /// The name of the bound, for messages.
    pub(crate) const MAX_CONNECTIONS: &'static str = MAX_CONNECTIONS.name();

    /// Their settings, for the documents.
    pub(crate) const GROUP: Group = Group {
        title: "Connections",
        read_by: "`oddish-server api`",
        settings: &[&MAX_CONNECTIONS, &HEADER_TIMEOUT, &STALL_TIMEOUT],
    };

    /// Reads [`Self::GROUP`].
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let max_connections = reader.get(&MAX_CONNECTIONS);
        if max_connections == Some(0) {
            reader.reject(&MAX_CONNECTIONS, "must be at least 1");
        }
        Self {
            max_connections,
            header_timeout: Duration::from_secs(reader.get(&HEADER_TIMEOUT)),
            stall_timeout: Duration::from_secs(reader.get(&STALL_TIMEOUT)),
        }
    }
}
