//! Serving HTTP to clients who may be slow, silent or too many.
//!
//! A connection is held only for as long as its client does its part: it sends a request's head in time, and moves a body on. There is a
//! bound on connections, so that descriptors are left for the dispatcher, runners, the store and Postgres ([`crate::descriptors`]). When it
//! is reached, the client that has kept the server waiting for longest makes room for the new one; where none keeps it waiting, the new one
//! gets 503.

mod client;
mod io;
mod settings;

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use oddish_functions::http::error::ApiError;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use client::{Client, Phase};
use io::{Answer, Received, Watched};
pub(crate) use settings::ConnectionSettings;

/// How often clients are looked for that have kept the server waiting for too long.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long requests that have begun may take once the server is to stop.
const FINISH_WITHIN: Duration = Duration::from_secs(25);
/// How long a client whose place is given away may take to go. It takes a moment, unless the machine is very busy.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);
/// A client that has kept the server waiting for less keeps its place: it has just come, or is at work.
const SPARED: Duration = Duration::from_millis(50);
/// How long a place is looked for while there are only such clients.
const FIND_WITHIN: Duration = Duration::from_millis(200);
/// Pause before looking again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);
/// Clients that are told at once that there is no room. Others are turned away without a word.
pub(crate) const REFUSALS: usize = 16;
/// How long telling one may take.
const REFUSE_WITHIN: Duration = Duration::from_secs(2);
/// Pause after a connection could not be accepted, so that a lack of descriptors does not keep a processor busy.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Time between two lines that say that there is no room.
const WARN_EVERY: Duration = Duration::from_mins(1);
/// Most bytes that are kept of a connection's requests: the longest head, and what is read of a body at a time.
const BUFFER: usize = 128 << 10;

/// Serves `app` until `stop` is ready, and then what has begun, for a while.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    settings: ConnectionSettings,
    most: usize,
    stop: impl Future<Output = ()>,
) {
    let (told_to_stop, stopping) = watch::channel(false);
    let mut server = Server {
        app,
        settings,
        clients: Arc::default(),
        places: Arc::new(Semaphore::new(most)),
        refusals: Arc::new(Semaphore::new(REFUSALS)),
        tasks: JoinSet::new(),
        next_number: 0,
        warned_at: None,
        stopping,
    };
    let mut stop = pin!(stop);
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => server.take(stream).await,
                Err(error) => server.not_accepted(&error).await,
            },
            // Without clients there is nothing to look at, and a server at rest stays so.
            _ = look.tick(), if !server.tasks.is_empty() => server.close_stalled(),
            Some(_) = server.tasks.join_next(), if !server.tasks.is_empty() => {}
        }
    }
    // Nobody new: a client that comes now should learn at once that there is no server.
    drop(listener);
    // Nobody to tell is as good.
    let _ = told_to_stop.send(true);
    let finished = async { while server.tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(FINISH_WITHIN, finished).await.is_err() {
        tracing::warn!(requests = server.tasks.len(), "ending requests that take too long");
        server.tasks.shutdown().await;
    }
}

/// What became of the client that was easiest to do without.
enum Idlest {
    /// Its connection is closed.
    Closed,
    /// There is none that has kept the server waiting for long, and soon there may be.
    AllSpared,
    /// There is none: every client does its part.
    Nobody,
}

/// The clients that are connected, by number.
type Clients = Mutex<HashMap<u64, Arc<Client>>>;

struct Server {
    app: Router,
    settings: ConnectionSettings,
    clients: Arc<Clients>,
    /// One permit for each further connection.
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    tasks: JoinSet<()>,
    next_number: u64,
    warned_at: Option<Instant>,
    stopping: watch::Receiver<bool>,
}

impl Server {
    /// Serves a new client, if there is room or can be made.
    async fn take(&mut self, stream: TcpStream) {
        let Some(place) = self.place().await else {
            self.refuse(stream);
            return;
        };
        let client = Arc::new(Client::new(Instant::now()));
        let listed = Listed { clients: Arc::clone(&self.clients), number: self.next_number, _place: place };
        self.next_number += 1;
        lock(&self.clients).insert(listed.number, Arc::clone(&client));
        let (app, header_timeout, stopping) = (self.app.clone(), self.settings.header_timeout, self.stopping.clone());
        self.tasks.spawn(async move {
            converse(stream, &client, app, header_timeout, stopping).await;
            drop(listed);
        });
        // Many may come at once: what this one has sent already is looked at before its place could be another's.
        tokio::task::yield_now().await;
    }

