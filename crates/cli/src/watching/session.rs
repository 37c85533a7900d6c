//! One watch from its first question to its end: questions go out, answers and keys come in, and the model, the interface and whatever shows
//! them are told.

use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use oddish_api_types::{TrialLogsResponse, WaitingCode};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use super::drawing;
use super::feed::{Feed, Told};
use super::interface::{Interface, Wish};
use super::model::{Model, Reason, Trouble};
use super::report::Report;
use super::screen::{Input, Screen};
use super::subject::{Place, Subject};
use crate::client::{Client, ClientError, WaitingTrial};
use crate::failure::Failure;
use crate::patience::Patience;
use crate::plain_text;
use crate::printer::Printer;

/// A redraw for the clocks on the screen.
const TICK: Duration = Duration::from_secs(1);
/// Of a log, and of tasks that are judged.
const ASK_AGAIN: Duration = Duration::from_secs(2);
const ASK_AGAIN_WHY: Duration = Duration::from_secs(15);
/// Only a count tells that trials were deleted.
const COUNT_AGAIN: Duration = Duration::from_secs(15);
/// Queue keys of which it is asked why their trials wait.
const ASKED_KEYS: usize = 3;
const LOG_LINES: usize = 500;

/// How a watch ended.
#[derive(Debug)]
pub(super) enum End {
    AllEnded,
    Left,
}

enum Answer {
    Page(Feed, Result<Told, ClientError>),
    /// The experiment's name, if there was an answer.
    Name(Option<String>),
    Reasons(Vec<Reason>),
    /// Tasks that are analysed or judged still.
    AtWork(Result<usize, ClientError>),
    Log(String, Result<TrialLogsResponse, ClientError>),
}

type Question = Pin<Box<dyn Future<Output = Answer> + Send>>;

enum Face<'a> {
    Screen(Box<Screen>),
    Lines(&'a Printer, Report),
}

/// A watch.
pub(super) struct Session<'a> {
    client: &'a Client,
    model: Model,
    interface: Interface,
    face: Face<'a>,
    questions: FuturesUnordered<Question>,
    patience: Patience,
    begun: Instant,
    changed: Instant,
    asked_why: Option<Instant>,
    counted: Option<Instant>,
    is_asking_what_comes_after: bool,
    /// Whether tasks are analysed or judged still, once their trials have ended.
    at_work: Option<bool>,
}

impl<'a> Session<'a> {
    pub(super) fn new(client: &'a Client, printer: &'a Printer, subject: &Subject) -> Self {
        let now = Instant::now();
        let (face, patience) = match Screen::take(printer) {
            Some(screen) => (Face::Screen(Box::new(screen)), Patience::of_a_person(now)),
            None => (Face::Lines(printer, Report::default()), Patience::of_a_script(now)),
        };
        let mut session = Self {
            client,
            model: Model::new(subject.clone()),
            interface: Interface::default(),
            face,
            questions: FuturesUnordered::new(),
            patience,
            begun: now,
            changed: now,
            asked_why: None,
            counted: None,
            is_asking_what_comes_after: false,
            at_work: None,
        };
        session.ask_for_page(Feed::new(client, subject), Duration::ZERO);
        if let Place::Experiment(id) = subject.place() {
            session.ask_for_name(id);
        }
        session
    }

    /// What is known in the end.
    pub(super) fn into_model(self) -> Model {
        self.model
    }

