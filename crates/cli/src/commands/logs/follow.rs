//! Shows the log of a trial as it grows, from one attempt to the next, until the trial has ended.

use std::io::IsTerminal as _;
use std::time::Duration;

use oddish_api_types::{LogSource, TrialLogsResponse, TrialResponse};
use tokio::time::Instant;

use super::args::LogsArgs;
use super::output::Output;
use crate::client::{Client, ClientError, LogPart};
use crate::failure::Failure;
use crate::patience::Patience;
use crate::plain_text;
use crate::printer::Printer;
use crate::view::trial::reward;

/// Time between two looks at a trial that waits for its next attempt.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// An offset behind the end of every log.
const END: u64 = i64::MAX.unsigned_abs();

/// Follows until the trial, or the attempt that was asked for, has ended.
pub(super) async fn follow(
    client: &Client,
    trial: &TrialResponse,
    args: &LogsArgs,
    output: &mut Output<'_>,
    printer: &Printer,
) -> Result<(), Failure> {
    let mut follower = Follower {
        // It asks again by itself, and tells that it does.
        client: &client.without_repeats(),
        trial_id: &trial.id,
        patience: if std::io::stderr().is_terminal() {
            Patience::of_a_person(Instant::now())
        } else {
            Patience::of_a_script(Instant::now())
        },
        printer,
        attempt: args.attempt,
        has_waited: false,
    };
    let mut part = args.tail.map_or(LogPart::Next(0), LogPart::Tail);
    loop {
        let answer = follower.ask(part).await?;
        output.write(&answer)?;
        part = match follower.step(&answer, args.attempt.is_some()).await? {
            Some(part) => part,
            None => break,
        };
    }
    output.end()
}

struct Follower<'a> {
    client: &'a Client,
    trial_id: &'a str,
    patience: Patience,
    printer: &'a Printer,
    /// The attempt whose log is read; none while it is not known which that is.
    attempt: Option<i32>,
    has_waited: bool,
}

impl Follower<'_> {
    /// Asks until there is an answer.
    async fn ask(&mut self, part: LogPart) -> Result<TrialLogsResponse, Failure> {
        loop {
            match self.client.trial_logs(self.trial_id, self.attempt, part).await {
                Ok(answer) => {
                    self.patience.answered(Instant::now());
                    return Ok(answer);
                }
                Err(error) => self.wait_after(&error).await?,
            }
        }
    }

    /// Waits after a failure that may pass; any other, and one that lasts, ends the command.
    async fn wait_after(&mut self, error: &ClientError) -> Result<(), Failure> {
        if !error.is_passing() {
            return Err(error.while_doing("cannot follow the log"));
        }
        let Some(pause) = self.patience.failed(Instant::now()) else {
            let again = format!("oddish logs {} --follow", plain_text::line(self.trial_id));
            return Err(Failure::new(format!("gave up following: {error}"))
                .with_hint(format!("the trial goes on; follow it again with `{again}`")));
        };
        self.printer.warning(&format!("{error}; trying again"));
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// What to ask for after an answer; nothing where all is read.
    async fn step(&mut self, answer: &TrialLogsResponse, one_attempt: bool) -> Result<Option<LogPart>, Failure> {
        if answer.source == LogSource::Files {
            if answer.complete {
                return Ok(None);
            }
            if answer.truncated {
                return Ok(Some(LogPart::From(answer.next_offset)));
            }
            // What the last attempt left. The trial waits for its next one.
            self.attempt = answer.attempt;
            return Ok(Some(LogPart::Next(END)));
        }
        if answer.attempt.is_none() && !answer.complete && !self.has_waited {
            self.has_waited = true;
            self.printer.note(&format!("{} waits to run.", plain_text::line(self.trial_id)));
        }
        self.attempt = answer.attempt;
        if !answer.complete {
            return Ok(Some(LogPart::Next(answer.next_offset)));
        }
        if one_attempt {
            return Ok(None);
        }
        self.next_attempt(answer).await
    }

    /// Waits for the attempt after one that has ended; nothing where the trial has ended too.
    async fn next_attempt(&mut self, ended: &TrialLogsResponse) -> Result<Option<LogPart>, Failure> {
        if let Some(newest) = ended.newest_attempt.filter(|newest| ended.attempt.is_none_or(|ended| *newest > ended)) {
            self.printer.note(&format!("{}: attempt {newest}", plain_text::line(self.trial_id)));
            self.attempt = Some(newest);
            return Ok(Some(LogPart::Next(0)));
        }
        let trial = loop {
            match self.client.find_trial(self.trial_id).await {
                Ok(Some(trial)) => break trial,
                Ok(None) => return Err(Failure::new(format!("{} was deleted", plain_text::line(self.trial_id)))),
                Err(error) => self.wait_after(&error).await?,
            }
        };
        if trial.status.is_terminal() {
            let reward = trial.reward.map(|given| format!(", reward {}", reward(Some(given)))).unwrap_or_default();
            self.printer.note(&format!("{}: {}{reward}", plain_text::line(self.trial_id), trial.status));
            return Ok(None);
        }
        tokio::time::sleep(LOOK_EVERY).await;
        Ok(Some(LogPart::Next(ended.next_offset)))
    }
}
