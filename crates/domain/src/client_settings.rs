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
    .doc("The server, such as http://localhost:8000. `--api` goes before it. ODDISH_API_KEY belongs to its host.");
/// The server's URL where [`API_URL`] is not set.
pub const DEFAULT_API_URL: Setting<Option<String>> = Setting::optional("ODDISH_DEFAULT_API_URL").doc(
    "The server where ODDISH_API_URL is not set: for whoever hands out images or shells to others. Unset: https://abundant-ai--api.modal.run where ODDISH_API_KEY is set; without a key nothing is sent.",
);
/// Where pages of tasks and experiments are.
pub const DASHBOARD_URL: Setting<Option<String>> = Setting::optional("ODDISH_DASHBOARD_URL")
    .doc("Where the pages of tasks and experiments are, whose addresses are printed. Unset: ODDISH_DEFAULT_DASHBOARD_URL, else https://www.oddish.app for the hosted service, else the server itself.");
/// Where pages are if [`DASHBOARD_URL`] is not set.
pub const DEFAULT_DASHBOARD_URL: Setting<Option<String>> = Setting::optional("ODDISH_DEFAULT_DASHBOARD_URL")
    .doc("The same where ODDISH_DASHBOARD_URL is not set: for whoever hands out images or shells to others.");
/// The API key that the client sends.
pub const API_KEY: Setting<Option<String>> = Setting::optional("ODDISH_API_KEY").secret().doc(
    "Key for the server, where it needs one. Sent to the host of ODDISH_API_URL (else of ODDISH_DEFAULT_API_URL) alone, and to other machines over https alone, unless `--insecure` is given.",
);

/// All of them.
pub const CLIENT_SETTINGS: Group = Group {
    title: "The client",
    read_by: "`oddish`",
    settings: &[&API_URL, &DEFAULT_API_URL, &API_KEY, &DASHBOARD_URL, &DEFAULT_DASHBOARD_URL],
};
