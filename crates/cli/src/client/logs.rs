//! Logs of trials.

use std::time::Duration;

use oddish_api_types::TrialLogsResponse;

use super::{Client, ClientError, READ_TIMEOUT};

/// Seconds that the server holds an answer until there is more of a log: the most that it takes.
const WAIT: u64 = 20;

/// Which part of a log is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LogPart {
    /// Its last lines.
    Tail(u32),
    /// From this byte on.
    From(u64),
    /// From this byte on, as soon as there is something or the log has ended.
    Next(u64),
}

impl Client {
    /// `GET /trials/{trial_id}/logs`.
    pub(crate) async fn trial_logs(
        &self,
        trial_id: &str,
        attempt: Option<i32>,
        part: LogPart,
    ) -> Result<TrialLogsResponse, ClientError> {
        let (query, timeout) = match part {
            LogPart::Tail(lines) => (vec![("tail", u64::from(lines))], READ_TIMEOUT),
            LogPart::From(offset) => (vec![("offset", offset)], READ_TIMEOUT),
            LogPart::Next(offset) => {
                (vec![("offset", offset), ("wait", WAIT)], READ_TIMEOUT + Duration::from_secs(WAIT))
            }
        };
        let mut request = self.http.get(self.api.url(&["trials", trial_id, "logs"])).query(&query);
        if let Some(attempt) = attempt {
            request = request.query(&[("attempt", attempt)]);
        }
        self.send(request.timeout(timeout)).await
    }
}
