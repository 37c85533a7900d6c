//! Requests that a web page makes a user's browser send, to a server that asks nobody for a key.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::definition::Attack;
use super::machine::Machine;
use super::target::{Submission, Target, sweep};
use super::task::{BOUNDARY, HostileTask};
use super::verdict::Verdict;
use crate::http::{Answer, Request};

const JSON: &str = "application/json";
/// A body that a page may send to another site without asking it first.
const TEXT: &str = "text/plain";

/// What a browser says about a request, in the place of what an honest client says.
#[derive(Clone, Copy)]
struct Voice {
    /// The `Host`; none is the server's own. `{port}` is its port.
    host: Option<&'static str>,
    origin: Option<&'static str>,
    /// Of a body of JSON.
    content_type: &'static str,
}

const HONEST: Voice = Voice { host: None, origin: None, content_type: JSON };

/// What is asked for.
#[derive(Clone, Copy)]
enum Action {
    Read,
    Upload,
    Sweep,
    Cancel,
}

struct Page {
    name: &'static str,
    tried: &'static str,
    voice: Voice,
    action: Action,
}

/// A name of a page's own that it lets point to this machine.
const REBOUND: Voice =
    Voice { host: Some("evil.example:{port}"), origin: Some("http://evil.example:{port}"), ..HONEST };
const FOREIGN: Voice = Voice { origin: Some("https://evil.example"), ..HONEST };
const FOREIGN_TEXT: Voice = Voice { content_type: TEXT, ..FOREIGN };

static PAGES: [Page; 12] = [
    Page {
        name: "rebound-page-reads",
        tried: "a page whose name points to 127.0.0.1 lists the tasks",
        voice: REBOUND,
        action: Action::Read,
    },
    Page {
        name: "rebound-page-uploads",
        tried: "a page whose name points to 127.0.0.1 uploads a task",
        voice: REBOUND,
        action: Action::Upload,
    },
    Page {
        name: "rebound-page-submits",
        tried: "a page whose name points to 127.0.0.1 submits a sweep",
        voice: REBOUND,
        action: Action::Sweep,
    },
    Page {
        name: "rebound-page-without-origin",
        tried: "the same page lists the tasks, and its browser sends no Origin",
        voice: Voice { origin: None, ..REBOUND },
        action: Action::Read,
    },
    Page {
        name: "rebound-page-with-local-name",
        tried: "a page lists the tasks whose name begins with localhost",
        voice: Voice { host: Some("localhost.evil.example:{port}"), origin: None, content_type: JSON },
        action: Action::Read,
    },
    Page {
        name: "foreign-page-uploads",
        tried: "a page of another site uploads a task in a form",
        voice: FOREIGN,
        action: Action::Upload,
    },
    Page {
        name: "foreign-page-submits",
        tried: "a page of another site submits a sweep as text/plain",
        voice: FOREIGN_TEXT,
        action: Action::Sweep,
    },
    Page {
        name: "foreign-page-cancels",
        tried: "a page of another site cancels a task as text/plain",
        voice: FOREIGN_TEXT,
        action: Action::Cancel,
    },
    Page {
        name: "sandboxed-page-uploads",
        tried: "a page in a sandboxed frame, whose Origin is null, uploads a task",
        voice: Voice { origin: Some("null"), ..HONEST },
        action: Action::Upload,
    },
    Page {
        name: "page-of-another-port-uploads",
        tried: "a page of another server on this machine uploads a task",
        voice: Voice { origin: Some("http://127.0.0.1:9"), ..HONEST },
        action: Action::Upload,
    },
    Page {
        name: "text-without-origin",
        tried: "a sweep comes as text/plain from a browser that sends no Origin",
        voice: Voice { content_type: TEXT, ..HONEST },
        action: Action::Sweep,
    },
    Page {
        name: "form-without-origin",
        tried: "a sweep comes as application/x-www-form-urlencoded from a browser that sends no Origin",
        voice: Voice { content_type: "application/x-www-form-urlencoded", ..HONEST },
        action: Action::Sweep,
    },
];

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    let pages = PAGES.iter().map(|page| {
        let attack = move |_: &Machine, target: &Target| run(target, page);
        Attack::shared(page.name, page.tried, attack).quick(true)
    });
    let framed = Attack::shared(
        "framed-documentation",
        "a page of another site shows the server's own pages in a frame, or has their type guessed",
        |_, target| frame(target),
    );
    pages.chain([framed.quick(true)]).collect()
}

