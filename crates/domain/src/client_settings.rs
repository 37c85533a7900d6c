//! Variables that `oddish`, the client, reads. They are not settings of a deployment; `docs/configuration.md` lists both.

use crate::settings::{Group, Setting};

/// The server's URL.
pub const API_URL: Setting<Option<String>> =
    Setting::optional("ODDISH_API_URL").doc("The server. `--api` goes before it.");
/// The server's URL where [`API_URL`] is not set.
pub const DEFAULT_API_URL: Setting<String> = Setting::new("ODDISH_DEFAULT_API_URL", "http://localhost:8000")
    .doc("The server where ODDISH_API_URL is not set: for whoever hands out images or shells to others.");
/// The API key that the client sends.
pub const API_KEY: Setting<Option<String>> =
    Setting::optional("ODDISH_API_KEY").secret().doc("Key for the server, where it needs one.");

/// All of them.
pub const CLIENT_SETTINGS: Group =
    Group { title: "The client", read_by: "`oddish`", settings: &[&API_URL, &DEFAULT_API_URL, &API_KEY] };
