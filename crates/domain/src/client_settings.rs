//! Variables that `oddish`, the client, reads. They are not settings of a deployment; `docs/configuration.md` lists both.

use crate::settings::{Group, Setting};

/// The server's URL.
pub const API_URL: Setting<Option<String>> =
    Setting::optional("ODDISH_API_URL").doc("URL of the server. `--api` takes precedence.");
/// The server's URL where [`API_URL`] is not set.
pub const DEFAULT_API_URL: Setting<String> = Setting::new("ODDISH_DEFAULT_API_URL", "http://localhost:8000")
    .doc("URL of the server where ODDISH_API_URL is not set, for images and shells that are prepared for others.");
/// The API key that the client sends.
pub const API_KEY: Setting<Option<String>> =
    Setting::optional("ODDISH_API_KEY").secret().doc("API key, for a server that requires one.");

/// All of them.
pub const CLIENT_SETTINGS: Group =
    Group { title: "The client", read_by: "`oddish`", settings: &[&API_URL, &DEFAULT_API_URL, &API_KEY] };