    /// Watches until all has ended, or the person leaves.
    pub(super) async fn run(&mut self) -> Result<End, Failure> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let input = match &mut self.face {
                Face::Screen(screen) => futures_util::future::Either::Left(screen.input()),
                Face::Lines(..) => futures_util::future::Either::Right(std::future::pending()),
            };
            tokio::select! {
                input = input => {
                    if let Input::Key(key) = input {
                        match self.interface.press(key, &self.model) {
                            Wish::Leave => return Ok(End::Left),
                            Wish::Log => self.ask_for_log(Duration::ZERO),
                            Wish::Nothing => {}
                        }
                    }
                }
                Some(answer) = self.questions.next() => self.take(answer)?,
                _ = tick.tick() => {}
            }
            self.show()?;
            if self.has_ended() {
                return Ok(End::AllEnded);
            }
        }
    }

    fn has_ended(&self) -> bool {
        if !self.model.trials_ended() {
            return false;
        }
        // A server that gives no trials leaves nothing to go by but the task's own state.
        if self.model.subject().is_run() && self.model.trials().len() > 0 { true } else { self.at_work == Some(false) }
    }

    fn take(&mut self, answer: Answer) -> Result<(), Failure> {
        match answer {
            Answer::Page(feed, Ok(told)) => self.take_page(feed, &told)?,
            Answer::Page(mut feed, Err(error)) => {
                if error.is_stale_cursor() && feed.begin_anew() {
                    self.ask_for_page(feed, Duration::ZERO);
                } else {
                    let pause = self.bear(&error)?;
                    self.ask_for_page(feed, pause);
                }
            }
            Answer::Name(Some(name)) => self.model.name(&plain_text::short_line(&name, 200)),
            // The id is shown.
            Answer::Name(None) => {}
            Answer::Reasons(reasons) => self.model.reasons = reasons,
            Answer::AtWork(Ok(tasks)) => {
                self.patience.answered(Instant::now());
                self.model.judging = tasks;
                self.at_work = Some(tasks > 0);
                // Trials may run again meanwhile: then the question comes again with their end.
                self.is_asking_what_comes_after = tasks > 0;
                if tasks > 0 {
                    self.ask_what_is_at_work(ASK_AGAIN);
                }
            }
            Answer::AtWork(Err(error)) => {
                let pause = self.bear(&error)?;
                self.ask_what_is_at_work(pause);
            }
            Answer::Log(trial_id, log) => {
                let shown = match &log {
                    Ok(log) => Ok((log.logs.as_str(), log.complete)),
                    Err(error) => Err(error.to_string()),
                };
                self.interface.show_log(&trial_id, shown);
                if self.interface.log.as_ref().is_some_and(|open| open.trial_id == trial_id && !open.complete) {
                    self.ask_for_log(ASK_AGAIN);
                }
            }
        }
        Ok(())
    }

    fn take_page(&mut self, mut feed: Feed, told: &Told) -> Result<(), Failure> {
        let now = Instant::now();
        self.patience.answered(now);
        self.model.trouble = None;
        if self.model.apply(&told.page) {
            self.changed = now;
        }
        if self.model.is_empty() {
            return Err(self.model.subject().absent());
        }
        if told.is_at_work.is_some() {
            self.at_work = told.is_at_work;
        }
        let pause = if !told.page.complete || self.model.needs_count() {
            Duration::ZERO
        } else if self.model.is_out_of_date() {
            feed.begin_anew();
            self.pause(now)
        } else {
            self.pause(now)
        };
        self.ask_for_page(feed, pause);
        if told.page.complete {
            self.ask_why_trials_wait(now);
            self.ask_what_comes_after();
        }
        Ok(())
    }

    /// A failed request: how long to wait before the next one, or the end of the watch.
    fn bear(&mut self, error: &ClientError) -> Result<Duration, Failure> {
        if !error.is_passing() {
            return Err(self.model.subject().failure(error));
        }
        let Some(pause) = self.patience.failed(Instant::now()) else {
            let resume = self.model.subject().resume_hint();
            return Err(Failure::new(format!("gave up watching: {error}"))
                .with_hint(format!("the trials go on; watch them again with `{resume}`")));
        };
        let since = self.model.trouble.take().map_or_else(now, |trouble| trouble.since);
        self.model.trouble = Some(Trouble { text: error.to_string(), since });
        if let Face::Lines(printer, _) = &self.face {
            printer.warning(&format!("{error}; trying again"));
        }
        Ok(pause)
    }

    /// Every second at first, when things change quickly; then every other; and less often while nothing changes.
    fn pause(&self, now: Instant) -> Duration {
        Duration::from_secs(if now - self.begun < Duration::from_secs(20) {
            1
        } else if now - self.changed < Duration::from_mins(1) {
            2
        } else {
            5
        })
    }

    fn ask_for_page(&mut self, mut feed: Feed, pause: Duration) {
        let now = Instant::now();
        let count = self.counted.is_none_or(|counted| now - counted >= COUNT_AGAIN) || self.model.needs_count();
        if count {
            self.counted = Some(now);
        }
        self.questions.push(Box::pin(async move {
            sleep(pause).await;
            let told = feed.ask(count).await;
            Answer::Page(feed, told)
        }));
    }

    fn ask_for_name(&self, experiment_id: &str) {
        let (client, id) = (self.client.clone(), experiment_id.to_owned());
        self.questions.push(Box::pin(async move {
            Answer::Name(client.watched_experiment(&id).await.ok().map(|experiment| experiment.name))
        }));
    }

    fn ask_for_log(&self, pause: Duration) {
        let Some(open) = &self.interface.log else { return };
        let (client, trial_id) = (self.client.clone(), open.trial_id.clone());
        self.questions.push(Box::pin(async move {
            sleep(pause).await;
            let log = client.log_tail(&trial_id, LOG_LINES).await;
            Answer::Log(trial_id, log)
        }));
    }

    /// Asks of one waiting trial of each queue key, and not too often: the answer is the same for all of them.
    fn ask_why_trials_wait(&mut self, now: Instant) {
        let waiting: Vec<(String, String)> = self
            .model
            .waiting_keys()
            .into_iter()
            .take(ASKED_KEYS)
            .map(|key| (key.queue_key.to_owned(), key.example.to_owned()))
            .collect();
        let asked_lately = self.asked_why.is_some_and(|asked| now - asked < ASK_AGAIN_WHY);
        if waiting.is_empty() || asked_lately || !matches!(self.face, Face::Screen(_)) {
            return;
        }
        self.asked_why = Some(now);
        let client = self.client.clone();
        self.questions.push(Box::pin(async move {
            let mut reasons = Vec::new();
            for (queue_key, trial_id) in waiting {
                // Without an answer there is no reason to show; whether the server answers at all is seen elsewhere.
                let trial = client.waiting_trial(&trial_id).await.ok();
                reasons.extend(trial.and_then(|trial| Some(Reason { queue_key, text: reason(trial)? })));
            }
            Answer::Reasons(reasons)
        }));
    }

    /// Analyses and verdicts come after the trials; only the tasks know of them.
    fn ask_what_comes_after(&mut self) {
        if !matches!(self.model.subject(), Subject::Experiment(_)) || self.is_asking_what_comes_after {
            return;
        }
        if self.model.trials_ended() {
            self.is_asking_what_comes_after = true;
            self.ask_what_is_at_work(Duration::ZERO);
        }
    }

    fn ask_what_is_at_work(&self, pause: Duration) {
        let Place::Experiment(id) = self.model.subject().place() else { return };
        let (client, id) = (self.client.clone(), id.to_owned());
        self.questions.push(Box::pin(async move {
            sleep(pause).await;
            let tasks = async {
                let judged = client.watched_experiment(&id).await?.analysis_tasks > 0;
                if judged { client.tasks_at_work(&id).await } else { Ok(0) }
            };
            Answer::AtWork(tasks.await)
        }));
    }

    fn show(&mut self) -> Result<(), Failure> {
        match &mut self.face {
            Face::Screen(screen) => {
                let size = screen.size();
                let frame = drawing::frame(&self.model, &self.interface, size, now());
                screen.draw(frame, size).map_err(|error| Failure::new(format!("cannot write to the terminal: {error}")))
            }
            Face::Lines(printer, report) => {
                for line in report.lines(&self.model, now()) {
                    printer.note(&line);
                }
                Ok(())
            }
        }
    }
}

/// Why trials of a queue key wait, as one of them is told it. What is true of this one only is left out.
fn reason(trial: WaitingTrial) -> Option<String> {
    let reason = trial.waiting_reason?;
    let text = match (reason.code, trial.queue_info) {
        (WaitingCode::LimitReached, Some(queue)) => {
            format!("{} of at most {} run", queue.running_count, queue.concurrency_limit)
        }
        (WaitingCode::AboutToStart, _) => "about to start".to_owned(),
        _ => reason.text,
    };
    Some(plain_text::short_line(&text, 300))
}

/// Seconds since 1970.
fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
