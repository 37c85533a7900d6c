//! API keys as a table. No key is in it, only its beginning.

use oddish_api_types::ApiKeyResponse;

use super::table::{render, table, text_cell};

/// Keys with what they allow, their state and their owners.
pub(crate) fn api_keys(keys: &[ApiKeyResponse], width: Option<u16>) -> String {
    let headers = ["Id", "Key", "Scope", "State", "Expires", "Last used", "Owner", "Name"];
    let mut table = table(&headers, &[], width);
    let none = || "-".to_owned();
    for key in keys {
        let state = match (key.is_active, key.revoked_at) {
            (true, _) => "active",
            (false, Some(_)) => "revoked",
            (false, None) => "expired",
        };
        table.add_row(vec![
            text_cell(&key.id),
            text_cell(&format!("{}...", key.key_prefix)),
            text_cell(key.scope.as_str()),
            text_cell(state),
            text_cell(&key.expires_at.map_or_else(none, |at| at.date().to_string())),
            text_cell(&key.last_used_at.map_or_else(none, |at| at.date().to_string())),
            text_cell(&key.owner),
            text_cell(&key.name),
        ]);
    }
    render(&table)
}
