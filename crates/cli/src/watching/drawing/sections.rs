//! The parts of the overview.

use clap::builder::styling::{AnsiColor, Style};
use oddish_api_types::TrialStatus;

use super::columns::{Cell, Column, Kind, beginning_of, end_of, lines};
use super::numbers::{clock, money, period};
use crate::plain_text;
use crate::view::trial::{counted, reward};
use crate::watching::interface::Interface;
use crate::watching::model::Model;
use crate::watching::tally::Tally;
use crate::watching::trials::Trial;

const BAR: usize = 20;
const HEADING: Style = Style::new().bold();
const CHOSEN: Style = Style::new().invert();

const AGENTS: &[Column] = &[
    Column { heading: "Agent", kind: Kind::Text, gives_way: 0 },
    Column { heading: "Model", kind: Kind::Ending, gives_way: 1 },
    Column { heading: "Ended", kind: Kind::Number, gives_way: 0 },
    Column { heading: "Running", kind: Kind::Number, gives_way: 3 },
    Column { heading: "Waiting", kind: Kind::Number, gives_way: 4 },
    Column { heading: "Failed", kind: Kind::Number, gives_way: 0 },
    Column { heading: "Reward", kind: Kind::Number, gives_way: 2 },
    Column { heading: "Cost", kind: Kind::Number, gives_way: 5 },
];
const TRIALS: &[Column] = &[
    Column { heading: "Trial", kind: Kind::Ending, gives_way: 0 },
    Column { heading: "Agent", kind: Kind::Text, gives_way: 2 },
    Column { heading: "Model", kind: Kind::Ending, gives_way: 3 },
    Column { heading: "Stage", kind: Kind::Text, gives_way: 0 },
    Column { heading: "Time", kind: Kind::Number, gives_way: 0 },
    Column { heading: "Reward", kind: Kind::Number, gives_way: 1 },
];
const FAILED: &[Column] = &[
    Column { heading: "Trial", kind: Kind::Ending, gives_way: 0 },
    Column { heading: "Class", kind: Kind::Text, gives_way: 1 },
    Column { heading: "Message", kind: Kind::Text, gives_way: 0 },
];

/// Where things stand, in a line: what a watch without a terminal prints.
pub(in crate::watching) fn summary(model: &Model, now: i64) -> String {
    let tally = model.tally();
    let mut facts = vec![format!("{}/{} ended", tally.ended(), counted(tally.total(), "trial")), states(&tally)];
    facts.extend(pace(model, &tally, now));
    facts.retain(|fact| !fact.is_empty());
    facts.join(", ")
}

/// What all trials came to, in a line.
pub(in crate::watching) fn outcome(model: &Model) -> String {
    let tally = model.tally();
    let mut facts = vec![
        counted(tally.total(), "trial"),
        format!("{} succeeded", tally.succeeded),
        format!("{} failed", tally.failed),
        match tally.mean_reward() {
            Some(mean) => format!("mean reward {mean:.2} (over {} with a reward)", tally.rewarded),
            None => "no rewards".to_owned(),
        },
    ];
    facts.extend(tally.cost.map(money));
    facts.join(" | ")
}

fn states(tally: &Tally) -> String {
    let states = [(tally.running, "running"), (tally.failed, "failed"), (tally.waiting, "waiting")];
    let told = states.into_iter().filter(|(number, _)| *number > 0);
    told.map(|(number, state)| format!("{number} {state}")).collect::<Vec<_>>().join(", ")
}

/// How fast it goes, how long it takes, what it costs.
fn pace(model: &Model, tally: &Tally, now: i64) -> Vec<String> {
    let rate = model.rate(now).filter(|_| tally.ended() < tally.total());
    let mut facts: Vec<String> = rate.map(|rate| format!("{rate:.1}/min")).into_iter().collect();
    facts.extend(model.seconds_left(now).map(|left| format!("about {} left", period(left))));
    facts.extend(tally.cost.map(money));
    facts
}

/// How far all trials are, how fast they go, and what they brought.
pub(super) fn counts(model: &Model, now: i64, width: usize) -> Vec<String> {
    let tally = model.tally();
    let ended = format!("{}/{} ended", tally.ended(), tally.total());
    let states: Vec<String> =
        std::iter::once(ended).chain(Some(states(&tally)).filter(|text| !text.is_empty())).collect();
    let filled = (BAR * tally.ended()).checked_div(tally.total()).unwrap_or(0);
    let mut first = states.join("  ");
    // On a narrow terminal the numbers say it all.
    if width >= 60 {
        first = format!("{}{}  {first}", "█".repeat(filled), "░".repeat(BAR - filled));
    }
    let mut facts = pace(model, &tally, now);
    if let Some(mean) = tally.mean_reward() {
        facts.push(format!("mean reward {mean:.2} of {}", tally.rewarded));
    }
    let mut lines = vec![first];
    if !facts.is_empty() {
        lines.push(facts.join("  "));
    }
    lines
}

