//! The variables that `oddish`, the client, reads. They are no settings of a deployment; its manual lists them beside those.

use crate::settings::Variable;

/// The server and the key for it.
pub const CLIENT_VARIABLES: &[Variable] = &[
    Variable { name: "ODDISH_API_URL", default: "", secret: false, doc: "The server. `--api` goes before it." },
    Variable {
        name: "ODDISH_DEFAULT_API_URL",
        default: "http://localhost:8000",
        secret: false,
        doc: "The server where ODDISH_API_URL is not set: for whoever hands out images or shells to others.",
    },
    Variable { name: "ODDISH_API_KEY", default: "", secret: true, doc: "Key for the server, where it needs one." },
];
