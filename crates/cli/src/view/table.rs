//! Tables for a terminal. Cells hold text that is made safe here, so that none can be forgotten.

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Row, Table, presets};
use oddish_api_types::{TaskStatus, TrialStatus};

use crate::plain_text;

/// A table without lines: columns of text, then columns of numbers. `width` is the terminal's; without one nothing is
/// wrapped.
pub(crate) fn table(texts: &[&str], numbers: &[&str], width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    // Colours are always written: whoever prints the table drops them where they don't belong.
    table.force_no_tty().enforce_styling();
    let headers = texts.iter().chain(numbers);
    table.set_header(headers.map(|header| Cell::new(header).add_attribute(comfy_table::Attribute::Bold)));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { 2 }, 0));
        if index >= texts.len() {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A row on one line: what is too long is cut.
pub(crate) fn flat_row(cells: Vec<Cell>) -> Row {
    let mut row = Row::from(cells);
    row.max_height(1);
    row
}

/// A cell of any text.
pub(crate) fn text_cell(text: &str) -> Cell {
    Cell::new(plain_text::line(text))
}

/// A trial's status; `word` is what is shown for it.
pub(crate) fn trial_status_cell(status: TrialStatus, word: &str) -> Cell {
    text_cell(word).fg(match status {
        TrialStatus::Pending => Color::DarkGrey,
        TrialStatus::Queued | TrialStatus::Retrying => Color::Yellow,
        TrialStatus::Running => Color::Blue,
        TrialStatus::Success => Color::Green,
        TrialStatus::Failed => Color::Red,
    })
}

/// A task's status.
pub(crate) fn task_status_cell(status: TaskStatus) -> Cell {
    text_cell(status.as_str()).fg(match status {
        TaskStatus::Pending => Color::DarkGrey,
        TaskStatus::Running => Color::Blue,
        TaskStatus::Analyzing => Color::Cyan,
        TaskStatus::VerdictPending => Color::Magenta,
        TaskStatus::Completed => Color::Green,
        TaskStatus::Failed => Color::Red,
    })
}

/// The table as text, without the blanks that padding leaves at the ends of lines.
pub(crate) fn render(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Columns of the terminal that stdout is, if it is one.
pub(crate) fn stdout_width() -> Option<u16> {
    let terminal = console::Term::stdout();
    terminal.is_term().then(|| terminal.size().1)
}
