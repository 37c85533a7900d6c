//! Bodies of requests that are answered without them.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;

/// Of such a body this much is read at the most, for so long.
const MOST: u64 = 64 << 20;
const LONGEST: Duration = Duration::from_secs(10);

/// Reads a body and throws it away, within bounds: a client that is still sending when the connection closes sees it break, and never reads the
/// answer.
pub async fn drain(body: Body) {
    let mut pieces = body.into_data_stream();
    let mut left = MOST;
    let reading = async {
        while let Some(Ok(piece)) = pieces.next().await {
            left = left.saturating_sub(piece.len() as u64);
            if left == 0 {
                return;
            }
        }
    };
    let _too_slow = tokio::time::timeout(LONGEST, reading).await;
}
