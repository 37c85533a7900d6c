//! How long a function's answers take, as metrics.

use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use oddish_telemetry::metrics::{Document, Unit};
use time::OffsetDateTime;

/// Writes for each answer a document with its latency, by function and by class of the status; how many there were is the number of its
/// values.
pub(crate) async fn measure(State(function): State<&'static str>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let response = next.run(request).await;
    document(function, response.status(), begun.elapsed()).emit();
    response
}

fn document(function: &str, status: StatusCode, elapsed: Duration) -> Document {
    Document::new(OffsetDateTime::now_utc(), &[&["Function"], &["StatusClass"]])
        .text("Function", function)
        .text("StatusClass", &format!("{}xx", status.as_u16() / 100))
        .metric("ApiLatencyMs", Unit::Milliseconds, elapsed.as_secs_f64() * 1000.0)
}
