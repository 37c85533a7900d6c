//! Results of an experiment as text, Markdown and CSV.

use std::fmt::Write as _;

use oddish_api_types::{AgentResults, Coverage, IntervalMethod, KnownSum, ResultsResponse, UngradedReason};

use super::figures::{Figure, HEADERS, figures, number};
use crate::plain_text;

/// For a terminal.
pub(crate) fn text(results: &ResultsResponse, width: Option<u16>) -> String {
    let mut parts = vec![format!("Experiment  {}", experiment(results))];
    for agent in &results.agents {
        parts.push(format!("{}\n{}", combination(&agent.agent, agent.model.as_deref()), figures(&rows(agent), width)));
        parts.push(notes(agent).join("\n"));
    }
    if results.agents.is_empty() {
        parts.push("No trials yet.".to_owned());
    }
    parts.join("\n\n")
}

/// For a page.
pub(crate) fn markdown(results: &ResultsResponse) -> String {
    let mut text = format!("## Results of {}\n", escaped(&experiment(results)));
    for agent in &results.agents {
        let name = escaped(&combination(&agent.agent, agent.model.as_deref()));
        let _ = write!(text, "\n### {name}\n\n| {} |\n|---|---:|---:|---|\n", HEADERS.join(" | "));
        for figure in rows(agent) {
            let _ = writeln!(text, "| {} |", figure.cells().map(|cell| escaped(&cell)).join(" | "));
        }
        text.push('\n');
        for note in notes(agent) {
            let _ = writeln!(text, "- {}", escaped(&note));
        }
    }
    if results.agents.is_empty() {
        text.push_str("\nNo trials yet.\n");
    }
    text.trim_end().to_owned()
}

/// One line for each figure; what is unknown is empty.
pub(crate) fn csv(results: &ResultsResponse) -> String {
    let mut lines = vec!["experiment_id,agent,model,figure,value,low,high,method,of".to_owned()];
    for agent in &results.agents {
        for figure in rows(agent) {
            let exact = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
            let method = figure.interval.map(|interval| match interval.method {
                IntervalMethod::Wilson => "wilson",
                IntervalMethod::Bootstrap => "bootstrap",
            });
            let fields = [
                field(&results.experiment_id),
                field(&agent.agent),
                field(agent.model.as_deref().unwrap_or_default()),
                field(&figure.name),
                exact(figure.exact),
                exact(figure.interval.map(|interval| interval.low)),
                exact(figure.interval.map(|interval| interval.high)),
                method.unwrap_or_default().to_owned(),
                field(&figure.of),
            ];
            lines.push(fields.join(","));
        }
    }
    lines.join("\n")
}

/// An agent and its model.
pub(crate) fn combination(agent: &str, model: Option<&str>) -> String {
    match model {
        Some(model) => format!("{}, {}", plain_text::line(agent), plain_text::line(model)),
        None => plain_text::line(agent),
    }
}

/// How many trials are graded, and why the others are not.
pub(crate) fn graded(coverage: &Coverage) -> String {
    let mut text = format!("{} of {} trials are graded", coverage.graded, coverage.trials);
    if let Some(share) = coverage.share {
        let _ = write!(text, " ({:.1} %)", share * 100.0);
    }
    let ungraded: Vec<String> = coverage
        .ungraded
        .iter()
        .map(|ungraded| {
            let reason = match (ungraded.reason, ungraded.error_class) {
                (UngradedReason::Waiting, _) => "waiting".to_owned(),
                (UngradedReason::Running, _) => "running".to_owned(),
                (UngradedReason::Failed, Some(class)) => format!("failed ({class})"),
                (UngradedReason::Failed, None) => "failed".to_owned(),
                (UngradedReason::Cancelled, _) => "cancelled".to_owned(),
                (UngradedReason::NotVerified, _) => "not verified".to_owned(),
                (UngradedReason::NoScalarReward, _) => "no scalar reward".to_owned(),
                (UngradedReason::Unconfirmed, _) => "unconfirmed".to_owned(),
            };
            format!("{} {reason}", ungraded.trials)
        })
        .collect();
    if !ungraded.is_empty() {
        let _ = write!(text, "; not graded: {}", ungraded.join(", "));
    }
    text
}

fn experiment(results: &ResultsResponse) -> String {
    format!("{} ({})", plain_text::line(&results.experiment_id), plain_text::line(&results.experiment_name))
}

fn rows(agent: &AgentResults) -> Vec<Figure> {
    let mut rows: Vec<Figure> = agent.headline.iter().map(|headline| Figure::of("reward", headline)).collect();
    for rate in &agent.pass_rates {
        rows.push(Figure::of(format!("pass@{}", rate.k), &rate.pass_at_k));
        // With one trial both are the same.
        if rate.k > 1 {
            rows.push(Figure::of(format!("pass^{}", rate.k), &rate.pass_all_k));
        }
    }
    rows.extend(agent.mixed.iter().map(|mixed| Figure::of("mixed tasks", mixed)));
    let usage = &agent.usage;
    let whole = |value: f64| format!("{value:.0}");
    rows.extend([
        sum("cost in USD", &usage.cost_usd, |value| format!("{value:.2}")),
        sum("tokens read", &usage.input_tokens, whole),
        sum("from cache", &usage.cache_tokens, whole),
        sum("tokens written", &usage.output_tokens, whole),
        sum("seconds", &usage.seconds, whole),
    ]);
    rows
}

fn sum(name: &str, sum: &KnownSum, shown: impl Fn(f64) -> String) -> Figure {
    Figure {
        name: name.to_owned(),
        value: sum.sum.map(shown),
        exact: sum.sum,
        interval: None,
        of: format!("{} of {} attempts known", sum.known, sum.of),
    }
}

fn notes(agent: &AgentResults) -> Vec<String> {
    let mut notes = vec![graded(&agent.coverage)];
    if let Some(refused) = &agent.headline_refused {
        notes.push(format!("no headline: {}", plain_text::line(&refused.reason)));
        notes.push(format!(
            "it would be {} with a reward of 0 for the others, {} with 1",
            number(refused.ungraded_as_zero),
            number(refused.ungraded_as_one)
        ));
    }
    if agent.ungraded_tasks > 0 {
        let tasks = agent.graded_tasks + agent.ungraded_tasks;
        notes.push(format!("{} of {tasks} tasks have no graded trial and are in no figure", agent.ungraded_tasks));
    }
    notes
}

/// A field of CSV (RFC 4180), in quotation marks where it needs them.
fn field(text: &str) -> String {
    let text = plain_text::line(text);
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// Text that Markdown takes for nothing else: names are other people's.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '~' | '&') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
