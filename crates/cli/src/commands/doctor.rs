//! `oddish doctor`.

mod args;
mod finding;
mod server;
mod this_machine;

use self::finding::{Finding, State};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::plain_text;
use crate::printer::Printer;

pub(crate) use self::args::DoctorArgs;

/// Looks at everything that a run needs, and says what is missing.
pub(crate) async fn doctor(args: &DoctorArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let mut findings = Vec::new();
    match args.server.resolve() {
        Ok(api) => {
            let is_local = api.is_local();
            findings.extend(server::examine(api).await?);
            findings.extend(this_machine::examine(is_local).await);
        }
        Err(failure) => findings.push(unresolved(&failure)),
    }
    let ok = findings.iter().all(|finding| finding.state != State::Missing);
    if args.json {
        printer.json(&serde_json::json!({ "ok": ok, "checks": findings }))?;
    } else {
        let lines: Vec<String> = findings.iter().map(text).collect();
        printer.result(&lines.join("\n"))?;
    }
    Ok(if ok { ExitStatus::Success } else { ExitStatus::Failure })
}

fn unresolved(failure: &Failure) -> Finding {
    let finding = Finding::new("server", State::Missing, failure.faults().join("; "));
    match failure.hint() {
        Some(hint) => finding.mended_by(hint),
        None => finding,
    }
}

/// A finding in one line, and below it what mends it.
fn text(finding: &Finding) -> String {
    let word = match finding.state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Missing => "missing",
        State::NotNeeded => "not needed",
    };
    let found = format!("{:<14} {word:<10} {}", finding.check, plain_text::line(&finding.found));
    match &finding.mend {
        Some(mend) => format!("{found}\n{:<25} {}", "", plain_text::line(mend)),
        None => found,
    }
}
