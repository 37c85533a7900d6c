//! Logs on stdout: their text, or a line of JSON for each part of them.

use oddish_api_types::TrialLogsResponse;

use crate::failure::Failure;
use crate::log_text::LogText;
use crate::printer::Printer;

/// Where one log goes.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    printer: &'a Printer,
    is_json: bool,
    text: LogText,
    is_empty: bool,
}

impl<'a> Output<'a> {
    pub(crate) fn new(printer: &'a Printer, is_json: bool) -> Self {
        Self { printer, is_json, text: LogText::default(), is_empty: true }
    }

    /// Writes what an answer has of the log.
    pub(crate) fn write(&mut self, answer: &TrialLogsResponse) -> Result<(), Failure> {
        self.is_empty &= answer.logs.is_empty();
        if self.is_json {
            // An answer that only says that nothing has come yet tells a reader nothing.
            return if answer.logs.is_empty() && !answer.complete { Ok(()) } else { self.printer.json_line(answer) };
        }
        self.printer.piece(&self.text.clean(&answer.logs))
    }

    /// Ends the last line.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        self.printer.piece(self.text.end())
    }

    /// Whether nothing was written of the log.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }
}
