//! `oddish queues`.

mod args;

use oddish_api_types::{QueueResponse, UpdateQueueRequest};

use crate::client::ClientError;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::plain_text;
use crate::printer::Printer;
use crate::view::queue;
use crate::view::table::stdout_width;

use self::args::QueuesAction;
pub(crate) use self::args::QueuesArgs;

/// Shows queue keys, or changes one.
pub(crate) async fn queues(args: &QueuesArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    let client = args.server.client(printer)?;
    let (key, change) = match args.action.as_ref().unwrap_or(&QueuesAction::List) {
        QueuesAction::List => {
            let found = client.queues().await.map_err(|error| error.while_doing("cannot list the queue keys"))?;
            if args.json {
                printer.json(&found)?;
            } else if found.is_empty() {
                printer.note("There are no queue keys yet: the first trial of a model creates one, and so does `oddish queues limit KEY N`.");
            } else {
                printer.result(&queue::queues(&found, stdout_width()))?;
            }
            return Ok(ExitStatus::Success);
        }
        QueuesAction::Limit { key, limit } => {
            (key, UpdateQueueRequest { concurrency_limit: Some(*limit), ..UpdateQueueRequest::default() })
        }
        QueuesAction::Pause { key, reason } => {
            let change = UpdateQueueRequest { paused: Some(true), reason: reason.clone(), ..Default::default() };
            (key, change)
        }
        QueuesAction::Resume { key } => (key, UpdateQueueRequest { paused: Some(false), ..Default::default() }),
    };
    let changed = client.update_queue(key, &change).await.map_err(|error| failure(&error, key))?;
    show(args, &changed, printer)?;
    Ok(ExitStatus::Success)
}

fn show(args: &QueuesArgs, changed: &QueueResponse, printer: &Printer) -> Result<(), Failure> {
    if args.json {
        printer.json(changed)
    } else {
        printer.result(&queue::queues(std::slice::from_ref(changed), stdout_width()))
    }
}

fn failure(error: &ClientError, key: &str) -> Failure {
    let failure = error.while_doing(&format!("cannot change {}", plain_text::short_line(key, 200)));
    if error.is_not_found() {
        failure.with_hint("`oddish queues` lists the keys; `oddish queues limit KEY N` creates one")
    } else {
        failure
    }
}
