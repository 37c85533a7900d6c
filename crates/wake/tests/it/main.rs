//! Wakes through a queue that speaks SQS's protocol, and a real Postgres.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use oddish_db::{Db, dispatcher_call};
use oddish_test_support::with_database;
use oddish_wake::Wake;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A queue, and how many messages it got.
struct Queue {
    messages: Arc<AtomicUsize>,
    url: String,
}

impl Queue {
    /// `status` is what each message is answered with.
    async fn start(status: StatusCode) -> Self {
        let messages = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&messages);
        let app = Router::new().fallback(async move |headers: HeaderMap, body: String| {
            assert_eq!(headers["x-amz-target"], "AmazonSQS.SendMessage");
            let message: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(message["QueueUrl"], "https://queue.test/wake");
            counted.fetch_add(1, Ordering::SeqCst);
            (status, json!({"MessageId": "1", "MD5OfMessageBody": "3463d0eca3ef11ee1bec5a40c5a8e2c1"}).to_string())
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { messages, url }
    }

    fn wake(&self, db: &Db) -> Wake {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .endpoint_url(&self.url)
            .build();
        Wake::with_client(db.clone(), Client::from_conf(config), "https://queue.test/wake".to_owned())
    }

    fn messages(&self) -> usize {
        self.messages.load(Ordering::SeqCst)
    }
}

#[with_database]
async fn until_the_dispatcher_comes_one_message_is_enough(db: Db) {
    let queue = Queue::start(StatusCode::OK).await;
    // As many processes as there are callers.
    for _ in 0..5 {
        queue.wake(&db).dispatcher().await;
    }
    assert_eq!(queue.messages(), 1);
    dispatcher_call::came(&db).await.unwrap();
    queue.wake(&db).dispatcher().await;
    queue.wake(&db).dispatcher().await;
    assert_eq!(queue.messages(), 2);
}

/// Else nobody would send another.
#[with_database]
async fn a_message_that_was_lost_is_sent_again_after_a_while(db: Db) {
    let queue = Queue::start(StatusCode::OK).await;
    queue.wake(&db).dispatcher().await;
    sqlx::query("update oddish.dispatcher_call set asked_at = now() - interval '11 seconds'")
        .execute(&db)
        .await
        .unwrap();
    queue.wake(&db).dispatcher().await;
    assert_eq!(queue.messages(), 2);
}

/// What was done is done, whatever comes of the wake.
#[with_database]
async fn a_queue_that_refuses_is_no_error(db: Db) {
    let queue = Queue::start(StatusCode::INTERNAL_SERVER_ERROR).await;
    queue.wake(&db).dispatcher().await;
    assert_eq!(queue.messages(), 1);
}

/// The dispatcher is about to come, and its note is not committed yet. Whoever asks now has committed its work before, and the dispatcher
/// looks only after its note: so nobody waits, and nothing is missed.
#[with_database]
async fn asking_does_not_wait_for_a_dispatcher_that_is_about_to_come(db: Db) {
    let queue = Queue::start(StatusCode::OK).await;
    queue.wake(&db).dispatcher().await;
    let mut coming = db.begin().await.unwrap();
    sqlx::query("update oddish.dispatcher_call set asked_at = null").execute(&mut coming).await.unwrap();
    queue.wake(&db).dispatcher().await;
    assert_eq!(queue.messages(), 1);
    coming.commit().await.unwrap();
    queue.wake(&db).dispatcher().await;
    assert_eq!(queue.messages(), 2);
}
