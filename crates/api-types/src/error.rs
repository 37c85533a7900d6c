//! The JSON of errors (docs/compatibility.md, 1.1).

use serde::{Deserialize, Serialize};

/// Body of every answer with a status of 400 or above.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "detail": "Task my-task-1a2b3c4d not found"
}))))]
pub struct ErrorBody {
    /// The error and its remedy.
    pub detail: Detail,
}

/// Either one sentence, or (with status 422) one entry for each faulty field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!("Task my-task-1a2b3c4d not found"))))]
#[serde(untagged)]
pub enum Detail {
    /// One sentence for a person.
    Text(String),
    /// The faulty fields.
    Fields(Vec<FieldFault>),
}

/// One faulty field of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "type": "missing", "loc": ["body", "configs", 0, "agent"], "msg": "Field required"
}))))]
pub struct FieldFault {
    /// Kind of fault: `missing`, `value_error`, `json_invalid`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Place of the field: `["body", "configs", 0, "agent"]`.
    pub loc: Vec<serde_json::Value>,
    /// The fault.
    pub msg: String,
}

impl std::fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.detail {
            Detail::Text(text) => f.write_str(text),
            Detail::Fields(fields) => {
                for (position, fault) in fields.iter().enumerate() {
                    let place: Vec<String> = fault
                        .loc
                        .iter()
                        .map(|part| part.as_str().map_or_else(|| part.to_string(), String::from))
                        .collect();
                    let separator = if position == 0 { "" } else { "; " };
                    write!(f, "{separator}{}: {}", place.join("."), fault.msg)?;
                }
                Ok(())
            }
        }
    }
}