/// The same is asked honestly first: a server that answers nobody proves nothing.
fn run(target: &Target, page: &Page) -> Result<Verdict> {
    let honest = page.action.ask(target, HONEST)?;
    ensure!(honest.status == 200, "an honest client is answered {}: {}", honest.status, honest.text());
    let answer = page.action.ask(target, page.voice)?;
    let told = format!("{} {}", answer.status, answer.text().chars().take(80).collect::<String>());
    Ok(match answer.status {
        403 | 415 | 421 => Verdict::Held(told),
        status if status < 400 => Verdict::Succeeded(told),
        _ => anyhow::bail!("neither answered nor refused for what it is: {told}"),
    })
}

fn frame(target: &Target) -> Result<Verdict> {
    let request = Request { method: "GET", path: "/docs/", headers: &[], body: b"" };
    for path in ["/docs/", "/docs", "/health", "/tasks"] {
        let answer = target.send(&Request { path, ..request })?;
        let policy = answer.header("content-security-policy").unwrap_or_default();
        let framed = answer.header("x-frame-options").is_none() && !policy.contains("frame-ancestors");
        let sniffed = answer.header("x-content-type-options") != Some("nosniff");
        if framed || sniffed {
            let missing = if framed { "X-Frame-Options or frame-ancestors" } else { "X-Content-Type-Options" };
            return Ok(Verdict::Succeeded(format!("GET {path} is answered without {missing}")));
        }
    }
    Ok(Verdict::Held("all answers forbid frames and guessing".to_owned()))
}

impl Action {
    fn ask(self, target: &Target, voice: Voice) -> Result<Answer> {
        let form = format!("multipart/form-data; boundary={BOUNDARY}");
        let (method, path, content_type, body) = match self {
            Self::Read => ("GET", "/tasks", None, Vec::new()),
            Self::Upload => ("POST", "/tasks/upload", Some(form.as_str()), HostileTask::new("page").form()?),
            Self::Sweep => {
                let body = sweep(&uploaded(target)?, &Submission::of("nop")).to_string();
                ("POST", "/tasks/sweep", Some(voice.content_type), body.into_bytes())
            }
            Self::Cancel => {
                let task_id = uploaded(target)?;
                let submitted = target.post("/tasks/sweep", &sweep(&task_id, &Submission::of("nop")))?;
                ensure!(
                    submitted.status == 200,
                    "an honest sweep is answered {}: {}",
                    submitted.status,
                    submitted.text()
                );
                let body = json!({"task_ids": [task_id]}).to_string();
                ("POST", "/tasks/cancel", Some(voice.content_type), body.into_bytes())
            }
        };
        let port = target.stack.port().to_string();
        let host = voice.host.map(|host| host.replace("{port}", &port));
        let origin = voice.origin.map(|origin| origin.replace("{port}", &port));
        let fields = [("Host", host.as_deref()), ("Origin", origin.as_deref()), ("Content-Type", content_type)];
        let headers: Vec<(&str, &str)> = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        target.send(&Request { method, path, headers: &headers, body: &body })
    }
}

/// The id of a task that an honest client uploaded.
fn uploaded(target: &Target) -> Result<String> {
    let answer = Action::Upload.ask(target, HONEST)?;
    ensure!(answer.status == 200, "an honest upload is answered {}: {}", answer.status, answer.text());
    let task: Value = serde_json::from_str(&answer.text())?;
    task["task_id"].as_str().map(str::to_owned).context("the upload's answer has no task_id")
}
