//! Wakes dispatchers.
//!
//! A notification is sent after the commit, as a statement of its own: sent inside a transaction it would take a lock at commit that all
//! other notifying transactions wait for. Losing one is harmless, because every dispatcher also looks by itself from time to time.

use sqlx::postgres::PgListener;

use crate::error::Doing;
use crate::{Db, DbError};

const CHANNEL: &str = "oddish_dispatch";

/// Tells every listening dispatcher that jobs or slots came free.
pub async fn notify(db: &Db) -> Result<(), DbError> {
    sqlx::query!("select pg_notify($1, '')", CHANNEL).fetch_one(db).await.done("wake the dispatcher")
}

/// A session that hears of [`notify`].
#[derive(Debug)]
pub struct Wakes {
    listener: PgListener,
    db: Db,
}

impl Wakes {
    /// Starts to listen, on a connection of its own that goes past a pooler.
    pub async fn listen(db: &Db) -> Result<Self, DbError> {
        let doing = "listen for new work";
        let mut listener = db.listener().await.doing(doing)?;
        listener.listen(CHANNEL).await.doing(doing)?;
        Ok(Self { listener, db: db.clone() })
    }

    /// Waits for the next notification, or until the pool is closed, which is an error. Reconnects by itself; a reconnect counts as a
    /// notification, since some may have been missed.
    pub async fn next(&mut self) -> Result<(), DbError> {
        let heard = Box::pin(self.db.unless_closed(self.listener.try_recv())).await;
        heard.flatten().map(drop).doing("wait for new work")
    }
}
