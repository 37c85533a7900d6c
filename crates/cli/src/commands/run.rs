//! `oddish run` (docs/compatibility.md, 2.2).

mod agent_variables;
mod args;
mod config;
mod harbor_job;
mod plan;
mod submit;
mod sweep_file;
mod upload;

use std::collections::BTreeMap;

use oddish_api_types::{ResultsResponse, TaskStatus, TaskStatusResponse, TrialResponse};
use serde::Serialize;

use self::plan::Plan;
use self::submit::{NotSubmitted, Submitted, submit};
use crate::client::Client;
use crate::commands::fail_under::shortfalls;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::plain_text;
use crate::printer::Printer;
use crate::task_check::{check_all, tell_warnings, warning_text};
use crate::view::results;
use crate::view::table::stdout_width;
use crate::view::trial::counted;
use crate::watching::{RunTrials, Subject, Watched, watch};

pub(crate) use self::args::RunArgs;
pub(crate) use self::config::of as told_of_file;
pub(crate) use self::plan::read_config;

/// Checks, submits and, unless told otherwise, watches.
pub(crate) async fn run(args: &RunArgs, printer: &Printer) -> Result<ExitStatus, Failure> {
    // A faulty address is told before a faulty task, a missing one after.
    args.server.find()?;
    let mut plan = Plan::new(args, printer)?;
    let client = args.server.client(printer)?;
    let usual = client.usual_environment().map(String::from);
    plan.sweep.environment = plan.sweep.environment.or(usual);

    let (valid, faulty) = check_all(plan.tasks);
    let refused = faulty.into_iter().map(|task| NotSubmitted::locally(&task.task, task.faults));
    let mut left_out: Vec<NotSubmitted> = plan.odd.into_iter().map(NotSubmitted::odd).chain(refused).collect();
    let noted = tell_warnings(&valid, plan.sweep.timeout_minutes.is_some(), printer);
    let mut submitted = Vec::new();
    if !valid.is_empty() {
        printer.note(&format!("Submitting {} to {}", counted(valid.len(), "task"), client.server()));
    }
    let requested = plan.sweep.experiment_id.clone().unwrap_or_default();
    let tasks = valid.into_iter().map(|checked| checked.task).collect();
    for result in submit(&client, printer, tasks, plan.sweep).await {
        match result {
            Ok(task) => submitted.push(task),
            Err(task) => left_out.push(task),
        }
    }
    for task in &submitted {
        if let Some(version) = task.reused_version {
            printer.note(&format!("{}: unchanged, reusing version {version}", plain_text::line(&task.name)));
        }
        for warning in task.warnings.iter().map(|warning| warning_text(&task.name, warning)) {
            if !noted.contains(&warning) {
                printer.warning(&warning);
            }
        }
    }
    tell_left_out(&left_out, submitted.len(), printer);
    match Submission::new(&client, &requested, &submitted) {
        Some(submission) => report(args, printer, &client, submission, &left_out).await,
        None => Ok(ExitStatus::Failure),
    }
}

/// Says what was submitted, watches it, and says what came of it.
async fn report(
    args: &RunArgs,
    printer: &Printer,
    client: &Client,
    mut submission: Submission,
    left_out: &[NotSubmitted],
) -> Result<ExitStatus, Failure> {
    submission.not_submitted = left_out.iter().map(Absent::from).collect();
    if !args.json {
        printer.result(&submission.to_text())?;
    }
    let mut status = if left_out.is_empty() { ExitStatus::Success } else { ExitStatus::Failure };
    if args.watches() {
        let subject = submission.subject();
        match watch(client, printer, &subject).await? {
            Watched::Stopped => status = ExitStatus::Interrupted,
            Watched::Ended(ended) => {
                if status == ExitStatus::Success {
                    status = ended.status();
                }
                if args.json {
                    submission.add_tasks(subject.fetch(client).await.map_err(|error| subject.failure(&error))?);
                } else {
                    printer.result(&format!("\n{}", ended.results(client, &subject).await?))?;
                }
                let results = results_of(&submission, client).await?;
                if !args.json {
                    printer.result(&format!("\n{}", results::text(&results, stdout_width())))?;
                }
                let shortfalls = args.fail_under.map(|bar| shortfalls(&results, bar)).unwrap_or_default();
                for shortfall in &shortfalls {
                    printer.error(shortfall);
                }
                if !shortfalls.is_empty() && status == ExitStatus::Success {
                    status = ExitStatus::BelowBar;
                }
                submission.results = Some(results);
            }
        }
    }
    if args.json {
        printer.json(&submission)?;
    }
    Ok(status)
}

/// What the trials of the experiment show, those among them that were there before this run.
async fn results_of(submission: &Submission, client: &Client) -> Result<ResultsResponse, Failure> {
    let experiment = submission.experiment_id.as_deref().unwrap_or(&submission.experiment);
    client.results(experiment, &[]).await.map_err(|error| error.while_doing("cannot get the results"))
}

