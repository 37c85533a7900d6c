//! Operations that need a session, and so connect to the server itself, past a pooler.
//!
//! That is all there is:
//!
//! | what | why |
//! |---|---|
//! | [`crate::schema::migrate`] and [`crate::schema::reset`] | a lock that is held across transactions |
//! | [`crate::wake::Wakes`] | LISTEN belongs to a session |
//!
//! Creating a database, the third such thing, is done by the tests alone, with their own connections. The way to the server is
//! `ODDISH_DATABASE_DIRECT_URL`, or that of `DATABASE_URL` where it is not set.

use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{ConnectOptions as _, Error, PgConnection};

use crate::Db;

impl Db {
    /// A session with the server, closed when it is dropped.
    #[expect(clippy::disallowed_methods, reason = "this is the way to a session")]
    pub(crate) async fn session(&self) -> Result<PgConnection, Error> {
        self.direct_options().connect().await
    }

    /// A session that hears of notifications, and connects again by itself where it is broken.
    #[expect(clippy::disallowed_methods, reason = "the listener is the pool's only client")]
    pub(crate) async fn listener(&self) -> Result<PgListener, Error> {
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        PgListener::connect_with(&pool.connect_lazy_with(self.direct_options().clone())).await
    }
}
