//! The circuit breakers of queue keys, as stored (`oddish_domain::breaker` has the rules).

use oddish_domain::breaker::{Action, Breaker, ClaimedAs, Signal, pause_reason};
use oddish_domain::failure::FailureClass;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Doing;
use crate::{DbError, Tx};

/// What an attempt's end says about the account.
#[derive(Clone, Copy)]
pub(crate) struct Served<'a> {
    pub(crate) signal: Signal,
    pub(crate) class: Option<FailureClass>,
    pub(crate) error_type: &'a str,
}

impl Served<'_> {
    /// Nothing.
    pub(crate) const SILENT: Self = Self { signal: Signal::Silent, class: None, error_type: "" };
}

/// Tells the key's breaker how an attempt ended.
///
/// Nearly all ends say nothing new: they read one row and write none, so that the key's row is no bottleneck.
pub(crate) async fn observe(
    tx: &mut Tx,
    queue_key: &str,
    token: Uuid,
    Served { signal, class, error_type }: Served<'_>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let doing = "tell a queue key how its account served";
    let quiet = sqlx::query_scalar!(
        r#"select (refusals = 0 and paused_by is distinct from 'breaker') as "quiet!"
        from oddish.queue_keys where queue_key = $1"#,
        queue_key
    )
    .fetch_one(&mut *tx)
    .await
    .doing(doing)?;
    if quiet && signal != Signal::Refused {
        return Ok(());
    }
    let row = sqlx::query!(
        r#"select refusals, refused_probes, paused_by, probe_token from oddish.queue_keys where queue_key = $1 for no key update"#,
        queue_key
    )
    .fetch_one(&mut *tx)
    .await
    .doing(doing)?;
    // A pause of the user's own stands whatever the account does.
    if row.paused_by.as_deref() == Some("user") {
        return Ok(());
    }
    let open = row.paused_by.is_some();
    let before = if open {
        Breaker::Open { refused_probes: row.refused_probes.unsigned_abs() }
    } else {
        Breaker::Closed { refusals: row.refusals.unsigned_abs() }
    };
    let claimed_as = if open && row.probe_token == Some(token) { ClaimedAs::Probe } else { ClaimedAs::Ordinary };
    let (after, action) = before.after(claimed_as, signal);
    let (refusals, refused_probes) = match after {
        Breaker::Closed { refusals } => (refusals, 0),
        Breaker::Open { refused_probes } => (0, refused_probes),
    };
    let (refusals, refused_probes) = (refusals.cast_signed(), refused_probes.cast_signed());
    let written = match action {
        Action::None if after == before => return Ok(()),
        Action::None => {
            sqlx::query!(
                "update oddish.queue_keys set refusals = $2, refused_probes = $3 where queue_key = $1",
                queue_key,
                refusals,
                refused_probes
            )
            .execute(&mut *tx)
            .await
        }
        Action::Pause { probe_in } => {
            let reason = pause_reason(class.unwrap_or(FailureClass::Unknown), error_type);
            sqlx::query!(
                "update oddish.queue_keys
                set refusals = 0, refused_probes = $2, paused_at = $3, paused_by = 'breaker', pause_reason = $4, probe_at = $5,
                    probe_token = null
                where queue_key = $1",
                queue_key,
                refused_probes,
                now,
                reason,
                now + probe_in
            )
            .execute(&mut *tx)
            .await
        }
        Action::ProbeAgain { probe_in } => {
            sqlx::query!(
                "update oddish.queue_keys set refused_probes = $2, probe_at = $3, probe_token = null where queue_key = $1",
                queue_key,
                refused_probes,
                now + probe_in
            )
            .execute(&mut *tx)
            .await
        }
        Action::Resume => {
            sqlx::query!(
                "update oddish.queue_keys
                set refusals = 0, refused_probes = 0, paused_at = null, paused_by = null, pause_reason = null, probe_at = null,
                    probe_token = null
                where queue_key = $1",
                queue_key
            )
            .execute(&mut *tx)
            .await
        }
    };
    written.done(doing)
}
