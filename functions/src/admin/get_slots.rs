//! `GET /admin/slots`.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use oddish_api_types::{KeySlots, Slot, SlotsResponse};
use oddish_db::stuck;
use time::OffsetDateTime;

use crate::auth::{Authed, Full};
use crate::error::ApiError;
use crate::state::Db;

/// Slots in one answer at the most.
const MAX_SLOTS: i64 = 10_000;

/// The slots of every queue key, and what holds which.
#[utoipa::path(get, path = "/admin/slots", operation_id = "get_slots", tag = "admin",
    responses((status = 200, body = SlotsResponse)))]
pub async fn get_slots(_: Authed<Full>, State(db): State<Db>) -> Result<Json<SlotsResponse>, ApiError> {
    let counts = stuck::slot_counts(&db).await?;
    let mut of_key: HashMap<String, Vec<Slot>> = HashMap::new();
    for slot in stuck::slots(&db, MAX_SLOTS).await? {
        of_key.entry(slot.queue_key.clone()).or_default().push(Slot {
            is_active: slot.subject.is_some(),
            queue_key: slot.queue_key,
            slot: slot.slot,
            locked_by: slot.subject,
            kind: slot.kind,
            locked_until: slot.locked_until,
        });
    }
    let listed: usize = of_key.values().map(Vec::len).sum();
    let sum = |number: fn(&stuck::SlotCount) -> i64| counts.iter().map(number).sum::<i64>().unsigned_abs();
    let (total_slots, total_active) = (sum(|count| count.total), sum(|count| count.held));
    let key_slots = |count: stuck::SlotCount| KeySlots {
        slots: of_key.remove(&count.queue_key).unwrap_or_default(),
        queue_key: count.queue_key,
        total_slots: count.total.unsigned_abs(),
        active_slots: count.held.unsigned_abs(),
    };
    Ok(Json(SlotsResponse {
        queue_keys: counts.into_iter().map(key_slots).collect(),
        total_slots,
        total_active,
        truncated: total_slots > listed as u64,
        timestamp: OffsetDateTime::now_utc(),
    }))
}
