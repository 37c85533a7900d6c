//! `oddish config`.

mod args;

use oddish_domain::client_settings::API_KEY;
use serde::Serialize;

use crate::client::{Api, KeyUse};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::plain_text;
use crate::printer::Printer;
use crate::submitter::submitter;
use crate::view::table::{render, stdout_width, table, text_cell};

pub(crate) use self::args::ConfigArgs;

/// A setting, as `--json` prints it.
#[derive(Serialize)]
struct Setting {
    name: &'static str,
    /// Null where nothing sets it. Of a secret, what may be shown.
    value: Option<String>,
    /// A flag, the name of a variable, or `default`.
    source: &'static str,
    /// What follows from it.
    note: Option<String>,
}

/// Shows the settings. Sends nothing.
pub(crate) fn config(args: &ConfigArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let settings = settings(args, args.server.find()?.as_ref());
    if args.json {
        printer.json(&serde_json::json!({ "settings": settings }))?;
    } else {
        let mut table = table(&["Setting", "Value", "From", "Note"], &[], stdout_width());
        for setting in &settings {
            let value = setting.value.as_deref().unwrap_or("-");
            let note = setting.note.as_deref().unwrap_or_default();
            table.add_row([setting.name, value, setting.source, note].map(text_cell));
        }
        printer.result(&render(&table))?;
    }
    Ok(ExitStatus::Success)
}

fn settings(args: &ConfigArgs, api: Option<&Api>) -> Vec<Setting> {
    let (user, source) = submitter();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let key_use = api.map_or(KeyUse::Absent, Api::key_use);
    let key_note = match key_use {
        KeyUse::Absent => None,
        KeyUse::Sent => Some("sent to this server".to_owned()),
        KeyUse::Withheld => api.and_then(Api::withheld),
    };
    let dashboard = api.and_then(Api::dashboard);
    let environment = api.and_then(Api::usual_environment);
    vec![
        Setting {
            name: "server",
            value: api.map(|api| plain_text::line(&api.to_string())),
            source: api.map_or("default", Api::source),
            note: api.is_none().then(|| "nothing is sent: set ODDISH_API_URL, or give --api".to_owned()),
        },
        Setting {
            name: "key",
            value: api.and_then(Api::masked_key),
            source: if key_use == KeyUse::Absent { "default" } else { API_KEY.name() },
            note: key_note,
        },
        Setting {
            name: "insecure",
            value: Some(args.server.insecure.to_string()),
            source: if args.server.insecure { "--insecure" } else { "default" },
            note: None,
        },
        Setting {
            name: "pages",
            value: dashboard.as_ref().map(|(url, _)| plain_text::line(url)),
            source: dashboard.as_ref().map_or("default", |(_, source)| source),
            note: dashboard.is_none().then(|| "those of the server".to_owned()),
        },
        Setting {
            name: "environment",
            value: environment.map(String::from),
            source: "default",
            note: Some(match environment {
                Some(_) => "of this server, unless `run --env` or a sweep file says".to_owned(),
                None => "the server's, unless `run --env` or a sweep file says".to_owned(),
            }),
        },
        Setting {
            name: "user",
            value: Some(plain_text::line(&user)),
            source,
            note: Some("unless `run --user` says".to_owned()),
        },
        Setting {
            name: "colour",
            value: Some(if no_color { "never" } else { "on terminals" }.to_owned()),
            source: if no_color { "NO_COLOR" } else { "default" },
            note: None,
        },
    ]
}