/// What the trials of each agent and model came to, in at most so many rows.
pub(super) fn agents(model: &Model, most: usize, width: usize) -> Vec<String> {
    let agents = model.by_agent();
    let row = |(agent, model, tally): &(&str, Option<&str>, Tally)| {
        let number = |number: usize| Cell::new(if number == 0 { "-".to_owned() } else { number.to_string() });
        let failed = if tally.failed == 0 { Style::new() } else { AnsiColor::Red.on_default() };
        vec![
            Cell::new(*agent),
            Cell::new(model.unwrap_or("-")),
            Cell::new(format!("{}/{}", tally.ended(), tally.total())),
            number(tally.running),
            number(tally.waiting),
            Cell::styled(if tally.failed == 0 { "-".to_owned() } else { tally.failed.to_string() }, failed),
            Cell::new(tally.mean_reward().map_or("-".to_owned(), |mean| format!("{mean:.2}"))),
            Cell::new(tally.cost.map_or("-".to_owned(), money)),
        ]
    };
    let rows: Vec<Vec<Cell>> = agents.iter().take(most).map(row).collect();
    let mut lines = lines(AGENTS, &rows, width);
    if agents.len() > most {
        lines.push(format!("... and {} more agents and models", agents.len() - most));
    }
    lines
}

/// Why trials wait, for each queue key.
pub(super) fn waiting(model: &Model, most: usize, width: usize) -> Vec<String> {
    let keys = model.waiting_keys();
    if keys.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("{HEADING}Waiting{HEADING:#}")];
    for key in keys.iter().take(most) {
        let reason = model.reasons.iter().find(|reason| reason.queue_key == key.queue_key);
        let reason = reason.map(|reason| format!(": {}", reason.text)).unwrap_or_default();
        lines.push(beginning_of(&format!("{} for {}{reason}", key.trials, key.queue_key), width));
    }
    if keys.len() > most {
        lines.push(format!("... and {} more queue keys", keys.len() - most));
    }
    lines
}

/// The trials that failed last.
pub(super) fn failures(model: &Model, most: usize, now: i64, width: usize) -> Vec<String> {
    let failed = model.listed(true);
    if failed.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("{HEADING}Last failures{HEADING:#}")];
    for (id, trial) in failed.iter().take(most) {
        let ago = trial.finished.map(|finished| format!("{} ago  ", period(now - finished))).unwrap_or_default();
        // Most of the line is the message's.
        let id = end_of(&plain_text::line(id), width / 4);
        lines.push(beginning_of(&format!("{ago}{id}  {}", failure(trial)), width));
    }
    lines
}

/// The list of trials, with its headings, in at most so many lines; the chosen one is always among those shown.
pub(super) fn list(model: &Model, interface: &Interface, most: usize, now: i64, width: usize) -> Vec<String> {
    let listed = model.listed(interface.only_failed);
    let chosen = interface.place(&listed);
    let rows = most.saturating_sub(2);
    let last_top = listed.len().saturating_sub(rows);
    let top = chosen.map_or(0, |place| place.saturating_sub(rows / 2)).min(last_top);
    let shown = listed.iter().enumerate().skip(top).take(rows);
    let cells: Vec<Vec<Cell>> = shown
        .map(|(place, (id, trial))| {
            let row = if interface.only_failed { failed_row(id, trial) } else { row(model, id, trial, now) };
            if chosen == Some(place) { row.into_iter().map(|cell| cell.restyled(CHOSEN)).collect() } else { row }
        })
        .collect();
    let name = if interface.only_failed { "Failed trials" } else { "Trials" };
    let place = match (chosen, listed.len()) {
        (_, 0) => " none".to_owned(),
        (Some(place), number) => format!(" {} of {number}", place + 1),
        (None, number) if number > rows => format!(" {} to {} of {number}", top + 1, top + rows),
        (None, _) => String::new(),
    };
    let mut all = vec![format!("{HEADING}{name}{HEADING:#}{place}")];
    // The mark at the left stands for the colours where there are none.
    let columns = if interface.only_failed { FAILED } else { TRIALS };
    let table = lines(columns, &cells, width.saturating_sub(2));
    let marked = table.into_iter().enumerate().map(|(number, line)| {
        let is_chosen = number > 0 && chosen == Some(top + number - 1);
        format!("{} {line}", if is_chosen { ">" } else { " " })
    });
    all.extend(marked);
    all
}

fn row(model: &Model, id: &str, trial: &Trial, now: i64) -> Vec<Cell> {
    let trials = model.trials();
    let colour = match trial.status {
        TrialStatus::Pending => AnsiColor::BrightBlack,
        TrialStatus::Queued | TrialStatus::Retrying => AnsiColor::Yellow,
        TrialStatus::Running => AnsiColor::Blue,
        TrialStatus::Success => AnsiColor::Green,
        TrialStatus::Failed => AnsiColor::Red,
    };
    let until = if trial.status == TrialStatus::Running { Some(now) } else { trial.finished };
    let time = trial.started.zip(until).filter(|_| !trial.waits()).map(|(from, until)| clock(until - from));
    vec![
        Cell::new(plain_text::line(id)),
        Cell::new(trials.text(trial.agent)),
        Cell::new(trial.model.map_or("-", |model| trials.text(model))),
        Cell::styled(trials.activity(trial), colour.on_default()),
        Cell::new(time.unwrap_or_else(|| "-".to_owned())),
        Cell::new(reward(trial.reward)),
    ]
}

fn failed_row(id: &str, trial: &Trial) -> Vec<Cell> {
    let class = trial.class.map_or("-", |class| class.as_str());
    let message = trial.message.as_deref().unwrap_or("no reason was recorded");
    vec![Cell::new(plain_text::line(id)), Cell::new(class), Cell::new(message)]
}

/// Class and message of a failure.
pub(in crate::watching) fn failure(trial: &Trial) -> String {
    let message = trial.message.as_deref().unwrap_or("no reason was recorded");
    match trial.class {
        Some(class) => format!("{class}: {message}"),
        None => message.to_owned(),
    }
}
