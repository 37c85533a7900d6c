//! Telling dispatchers that there is work.
//!
//! A notification is sent after the commit, as a statement of its own: sent inside a transaction it would take a lock at commit that all
//! other notifying transactions wait for. Losing one is harmless, because every dispatcher also looks by itself from time to time.

use sqlx::PgPool;
use sqlx::postgres::PgListener;

use crate::DbError;
use crate::statements::On;

const CHANNEL: &str = "oddish_dispatch";

/// Tells every listening dispatcher that jobs or slots came free.
pub async fn notify(pool: &PgPool) -> Result<(), DbError> {
    sqlx::query!("select pg_notify($1, '')", CHANNEL)
        .fetch_one(On(pool))
        .await
        .map(|_| ())
        .map_err(DbError::while_doing("wake the dispatcher"))
}

/// A connection that hears of [`notify`].
#[derive(Debug)]
pub struct Wakes(PgListener);

impl Wakes {
    /// Starts to listen. Takes a connection of its own, outside the pool's count.
    pub async fn listen(pool: &PgPool) -> Result<Self, DbError> {
        let doing = "listen for new work";
        let mut listener = PgListener::connect_with(pool).await.map_err(DbError::while_doing(doing))?;
        // When the pool closes, the server is stopping: waiting for it must not keep it from that.
        listener.ignore_pool_close_event(false);
        listener.listen(CHANNEL).await.map_err(DbError::while_doing(doing))?;
        Ok(Self(listener))
    }

    /// Waits for the next notification. Reconnects by itself; a reconnect counts as a wake, since some may have been missed.
    pub async fn next(&mut self) -> Result<(), DbError> {
        self.0.try_recv().await.map(|_| ()).map_err(DbError::while_doing("wait for new work"))
    }
}
