//! Rows of cells in columns that fit a width.

use std::fmt::Write as _;

use clap::builder::styling::Style;
use console::{Alignment, measure_text_width, pad_str, truncate_str};

const GAP: usize = 2;
/// A column of text is not made narrower than this while another column can be left out.
const NARROWEST: usize = 12;

/// What a column holds, and how it gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, cut at its end.
    Text,
    /// Text that its end tells apart, such as a trial's id: cut at its beginning.
    Ending,
    /// Right-aligned and never cut.
    Number,
}

/// A column. Those with the highest `gives_way` are left out first where it is narrow; 0 stays.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    pub(super) kind: Kind,
    pub(super) gives_way: u8,
}

/// A text, safe to print, and how it looks.
#[derive(Debug)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self::styled(text, Style::new())
    }

    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }

    pub(super) fn restyled(self, style: Style) -> Self {
        Self { style, ..self }
    }
}

/// One line for the headings and one for each row, none wider than `width`.
pub(super) fn lines(columns: &[Column], rows: &[Vec<Cell>], width: usize) -> Vec<String> {
    let shown = fitting(columns, rows, width);
    let heading = shown.iter().map(|(place, width)| {
        let column = &columns[*place];
        fitted(column.heading, column.kind, *width)
    });
    let heading = heading.collect::<Vec<_>>().join(&" ".repeat(GAP));
    let mut lines = vec![format!("{DIM}{}{DIM:#}", heading.trim_end())];
    for row in rows {
        let mut line = String::new();
        for (number, (place, width)) in shown.iter().enumerate() {
            let Some(cell) = row.get(*place) else { continue };
            if number > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            let style = cell.style;
            let _ = write!(line, "{style}{}{style:#}", fitted(&cell.text, columns[*place].kind, *width));
        }
        lines.push(line);
    }
    lines
}

/// What is less important.
pub(super) const DIM: Style = Style::new().dimmed();

/// The columns that are shown, each with its width.
fn fitting(columns: &[Column], rows: &[Vec<Cell>], width: usize) -> Vec<(usize, usize)> {
    let mut shown: Vec<(usize, usize)> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let cells = rows.iter().filter_map(|row| row.get(place));
            let widest = cells.map(|cell| measure_text_width(&cell.text)).max().unwrap_or(0);
            (place, widest.max(column.heading.len()))
        })
        .collect();
    let cuttable = |place: usize| columns[place].kind != Kind::Number;
    let least = |shown: &[(usize, usize)]| {
        let widths = shown.iter().map(|(place, width)| if cuttable(*place) { (*width).min(NARROWEST) } else { *width });
        widths.sum::<usize>() + GAP * shown.len().saturating_sub(1)
    };
    while least(&shown) > width
        && let Some(first) = (0..shown.len())
            .filter(|at| columns[shown[*at].0].gives_way > 0)
            .max_by_key(|at| columns[shown[*at].0].gives_way)
    {
        shown.remove(first);
    }
    let gaps = GAP * shown.len().saturating_sub(1);
    while shown.iter().map(|(_, width)| width).sum::<usize>() + gaps > width
        && let Some((_, widest)) =
            shown.iter_mut().filter(|(place, width)| cuttable(*place) && *width > 1).max_by_key(|(_, width)| *width)
    {
        *widest -= 1;
    }
    shown
}

fn fitted(text: &str, kind: Kind, width: usize) -> String {
    match kind {
        Kind::Text => pad_str(text, width, Alignment::Left, Some("…")).into_owned(),
        Kind::Ending => pad_str(&end_of(text, width), width, Alignment::Left, None).into_owned(),
        Kind::Number => pad_str(text, width, Alignment::Right, None).into_owned(),
    }
}

/// The text, or `…` and as much of its end as fits.
pub(super) fn end_of(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut kept = Vec::new();
    for character in text.chars().rev() {
        let wide = measure_text_width(character.encode_utf8(&mut [0; 4]));
        if wide > left {
            break;
        }
        left -= wide;
        kept.push(character);
    }
    if width == 0 {
        return String::new();
    }
    std::iter::once('…').chain(kept.into_iter().rev()).collect()
}

/// The text, cut at its end where it is too wide.
pub(super) fn beginning_of(text: &str, width: usize) -> String {
    truncate_str(text, width, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use console::{measure_text_width, strip_ansi_codes};

    use super::{Cell, Column, Kind, end_of, lines};

    const COLUMNS: [Column; 4] = [
        Column { heading: "Trial", kind: Kind::Ending, gives_way: 0 },
        Column { heading: "Agent", kind: Kind::Text, gives_way: 2 },
        Column { heading: "Time", kind: Kind::Number, gives_way: 0 },
        Column { heading: "Cost", kind: Kind::Number, gives_way: 1 },
    ];

    fn table(width: usize) -> Vec<String> {
        let row = |id: &str, agent: &str| vec![Cell::new(id), Cell::new(agent), Cell::new("1:05"), Cell::new("12.50")];
        let rows = [row("a-very-long-name-1a2b3c4d-0", "claude-code"), row("任务🦀任务🦀任务🦀-1", "任务🦀")];
        lines(&COLUMNS, &rows, width).iter().map(|line| strip_ansi_codes(line).into_owned()).collect()
    }

    #[test]
    fn columns_give_way_in_their_order_and_nothing_is_wider_than_asked() {
        assert_eq!(table(60)[1], "a-very-long-name-1a2b3c4d-0  claude-code  1:05  12.50");
        assert_eq!(table(44)[1], "…g-name-1a2b3c4d-0  claude-code  1:05  12.50");
        assert_eq!(table(26)[1], "…e-1a2b3c4d-0  1:05  12.50");
        assert_eq!(table(20)[1], "…me-1a2b3c4d-0  1:05");
        for width in 8..80 {
            for line in table(width) {
                assert!(measure_text_width(&line) <= width.max(11), "{width}: {line}");
            }
        }
    }

    #[test]
    fn the_end_of_an_id_is_kept() {
        assert_eq!(end_of("hello-1a2b3c4d-0", 8), "…b3c4d-0");
        assert_eq!(end_of("任务🦀", 4), "…🦀");
        assert_eq!((end_of("ab", 2), end_of("ab", 1), end_of("ab", 0)), ("ab".into(), "…".into(), String::new()));
    }
}
