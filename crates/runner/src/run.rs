//! Runs one attempt, from begin to record.

use oddish_db::AttemptRef;
use oddish_db::attempts::{self, Outcome};
use time::OffsetDateTime;
use tracing::{Span, info};

use crate::attempt::Scratch;
use crate::clean_up::remove_scratch;
use crate::closing::BEGIN_WITHIN;
use crate::confinement::launch::{Launch, LaunchError};
use crate::contact::{Contact, while_unreachable};
use crate::following::EXIT_WITHIN;
use crate::harbor_process::HarborProcess;
use crate::harbor_python::{HarborNotFound, find_harbor_python};
use crate::harbor_result::failed;
use crate::identity::this_process;
use crate::preparation::with_causes;
use crate::running::{Ended, Running, system};
use crate::stop_signal::StopSignal;

pub use crate::running::{Ending, RunError, Runner};

/// Runs the attempt to its end.
pub async fn run(runner: &Runner, attempt: &AttemptRef) -> Result<Ending, RunError> {
    let mut stop = StopSignal::listen().map_err(system("listen for signals"))?;
    let scratch = Scratch::new(&runner.settings.jobs_dir, &attempt.subject, attempt.number);
    // Python needs a good part of a second to import Harbor. It does so while the attempt begins and the task is fetched.
    let harbor = start_harbor(runner, &scratch);
    let identity = this_process(OffsetDateTime::now_utc());
    let begun = while_unreachable(BEGIN_WITHIN, || {
        attempts::begin(&runner.db, attempt.token, &identity, OffsetDateTime::now_utc())
    })
    .await?;
    let Some(assignment) = begun else {
        info!("the attempt is not ours, or has begun already: nothing to do");
        return Ok(Ending::Stale);
    };
    Span::current().record("queue_key", &assignment.queue_key).record("task_id", &assignment.task_id);
    let contact = Contact::start(runner.db.clone(), attempt.token);
    // From here on the scratch folder is ours alone.
    let running = Running { runner, assignment: &assignment, scratch: &scratch, contact: &contact };
    let (ending, files_kept) = match harbor {
        Ok(mut harbor) => {
            let ended = running.trial(&mut harbor, &mut stop).await?;
            let closed = running.close(ended, &mut stop).await?;
            // Only now: the record did not have to wait for Python's own end.
            harbor.end(EXIT_WITHIN).await;
            closed
        }
        Err(error) => running.close(Ended::without_files(error.as_outcome()), &mut stop).await?,
    };
    if !files_kept {
        remove_scratch(&scratch).await;
    }
    Ok(ending)
}

/// Harbor could not be started at all.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    NotFound(#[from] HarborNotFound),
    #[error(transparent)]
    Launch(#[from] LaunchError),
}

impl StartError {
    fn as_outcome(&self) -> Outcome {
        failed("HarborNotStarted", &with_causes(self))
    }
}

fn start_harbor(runner: &Runner, scratch: &Scratch) -> Result<HarborProcess, StartError> {
    let settings = &runner.settings;
    let python = match &settings.harbor_python {
        Some(python) => python.clone(),
        None => find_harbor_python(&std::env::var_os("PATH").unwrap_or_default())?,
    };
    let launch = Launch {
        program: &runner.program,
        python: &python,
        settings: &settings.confinement,
        variables: &runner.variables,
        pass_env: &settings.pass_env,
    };
    Ok(launch.start(scratch)?)
}
