#![doc = include_str!("../README.md")]

mod settings;

use std::fmt;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use oddish_db::{Db, dispatcher_call, wake};
use time::OffsetDateTime;

pub use settings::WakeSettings;

/// Time for sending a message. The caller's own work is done by then, and its client waits for the answer.
const SEND_WITHIN: Duration = Duration::from_secs(2);

/// Wakes the dispatcher.
#[derive(Clone)]
pub struct Wake {
    db: Db,
    queue: Option<Queue>,
}

#[derive(Clone)]
struct Queue {
    client: Client,
    url: String,
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").field("queue", &self.queue.as_ref().map(|queue| &queue.url)).finish_non_exhaustive()
    }
}

impl Wake {
    /// Wakes dispatchers that listen on this database.
    #[must_use]
    pub fn through(db: Db) -> Self {
        Self { db, queue: None }
    }

    /// Wakes as the settings say. Nothing is sent yet: credentials are looked for with the first message.
    pub async fn connect(db: Db, settings: &WakeSettings) -> Self {
        let Some(url) = settings.queue_url.clone() else { return Self::through(db) };
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
        if let Some(region) = region_of(&url) {
            loader = loader.region(Region::new(region.to_owned()));
        }
        if let Some(endpoint) = &settings.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        Self::with_client(db, Client::new(&loader.load().await), url)
    }

    /// Wakes through the queue at `url`, with this client.
    #[must_use]
    pub fn with_client(db: Db, client: Client, url: String) -> Self {
        Self { db, queue: Some(Queue { client, url }) }
    }

    /// Tells the dispatcher that work arrived or a slot came free. A failure is logged, not returned.
    pub async fn dispatcher(&self) {
        let failed = match &self.queue {
            None => wake::notify(&self.db).await.err().map(|error| DisplayErrorContext(error).to_string()),
            Some(queue) => self.send(queue).await.err(),
        };
        if let Some(error) = failed {
            tracing::warn!(error, "the dispatcher was not woken; it will look by itself");
        }
    }

    /// Sends a message, unless one is on its way that the dispatcher has not come for yet.
    async fn send(&self, queue: &Queue) -> Result<(), String> {
        let now = OffsetDateTime::now_utc();
        match dispatcher_call::ask(&self.db, now).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            // A message too many costs nothing.
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot tell whether a wake is needed");
            }
        }
        let sent = queue.client.send_message().queue_url(&queue.url).message_body("wake").send();
        match tokio::time::timeout(SEND_WITHIN, sent).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("no message could be sent to {}: {}", queue.url, DisplayErrorContext(error))),
            Err(_) => Err(format!("no message could be sent to {} within {SEND_WITHIN:?}", queue.url)),
        }
    }
}

/// `sqs.<region>.amazonaws.com` is the host of a queue on AWS.
fn region_of(url: &str) -> Option<&str> {
    let host = url.split_once("://")?.1.split('/').next()?;
    let (region, _) = host.strip_prefix("sqs.")?.split_once(".amazonaws.")?;
    Some(region)
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn the_region_is_that_of_the_queue() {
        assert_eq!(region_of("https://sqs.eu-central-1.amazonaws.com/123456789012/wake"), Some("eu-central-1"));
        assert_eq!(region_of("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/wake"), Some("cn-north-1"));
        assert_eq!(region_of("http://127.0.0.1:5000/123456789012/wake"), None);
    }
}