fn tell_left_out(left_out: &[NotSubmitted], submitted: usize, printer: &Printer) {
    let (untried, tried): (Vec<_>, Vec<_>) = left_out.iter().partition(|task| task.untried);
    for task in &tried {
        for fault in &task.faults {
            printer.error(&format!("{}: {fault}", task.task));
        }
    }
    match untried.len() {
        0 => {}
        1 => printer.error("1 task was not tried after these"),
        number => printer.error(&format!("{number} tasks were not tried after these")),
    }
    if left_out.len() + submitted > 1 && !left_out.is_empty() {
        printer.error(&format!("{} of {} tasks were not submitted", left_out.len(), left_out.len() + submitted));
    }
    if let Some(hint) = left_out.iter().find_map(|task| task.hint) {
        printer.hint(hint);
    }
}

/// What was submitted, as `--json` prints it (docs/compatibility.md, 2.2).
#[derive(Serialize)]
struct Submission {
    /// Name of the experiment.
    experiment: String,
    experiment_id: Option<String>,
    experiment_url: Option<String>,
    /// Always null: nothing is published.
    public_experiment_url: Option<String>,
    total_trials: u32,
    tasks: Vec<Task>,
    /// Tasks that were found but not submitted.
    not_submitted: Vec<Absent>,
    /// Results of the experiment; only with `--watch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<ResultsResponse>,
}

#[derive(Serialize)]
struct Task {
    id: String,
    name: String,
    trials_count: u32,
    url: String,
    /// Always null: nothing is published.
    public_url: Option<String>,
    /// How it ended; only with `--watch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<TaskStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trials: Option<Vec<TrialResponse>>,
    #[serde(skip)]
    providers: BTreeMap<String, u32>,
    /// The trials that this run created.
    #[serde(skip)]
    mine: RunTrials,
}

#[derive(Serialize)]
struct Absent {
    name: String,
    errors: Vec<String>,
}

impl From<&NotSubmitted> for Absent {
    fn from(task: &NotSubmitted) -> Self {
        Self { name: task.task.clone(), errors: task.faults.clone() }
    }
}

impl Submission {
    /// Nothing when no task was submitted. `requested` names the experiment where the server doesn't.
    fn new(client: &Client, requested: &str, submitted: &[Submitted]) -> Option<Self> {
        let first = &submitted.first()?.sweep;
        let tasks = submitted.iter().map(|task| Task {
            id: task.sweep.id.clone(),
            name: task.name.clone(),
            trials_count: task.sweep.trials_count,
            url: client.task_url(&task.sweep.id).into(),
            public_url: None,
            status: None,
            trials: None,
            providers: task.sweep.providers.clone(),
            mine: RunTrials::of(&task.sweep),
        });
        Some(Self {
            experiment: first.experiment_name.clone().unwrap_or_else(|| requested.into()),
            experiment_id: first.experiment_id.clone(),
            experiment_url: first.experiment_id.as_deref().map(|id| client.experiment_url(id).into()),
            public_experiment_url: None,
            total_trials: submitted.iter().map(|task| task.sweep.trials_count).sum(),
            tasks: tasks.collect(),
            not_submitted: Vec::new(),
            results: None,
        })
    }

    fn add_tasks(&mut self, ended: Vec<TaskStatusResponse>) {
        for result in ended {
            if let Some(task) = self.tasks.iter_mut().find(|task| task.id == result.id) {
                task.status = Some(result.status);
                task.trials = Some(result.trials.unwrap_or_default());
            }
        }
    }

    /// The trials that were submitted now.
    fn subject(&self) -> Subject {
        Subject::Run {
            experiment_id: self.experiment_id.clone().unwrap_or_else(|| self.experiment.clone()),
            tasks: self.tasks.iter().map(|task| (task.id.clone(), task.mine.clone())).collect(),
        }
    }

    fn to_text(&self) -> String {
        let mut providers: BTreeMap<&str, u32> = BTreeMap::new();
        for (provider, number) in self.tasks.iter().flat_map(|task| &task.providers) {
            *providers.entry(provider).or_default() += number;
        }
        let providers: Vec<String> =
            providers.iter().map(|(provider, number)| format!("{} {number}", plain_text::line(provider))).collect();
        let mut lines = vec![match self.tasks.as_slice() {
            [_] => "Task submitted!".to_owned(),
            tasks => format!("{} tasks submitted!", tasks.len()),
        }];
        let mut fact = |name: &str, value: &str| lines.push(format!("{name:<11} {}", plain_text::line(value)));
        if let [task] = self.tasks.as_slice() {
            fact("Task", &task.id);
        }
        fact("Trials", &self.total_trials.to_string());
        fact("Providers", &providers.join(", "));
        fact(
            "Experiment",
            &match &self.experiment_id {
                Some(id) => format!("{id} ({})", self.experiment),
                None => self.experiment.clone(),
            },
        );
        fact("Watch", &self.subject().resume_hint());
        lines.join("\n")
    }
}
