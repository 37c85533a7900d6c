//! What a text on the command line names: the id of a thing, else its exact name, else the beginning of its id.
//!
//! Each of these is looked for only where the one before finds nothing. Several hits are an error that lists them.

mod thing;

use std::borrow::Cow;
use std::fmt::Write as _;

use oddish_api_types::{ExperimentResponse, TaskStatusResponse, TrialResponse};

use self::thing::Thing;
use crate::client::{Client, ClientError};
use crate::failure::Failure;
use crate::plain_text;

/// Most things that an error lists.
const MOST_LISTED: usize = 10;
/// Longest text that an error repeats, in characters.
const MOST_REPEATED: usize = 100;

/// By what a text names a thing, in the order in which it is looked for.
#[derive(Clone, Copy, Debug)]
enum By {
    Id,
    Name,
    Prefix,
}

const ORDER: [By; 3] = [By::Id, By::Name, By::Prefix];

/// A task or a trial.
#[derive(Debug)]
pub(crate) enum TaskOrTrial {
    Task(Box<TaskStatusResponse>),
    Trial(Box<TrialResponse>),
}

/// The task that a text names.
pub(crate) async fn task(client: &Client, text: &str) -> Result<TaskStatusResponse, Failure> {
    one(client, text).await?.ok_or_else(|| absent::<TaskStatusResponse>(text))
}

/// The experiment that a text names.
pub(crate) async fn experiment(client: &Client, text: &str) -> Result<ExperimentResponse, Failure> {
    one(client, text).await?.ok_or_else(|| absent::<ExperimentResponse>(text))
}

/// The task or trial that a text names. Where it could be either by the same rule, it is the task: every beginning of a task's id is one of its
/// trials' ids, too.
pub(crate) async fn task_or_trial(client: &Client, text: &str) -> Result<TaskOrTrial, Failure> {
    for by in ORDER {
        if let Some(task) = only(text, by, hits(client, text, by).await?)? {
            return Ok(TaskOrTrial::Task(Box::new(task)));
        }
        if let Some(trial) = only(text, by, hits(client, text, by).await?)? {
            return Ok(TaskOrTrial::Trial(Box::new(trial)));
        }
    }
    let fault = format!("there is no task or trial {}", repeated(text));
    Err(Failure::new(fault).with_hint(<TaskStatusResponse as Thing>::LISTED_BY))
}

/// Id of the task that a text names, for a request that says itself that there is none.
pub(crate) async fn task_id<'a>(client: &Client, text: &'a str) -> Result<Cow<'a, str>, Failure> {
    let found: Option<TaskStatusResponse> = one(client, text).await?;
    Ok(found.map_or(Cow::Borrowed(text), |task| Cow::Owned(task.id)))
}

/// Id of the experiment that a text names, for a request that says itself that there is none.
pub(crate) async fn experiment_id<'a>(client: &Client, text: &'a str) -> Result<Cow<'a, str>, Failure> {
    let found: Option<ExperimentResponse> = one(client, text).await?;
    Ok(found.map_or(Cow::Borrowed(text), |experiment| Cow::Owned(experiment.id)))
}

/// What one answer of the server is about is not there.
pub(crate) fn experiment_absent(text: &str) -> Failure {
    absent::<ExperimentResponse>(text)
}

async fn one<T: Thing>(client: &Client, text: &str) -> Result<Option<T>, Failure> {
    for by in ORDER {
        if let Some(found) = only(text, by, hits(client, text, by).await?)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The things that a text names by one rule; one more than an error lists is enough.
async fn hits<T: Thing>(client: &Client, text: &str, by: By) -> Result<Vec<T>, Failure> {
    let found = match by {
        // The server takes a name in place of an id: what it then finds is no hit by id.
        By::Id => {
            T::of_id(client, text).await.map(|found| found.into_iter().filter(|thing| thing.id() == text).collect())
        }
        By::Name => T::of_name(client, text, MOST_LISTED + 1).await,
        By::Prefix => T::of_prefix(client, text, MOST_LISTED + 1).await,
    };
    match found {
        // A server without such a list has nothing to choose from.
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        found => found.map_err(|error: ClientError| {
            error.while_doing(&format!("cannot look for the {} {}", T::NOUN, repeated(text)))
        }),
    }
}

/// The hit, where there is one at the most.
fn only<T: Thing>(text: &str, by: By, mut hits: Vec<T>) -> Result<Option<T>, Failure> {
    if hits.len() > 1 { Err(ambiguous(text, by, &hits)) } else { Ok(hits.pop()) }
}

fn ambiguous<T: Thing>(text: &str, by: By, hits: &[T]) -> Failure {
    let number = if hits.len() > MOST_LISTED { format!("more than {MOST_LISTED}") } else { hits.len().to_string() };
    let noun = T::NOUN;
    let mut fault = match by {
        By::Name => format!("{number} {noun}s have the name {}:", repeated(text)),
        By::Id | By::Prefix => format!("the ids of {number} {noun}s begin with {}:", repeated(text)),
    };
    let listed = &hits[..hits.len().min(MOST_LISTED)];
    let width = listed.iter().map(|thing| plain_text::line(thing.id()).chars().count()).max().unwrap_or_default();
    for thing in listed {
        let _ = write!(fault, "\n  {:width$}  {}", plain_text::line(thing.id()), thing.told_apart());
    }
    Failure::new(fault).with_hint(format!("name the {noun} by its id, or by more of it"))
}

fn absent<T: Thing>(text: &str) -> Failure {
    Failure::new(format!("there is no {} {}", T::NOUN, repeated(text))).with_hint(T::LISTED_BY)
}

fn repeated(text: &str) -> String {
    plain_text::short_line(text, MOST_REPEATED)
}
