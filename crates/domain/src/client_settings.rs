//! Variables that `oddish`, the client, reads. They are not settings of a deployment; `docs/configuration.md` lists both.

use crate::settings::{Group, Setting};

/// Address of the server of this machine, as `oddish-server api` serves it.
pub const LOCAL_API_URL: &str = "http://localhost:8000";
/// Address of the hosted service of published clients (docs/compatibility.md, 2.1).
pub const HOSTED_API_URL: &str = "https://abundant-ai--api.modal.run";
/// Where the hosted service has its pages.
pub const HOSTED_DASHBOARD_URL: &str = "https://www.oddish.app";

/// The server's URL.
pub const API_URL: Setting<Option<String>> = Setting::optional("ODDISH_API_URL")
    .doc("URL of the server, such as http://localhost:8000. `--api` takes precedence.");
/// The server's URL where [`API_URL`] is not set.
pub const DEFAULT_API_URL: Setting<Option<String>> = Setting::optional("ODDISH_DEFAULT_API_URL").doc(
    "URL of the server where ODDISH_API_URL is not set, for images and shells that are prepared for others. Unset: https://abundant-ai--api.modal.run if ODDISH_API_KEY is set; without a key, no server.",
);
/// The API key that the client sends.
pub const API_KEY: Setting<Option<String>> = Setting::optional("ODDISH_API_KEY").secret().doc(
    "API key, for a server that requires one. It is sent to the host of ODDISH_API_URL only (else of ODDISH_DEFAULT_API_URL), and to other machines over https only, unless `--insecure` is given.",
);
/// Where pages of tasks and experiments are.
pub const DASHBOARD_URL: Setting<Option<String>> = Setting::optional("ODDISH_DASHBOARD_URL").doc(
    "URL below which tasks and experiments have pages. Printed addresses begin with it. Unset: ODDISH_DEFAULT_DASHBOARD_URL, else https://www.oddish.app for the hosted service, else the server.",
);
/// Where pages are if [`DASHBOARD_URL`] is not set.
pub const DEFAULT_DASHBOARD_URL: Setting<Option<String>> = Setting::optional("ODDISH_DEFAULT_DASHBOARD_URL")
    .doc("The same where ODDISH_DASHBOARD_URL is not set, for images and shells that are prepared for others.");

/// All of them.
pub const CLIENT_SETTINGS: Group = Group {
    title: "The client",
    read_by: "`oddish`",
    settings: &[&API_URL, &DEFAULT_API_URL, &API_KEY, &DASHBOARD_URL, &DEFAULT_DASHBOARD_URL],
};