    /// A free place, or that of the client that has kept the server waiting for longest.
    async fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        let begun = Instant::now();
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return Some(place);
            }
            self.warn_of_no_room();
            match self.close_idlest() {
                Idlest::Closed => {
                    // It leaves at once, and if it did not, another would be found.
                    if let Ok(place) =
                        tokio::time::timeout(LEAVE_WITHIN, Arc::clone(&self.places).acquire_owned()).await
                    {
                        return place.ok();
                    }
                }
                Idlest::AllSpared if begun.elapsed() < FIND_WITHIN => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
                Idlest::AllSpared | Idlest::Nobody => return None,
            }
        }
    }

    /// Closes the connection that is easiest to do without.
    fn close_idlest(&self) -> Idlest {
        let now = Instant::now();
        let clients = lock(&self.clients);
        let waiting = || clients.values().filter_map(|client| Some((client.waited(now)?, client)));
        match waiting().filter(|(waited, _)| waited.time >= SPARED).max_by_key(|(waited, _)| waited.weight()) {
            Some((_, client)) => {
                client.close();
                Idlest::Closed
            }
            None if waiting().next().is_some() => Idlest::AllSpared,
            None => Idlest::Nobody,
        }
    }

    /// Closes connections whose clients have kept the server waiting for too long.
    fn close_stalled(&self) {
        let now = Instant::now();
        let bound = |waiting_for_head| {
            // Hyper watches over heads itself; this is for what it does not see, such as an answer that nobody takes.
            let timeout = if waiting_for_head { self.settings.header_timeout } else { Duration::ZERO };
            timeout.max(self.settings.stall_timeout)
        };
        for client in lock(&self.clients).values() {
            if client.waited(now).is_some_and(|waited| waited.time > bound(waited.for_head)) {
                tracing::debug!("closing a connection whose client moves nothing on");
                client.close();
            }
        }
    }

    /// Answers 503, to a few clients at a time.
    fn refuse(&mut self, stream: TcpStream) {
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else { return };
        self.tasks.spawn(async move {
            let answer = service_fn(|_: Request<Incoming>| async { Ok::<_, Infallible>(no_room()) });
            let mut builder = http1::Builder::new();
            builder.keep_alive(false).max_buf_size(BUFFER).timer(TokioTimer::new());
            let conversation = builder.serve_connection(TokioIo::new(stream), answer);
            // Whether the client took the answer makes no difference.
            let _ = tokio::time::timeout(REFUSE_WITHIN, conversation).await;
            drop(permit);
        });
    }

    /// Makes room after a failure to accept, which is most often a lack of descriptors, and waits a little.
    async fn not_accepted(&mut self, error: &std::io::Error) {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        // A client that was gone before it was accepted.
        if [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind()) {
            return;
        }
        tracing::warn!(%error, "a connection could not be accepted");
        self.close_idlest();
        tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
    }

    fn warn_of_no_room(&mut self) {
        if self.warned_at.is_some_and(|at| at.elapsed() < WARN_EVERY) {
            return;
        }
        self.warned_at = Some(Instant::now());
        tracing::warn!(
            connections = lock(&self.clients).len(),
            "as many clients are connected as may be ({}): who keeps the server waiting is disconnected",
            ConnectionSettings::MAX_CONNECTIONS
        );
    }
}

/// Takes a client off the list when its connection ends, however that comes about.
struct Listed {
    clients: Arc<Clients>,
    number: u64,
    _place: OwnedSemaphorePermit,
}

impl Drop for Listed {
    fn drop(&mut self) {
        lock(&self.clients).remove(&self.number);
    }
}

fn lock(clients: &Clients) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Client>>> {
    clients.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one connection to its end.
async fn converse(
    stream: TcpStream,
    client: &Arc<Client>,
    app: Router,
    header_timeout: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let answer = service_fn(|request: Request<Incoming>| {
        client.enter(Phase::Working);
        let request = request.map(|body| Body::new(Received::new(body, Arc::clone(client))));
        let (app, client) = (app.clone(), Arc::clone(client));
        async move {
            let answer = app.oneshot(request).await?;
            Ok::<_, Infallible>(answer.map(|body| Answer::new(body, client)))
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(BUFFER);
    let stream = TokioIo::new(Watched::new(stream, Arc::clone(client)));
    let mut conversation = pin!(builder.serve_connection(stream, answer));
    let mut told = *stopping.borrow_and_update();
    if told {
        conversation.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            ended = conversation.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke");
                }
                return;
            }
            () = client.closed() => return,
            _ = stopping.changed(), if !told => {
                conversation.as_mut().graceful_shutdown();
                told = true;
            }
        }
    }
}

fn no_room() -> Response {
    use axum::response::IntoResponse as _;
    let text = "As many clients are connected as this server can serve. Try again in a second.";
    let mut response = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
