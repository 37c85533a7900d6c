//! What a dispatcher that is called measures, once for each call.

use std::time::Duration;

use oddish_db::Db;
use oddish_db::queue_metrics::{self, QueueMetrics};
use oddish_telemetry::metrics::{Document, MOST_VALUES, Unit};
use time::OffsetDateTime;

use crate::dispatched::Dispatched;

/// Queue keys of which a call tells, those with the most work: each is a handful of series that cost money.
const MOST_KEYS: usize = 50;

/// How long the database may take to count.
const COUNT_WITHIN: Duration = Duration::from_secs(2);

/// Writes what a call did.
pub(crate) fn of_call(dispatched: &Dispatched) {
    call(dispatched, OffsetDateTime::now_utc()).iter().for_each(Document::emit);
}

/// Writes what waits and runs now. A failure is logged: nothing depends on it.
pub(crate) async fn of_queues(db: &Db) {
    let now = OffsetDateTime::now_utc();
    match tokio::time::timeout(COUNT_WITHIN, queue_metrics::read(db, now)).await {
        Ok(Ok(counted)) => queues(&counted, now).iter().for_each(Document::emit),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "what waits and runs is not in the metrics");
        }
        Err(_) => tracing::warn!("counting what waits and runs takes too long; it is not in the metrics"),
    }
}

fn call(dispatched: &Dispatched, now: OffsetDateTime) -> Vec<Document> {
    let Dispatched { claimed, launched, refused } = dispatched;
    let totals = Document::new(now, &[])
        .metric("Claims", Unit::Count, *claimed)
        .metric("Launches", Unit::Count, launched.len())
        .metric("LaunchFailures", Unit::Count, refused.values().sum::<usize>());
    let reasons = refused.iter().map(|(reason, failures)| {
        Document::new(now, &[&["Reason"]]).text("Reason", reason).metric("LaunchFailures", Unit::Count, *failures)
    });
    let latencies: Vec<f64> = launched.iter().map(|latency| latency.as_secs_f64() * 1000.0).collect();
    let latencies = latencies
        .chunks(MOST_VALUES)
        .map(|values| Document::new(now, &[]).values("LaunchLatencyMs", Unit::Milliseconds, values));
    std::iter::once(totals).chain(reasons).chain(latencies).collect()
}

fn queues(queues: &[QueueMetrics], now: OffsetDateTime) -> Vec<Document> {
    let sum = |of: fn(&QueueMetrics) -> i64| queues.iter().map(of).sum::<i64>();
    let longest = |of: fn(&QueueMetrics) -> f64| queues.iter().map(of).fold(0.0, f64::max);
    let totals = Document::new(now, &[])
        .metric("ReadyJobs", Unit::Count, sum(|queue| queue.ready))
        .metric("DelayedJobs", Unit::Count, sum(|queue| queue.delayed))
        .metric("RunningJobs", Unit::Count, sum(|queue| queue.running))
        .metric("OldestReadyJobSeconds", Unit::Seconds, longest(|queue| queue.oldest_ready_seconds))
        .metric("OldestClaimableJobSeconds", Unit::Seconds, longest(QueueMetrics::oldest_claimable_seconds));
    let keys = queues.iter().take(MOST_KEYS).map(|queue| {
        Document::new(now, &[&["QueueKey"]])
            .text("QueueKey", &queue.queue_key)
            .metric("ReadyJobs", Unit::Count, queue.ready)
            .metric("DelayedJobs", Unit::Count, queue.delayed)
            .metric("RunningJobs", Unit::Count, queue.running)
            .metric("OldestReadyJobSeconds", Unit::Seconds, queue.oldest_ready_seconds)
    });
    std::iter::once(totals).chain(keys).collect()
}
