//! `oddish open`.

mod args;

use std::ffi::OsString;
use std::process::{Command, Stdio};

use reqwest::Url;
use serde::Serialize;

use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::naming::{self, TaskOrExperiment};
use crate::plain_text;
use crate::printer::Printer;

pub(crate) use self::args::OpenArgs;

/// What was found, as `--json` prints it.
#[derive(Serialize)]
struct Page {
    /// `task` or `experiment`.
    kind: &'static str,
    id: String,
    url: String,
    /// Whether a browser was started.
    opened: bool,
}

/// Prints an address, and opens it.
pub(crate) async fn open(args: &OpenArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    let (kind, url, id) = match naming::task_or_experiment(&client, &args.target).await? {
        TaskOrExperiment::Task(id) => ("task", client.task_url(&id), id),
        TaskOrExperiment::Experiment(id) => ("experiment", client.experiment_url(&id), id),
    };
    let browser = if args.print { None } else { browser(|name| std::env::var_os(name)) };
    let opened = match browser {
        None => false,
        Some(program) => start(&program, &url).map_err(|error| printer.warning(&error)).is_ok(),
    };
    if args.json {
        printer.json(&Page { kind, id, url: url.into(), opened })?;
    } else {
        printer.result(url.as_str())?;
    }
    Ok(ExitStatus::Success)
}

/// The program that opens an address, where somebody could see what it opens.
fn browser(variable: impl Fn(&str) -> Option<OsString>) -> Option<OsString> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(program) = set("BROWSER") {
        return Some(program);
    }
    if cfg!(target_os = "macos") {
        return Some("open".into());
    }
    let has_desktop = set("DISPLAY").is_some() || set("WAYLAND_DISPLAY").is_some();
    has_desktop.then(|| "xdg-open".into())
}

/// Starts the browser and leaves it alone: some stay until their window is closed.
fn start(program: &OsString, url: &Url) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = command.spawn().map(|_| ());
    started.map_err(|error| format!("cannot start {}: {error}", plain_text::short_line(&program.to_string_lossy(), 80)))
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_browser_is_opened_where_there_is_a_desktop() {
        let found = |variables: &[(&str, &str)]| {
            let value = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).into());
            browser(value).map(|program| program.into_string().unwrap())
        };
        assert_eq!(found(&[("BROWSER", "firefox")]).as_deref(), Some("firefox"));
        if cfg!(target_os = "linux") {
            assert_eq!(found(&[]), None);
            assert_eq!(found(&[("DISPLAY", "")]), None);
            assert_eq!(found(&[("DISPLAY", ":0")]).as_deref(), Some("xdg-open"));
            assert_eq!(found(&[("WAYLAND_DISPLAY", "w")]).as_deref(), Some("xdg-open"));
        }
    }
}
