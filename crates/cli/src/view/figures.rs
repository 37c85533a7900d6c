//! Figures with their intervals, as cells of tables.

use comfy_table::{Cell, CellAlignment};
use oddish_api_types::{Estimate, Interval};

use super::table::{render, table, text_cell};

/// One figure of a table.
pub(crate) struct Figure {
    pub(crate) name: String,
    /// The value as shown; none where it is unknown.
    pub(crate) value: Option<String>,
    /// The value as it is.
    pub(crate) exact: Option<f64>,
    pub(crate) interval: Option<Interval>,
    /// What it is computed from.
    pub(crate) of: String,
}

impl Figure {
    /// A mean over tasks.
    pub(crate) fn of(name: impl Into<String>, estimate: &Estimate) -> Self {
        let few = if estimate.few_tasks { " (few tasks)" } else { "" };
        Self {
            name: name.into(),
            value: Some(number(estimate.value)),
            exact: Some(estimate.value),
            interval: estimate.interval,
            of: format!("{} task{}{few}", estimate.tasks, if estimate.tasks == 1 { "" } else { "s" }),
        }
    }

    /// Its cells: name, value, interval, what it is computed from.
    pub(crate) fn cells(&self) -> [String; 4] {
        let interval = self.interval.map(|interval| format!("{} to {}", number(interval.low), number(interval.high)));
        let value = self.value.clone().unwrap_or_else(|| "unknown".to_owned());
        [self.name.clone(), value, interval.unwrap_or_else(|| "-".to_owned()), self.of.clone()]
    }
}

/// The headers of a table of figures.
pub(crate) const HEADERS: [&str; 4] = ["Figure", "Value", "95 % interval", "Of"];

/// Figures as a table for a terminal.
pub(crate) fn figures(figures: &[Figure], width: Option<u16>) -> String {
    let mut table = table(&HEADERS, &[], width);
    for figure in figures {
        let [name, value, interval, of] = figure.cells();
        let right = |text: &str| -> Cell { text_cell(text).set_alignment(CellAlignment::Right) };
        table.add_row(vec![text_cell(&name), right(&value), right(&interval), text_cell(&of)]);
    }
    render(&table)
}

/// A number with three decimals, as many as intervals deserve; one that is far from 1 with three digits.
pub(crate) fn number(number: f64) -> String {
    if number != 0.0 && !(0.001..100_000.0).contains(&number.abs()) {
        return format!("{number:.2e}");
    }
    let text = format!("{number:.3}");
    if text == "-0.000" { "0.000".to_owned() } else { text }
}
