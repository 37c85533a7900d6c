//! A comparison of two experiments as text: what flipped, how large the difference is, what it can show.

use comfy_table::Cell;
use oddish_api_types::{
    CompareResponse, ComparedExperiment, ComparedSide, Comparison, Flip, FlipDirection, OtherDifference, PassCount,
};

use super::figures::{Figure, figures, number};
use super::results::{combination, graded};
use super::table::{flat_row, render, table, text_cell};
use super::trial::counted;
use crate::plain_text;

/// Most flips that are shown; `--json` has more.
const MAX_FLIPS: usize = 50;
/// Most values and names of what else differs.
const MAX_NAMES: usize = 3;

/// For a terminal.
pub(crate) fn text(compared: &CompareResponse, width: Option<u16>) -> String {
    let mut parts = vec![format!("A  {}\nB  {}", experiment(&compared.left), experiment(&compared.right))];
    for comparison in &compared.comparisons {
        parts.push(sides(comparison));
        parts.push(flips(comparison, width));
        parts.push(differences(comparison, width));
        parts.push(readings(comparison).join("\n"));
        parts.push(what_else_differs(&comparison.differs));
    }
    for (side, experiment) in [("A", &compared.left), ("B", &compared.right)] {
        if !experiment.unpaired.is_empty() {
            let names = experiment.unpaired.iter().map(|one| combination(&one.agent, one.model.as_deref()));
            parts.push(format!("Only in {side}: {}", names.collect::<Vec<_>>().join("; ")));
        }
    }
    parts.join("\n\n")
}

fn experiment(experiment: &ComparedExperiment) -> String {
    format!("{} ({})", plain_text::line(&experiment.experiment_id), plain_text::line(&experiment.experiment_name))
}

fn sides(comparison: &Comparison) -> String {
    let side = |name: &str, side: &ComparedSide| {
        format!("{name}  {}\n   {}", combination(&side.agent, side.model.as_deref()), graded(&side.coverage))
    };
    format!("{}\n{}", side("A", &comparison.left), side("B", &comparison.right))
}

fn flips(comparison: &Comparison, width: Option<u16>) -> String {
    let (losses, gains) = (comparison.losses, comparison.gains);
    let heading = format!("Flips: {losses} from pass to fail, {gains} from fail to pass");
    if comparison.flips.is_empty() {
        return heading;
    }
    let mut table = table(&["Task", "Flip"], &["A passes", "B passes"], width);
    for flip in comparison.flips.iter().take(MAX_FLIPS) {
        table.add_row(flat_row(row(flip)));
    }
    let shown = comparison.flips.len().min(MAX_FLIPS) as u64;
    let more = (losses + gains).saturating_sub(shown);
    let more = if more > 0 { format!("\n... and {more} more") } else { String::new() };
    format!("{heading}\n{}{more}", render(&table))
}

fn row(flip: &Flip) -> Vec<Cell> {
    let direction = match flip.direction {
        FlipDirection::Loss => "loss",
        FlipDirection::Gain => "gain",
    };
    let count = |count: &PassCount| text_cell(&format!("{}/{}", count.passes, count.graded));
    vec![text_cell(&flip.task), text_cell(direction), count(&flip.left), count(&flip.right)]
}

fn differences(comparison: &Comparison, width: Option<u16>) -> String {
    let rows = [("A", &comparison.left.value), ("B", &comparison.right.value), ("B - A", &comparison.difference)];
    let rows: Vec<Figure> =
        rows.into_iter().filter_map(|(name, estimate)| Some(Figure::of(name, estimate.as_ref()?))).collect();
    if rows.is_empty() {
        return "No task is graded on both sides, so there is no difference.".to_owned();
    }
    figures(&rows, width)
}

fn readings(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(match &comparison.test {
        Some(test) => format!(
            "p = {} (exact McNemar test: {} pass in A only, {} in B only)",
            number(test.p),
            counted_tasks(test.losses),
            test.gains
        ),
        None if comparison.pairs == 0 => "No p value: there is no pair.".to_owned(),
        None => "No p value: tasks have several trials. The interval tells.".to_owned(),
    });
    lines.push(match comparison.smallest_difference {
        Some(smallest) => format!("Smallest difference that could have been shown: {}", number(smallest)),
        None => "Smallest difference that could have been shown: unknown".to_owned(),
    });
    if let Some(halving) = &comparison.halving {
        let trials = match halving.times_the_trials {
            Some(times) => format!("or {times:.1} times the trials"),
            None => "no number of trials does".to_owned(),
        };
        lines.push(format!("To halve the interval: {} more tasks; {trials}", halving.more_tasks));
    }
    let (left, right) = (comparison.left.graded_here_only, comparison.right.graded_here_only);
    if left + right > 0 {
        lines.push(format!("Not used: {} graded in A only, {right} in B only", counted_tasks(left)));
    }
    lines
}

fn what_else_differs(differs: &[OtherDifference]) -> String {
    if differs.is_empty() {
        return "Nothing else that is known differs.".to_owned();
    }
    let mut lines = vec!["What else differs:".to_owned()];
    for difference in differs {
        let aspect = plain_text::line(&difference.aspect).replace('_', " ");
        let names = first(&difference.tasks, 24);
        lines.push(format!("  {aspect} in {}: {names}", counted_tasks(difference.task_count)));
        lines.push(format!("    A {}", first(&difference.left, 24)));
        lines.push(format!("    B {}", first(&difference.right, 24)));
    }
    lines.join("\n")
}

/// The first of some texts, each cut so that a line holds them.
fn first(texts: &[String], length: usize) -> String {
    if texts.is_empty() {
        return "unknown".to_owned();
    }
    let mut shown: Vec<String> =
        texts.iter().take(MAX_NAMES).map(|text| plain_text::short_line(text, length)).collect();
    if texts.len() > MAX_NAMES {
        shown.push("...".to_owned());
    }
    shown.join(", ")
}

fn counted_tasks(tasks: u64) -> String {
    counted(usize::try_from(tasks).unwrap_or(usize::MAX), "task")
}
