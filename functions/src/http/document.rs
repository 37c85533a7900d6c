//! What the `OpenAPI` document says of many operations alike, added in one place: answers that come from what surrounds the handlers, the
//! form of ids, and the rules of bodies that a type cannot carry.

use http::StatusCode;
use oddish_api_types::MAX_TAGS;
use oddish_domain::api_key::Scope;
use oddish_domain::label::{MAX_CHARS, MAX_VALUE_CHARS};
use serde_json::{Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use crate::endpoints::{ENDPOINTS, Endpoint};
use crate::http::query_text;

/// What the document says of a path whose last parameter may contain slashes: the parameter's name. `OpenAPI` has no word for it.
pub const TAKES_SLASHES: &str = "x-takes-slashes";

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Oddish - Eval Scheduler API",
    description = "Runs trials of AI agents on Harbor tasks, within a concurrency limit for each model."
))]
struct Document;

/// The `OpenAPI` document of every endpoint.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut document = Document::openapi();
    ENDPOINTS.iter().for_each(|endpoint| endpoint.describe(&mut document));
    let paths = std::mem::take(&mut document.paths.paths).into_iter().map(|(path, mut item)| {
        let Some((before, name)) = path.split_once("{*") else { return (path, item) };
        item.extensions = Some(Extensions::builder().add(TAKES_SLASHES, name.trim_end_matches('}')).build());
        (format!("{before}{{{name}"), item)
    });
    document.paths.paths = paths.collect();
    complete(&mut document);
    document
}

/// The tag of operations that need no database.
const SERVICE: &str = "service";
const SECURITY_SCHEME: &str = "api_key";

/// An answer that operations give for the same reason.
struct Shared {
    status: StatusCode,
    /// Its name among the document's components.
    name: &'static str,
    description: &'static str,
    /// Of the body's text.
    example: &'static str,
    given_by: fn(&Operation) -> bool,
}

const SHARED: &[Shared] = &[
    Shared {
        status: StatusCode::BAD_REQUEST,
        name: "BadRequest",
        description: "The request is well-formed and cannot be done as things are, could not be read to its end, or holds a NUL character",
        example: "A text in the request holds a NUL character (\\u0000). Remove it.",
        given_by: takes_input,
    },
    Shared {
        status: StatusCode::UNAUTHORIZED,
        name: "Unauthorized",
        description: "No key, or one that is unknown, expired or revoked",
        example: "Authentication required",
        given_by: asks_for_a_key,
    },
    Shared {
        status: StatusCode::FORBIDDEN,
        name: "Forbidden",
        description: "The key's scope does not include this; or a server that asks for no key is called by a name that it does not know, or by a web page that it does not know",
        example: "Insufficient scope. Required: tasks, got: read",
        given_by: asks_for_a_key,
    },
    Shared {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        name: "ContentTooLarge",
        description: "The body is too large, or the answer would be",
        example: "The body is too large. The limit is 2 MB.",
        given_by: takes_input,
    },
    Shared {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        name: "UnsupportedMediaType",
        description: "The body is not of the content type that this operation reads, or it is compressed",
        example: "The body must be JSON with the Content-Type `application/json`, and this one has \"text/plain\".",
        given_by: |operation| operation.request_body.is_some(),
    },
    Shared {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        name: "ValidationError",
        description: "A field breaks its rule; the answer names its place",
        example: "",
        given_by: takes_input,
    },
    Shared {
        status: StatusCode::SERVICE_UNAVAILABLE,
        name: "ServiceUnavailable",
        description: "The database does not answer for the moment. Nothing was done",
        example: "Temporary database connectivity issue. Please retry.",
        given_by: |operation| !operation.tags.iter().flatten().any(|tag| tag == SERVICE),
    },
    Shared {
        status: StatusCode::INSUFFICIENT_STORAGE,
        name: "InsufficientStorage",
        description: "The disk of the server or of its database is full. Nothing was stored",
        example: "The database's disk is full: nothing was stored. Free space there or enlarge it, then send this again.",
        given_by: |operation| !operation.tags.iter().flatten().any(|tag| tag == SERVICE),
    },
];

/// A parameter that means the same wherever it stands in a path.
struct PathParameter {
    name: &'static str,
    pattern: &'static str,
    example: &'static str,
}

/// Ids as they are made (`oddish_domain::id`). Whatever else stands in their place is looked up, and not found.
const IDS: &[PathParameter] = &[
    PathParameter { name: "experiment_id", pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", example: "9f8e7d6c" },
    PathParameter { name: "key_id", pattern: "^[0-9a-f]{8}$", example: "4b3a2c1d" },
    PathParameter { name: "task_id", pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", example: "my-task-1a2b3c4d" },
    PathParameter { name: "trial_id", pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,74}$", example: "my-task-1a2b3c4d-0" },
];

/// One line with something to see on it: what `oddish_domain::label` and the names of tasks ask for.
const LABEL: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";

/// One line that may be empty: what `oddish_domain::label::check_value` asks for.
const LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";

/// What `oddish_domain::label::check_name` asks for: characters have a bound of their own where some are not ASCII.
const NAME: &str = r"^([\x20-\x7e]*|[^\x00-\x1f\x7f-\x9f]{0,200})$";

/// The fields of bodies that hold a label.
const LABELS: &[(&str, &[&str])] = &[
    ("CompleteUploadRequest", &["user"]),
    ("CreateApiKeyRequest", &["name", "owner"]),
    ("ImportedTrial", &["agent", "external_trial_id", "model"]),
    ("InitImportRequest", &["experiment_id"]),
    ("InitUploadRequest", &["name"]),
    ("RenameExperimentRequest", &["name"]),
    ("SweepRequest", &["experiment_id", "name", "user"]),
];

/// Adds all that to what the handlers say of themselves.
fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    declare(components);
    for schema in components.schemas.values_mut() {
        give_words_an_example(schema);
    }
    for (name, fields) in LABELS {
        if let Some(RefOr::T(Schema::Object(body))) = components.schemas.get_mut(*name) {
            fields.iter().for_each(|field| bound_text(body, field, MAX_CHARS, LABEL));
        }
    }
    if let Some(RefOr::T(Schema::Object(config))) = components.schemas.get_mut("SweepConfig") {
        for field in ["agent", "model"] {
            bound_text(config, field, MAX_CHARS, NAME);
        }
    }
    if let Some(RefOr::T(Schema::Object(sweep))) = components.schemas.get_mut("SweepRequest") {
        bound_text(sweep, "github_username", MAX_VALUE_CHARS, LINE);
        bound_tags(sweep);
    }
    for (name, rules) in body_rules() {
        if let Some(schema) = components.schemas.get_mut(name) {
            add_rules(schema, rules);
        }
    }
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        for shared in SHARED {
            if !(shared.given_by)(operation) {
                continue;
            }
            let answer = RefOr::Ref(Ref::from_response_name(shared.name));
            operation.responses.responses.entry(shared.status.as_str().to_owned()).or_insert(answer);
        }
        for (status, answer) in &mut operation.responses.responses {
            describe(status, answer);
        }
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter {
                bound(parameter);
            }
        }
        if let Some(scope) = scope(operation) {
            operation.security = Some(vec![SecurityRequirement::new(SECURITY_SCHEME, [scope.to_string()])]);
        }
    }
}

fn declare(components: &mut Components) {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some("An API key. A server that is set to `ODDISH_AUTH=none` asks for none.".to_owned());
    components.security_schemes.insert(SECURITY_SCHEME.to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    for shared in SHARED {
        let content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).example(Some(example(shared)));
        let answer =
            ResponseBuilder::new().description(shared.description).content("application/json", content.build());
        components.responses.insert(shared.name.to_owned(), RefOr::T(answer.build()));
    }
}

fn example(shared: &Shared) -> Value {
    if shared.status == StatusCode::UNPROCESSABLE_ENTITY {
        return json!({"detail": [{"type": "missing", "loc": ["body", "user"], "msg": "Field required"}]});
    }
    json!({"detail": shared.example})
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
}

fn scope(operation: &Operation) -> Option<Scope> {
    let id = operation.operation_id.as_deref()?;
    Endpoint::named(id)?.scope
}

fn asks_for_a_key(operation: &Operation) -> bool {
    scope(operation).is_some()
}

fn takes_input(operation: &Operation) -> bool {
    operation.request_body.is_some() || operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty())
}

/// `OpenAPI` 3.1 wants a description of every answer; most are said by their status and their schema.
fn describe(status: &str, answer: &mut RefOr<Response>) {
    if let RefOr::T(answer) = answer
        && answer.description.is_empty()
    {
        let reason = StatusCode::from_bytes(status.as_bytes()).ok().and_then(|status| status.canonical_reason());
        reason.unwrap_or(status).clone_into(&mut answer.description);
    }
}

fn bound(parameter: &mut Parameter) {
    let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { return };
    if parameter.parameter_in == ParameterIn::Query && is_of_type(schema, &Type::Boolean) {
        parameter.schema = Some(RefOr::T(truth_value(schema.clone())));
        return;
    }
    if parameter.parameter_in != ParameterIn::Path {
        return;
    }
    if let Some(id) = IDS.iter().find(|id| id.name == parameter.name) {
        schema.pattern = Some(id.pattern.to_owned());
        schema.examples = vec![json!(id.example)];
    }
}

fn is_of_type(schema: &Object, wanted: &Type) -> bool {
    match &schema.schema_type {
        SchemaType::Type(kind) => kind == wanted,
        SchemaType::Array(kinds) => kinds.contains(wanted),
        SchemaType::AnyValue => false,
    }
}

/// A truth value of a query, with the other words for it that are read.
fn truth_value(plain: Object) -> Schema {
    let default = plain.default.clone();
    let words = ObjectBuilder::new().schema_type(Type::String).pattern(Some(query_text::TRUTH_VALUES));
    Schema::AnyOf(AnyOfBuilder::new().item(plain).item(words).default(default).build())
}

fn bound_text(body: &mut Object, field: &str, most: usize, pattern: &str) {
    if let Some(RefOr::T(Schema::Object(text))) = body.properties.get_mut(field) {
        text.max_length = Some(most);
        text.pattern = Some(pattern.to_owned());
    }
}

fn bound_tags(body: &mut Object) {
    let text = |most: usize, pattern: &str| {
        ObjectBuilder::new().schema_type(Type::String).max_length(Some(most)).pattern(Some(pattern)).build()
    };
    if let Some(RefOr::T(Schema::Object(tags))) = body.properties.get_mut("tags") {
        tags.max_properties = Some(MAX_TAGS);
        tags.property_names = Some(Box::new(Schema::Object(text(MAX_CHARS, LABEL))));
        let value = RefOr::T(Schema::Object(text(MAX_VALUE_CHARS, LINE)));
        tags.additional_properties = Some(Box::new(AdditionalProperties::RefOr(value)));
    }
}

/// The first of a list of words stands for all.
fn give_words_an_example(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(words)) = schema
        && let Some([first, ..]) = words.enum_values.as_deref()
        && words.example.is_none()
        && words.examples.is_empty()
    {
        words.examples = vec![first.clone()];
    }
}

/// Rules over several fields of a body: of each list, it must fit one. The handlers check them.
fn body_rules() -> [(&'static str, Vec<[Schema; 2]>); 2] {
    let with = |field: &str, schema: Schema| {
        Schema::Object(ObjectBuilder::new().schema_type(Type::Object).property(field, schema).required(field).build())
    };
    let some = || {
        Schema::Array(
            ArrayBuilder::new()
                .items(ObjectBuilder::new().schema_type(SchemaType::AnyValue))
                .min_items(Some(1))
                .build(),
        )
    };
    let of = |kind: Type| Schema::Object(ObjectBuilder::new().schema_type(kind).build());
    let truth = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build();
    let no_reason = ObjectBuilder::new().schema_type(Type::Object).property("reason", of(Type::Null)).build();
    [
        ("RetryExperimentRequest", vec![[with("statuses", some()), with("error_classes", some())]]),
        (
            "UpdateQueueRequest",
            vec![
                [with("concurrency_limit", of(Type::Integer)), with("paused", of(Type::Boolean))],
                [Schema::Object(no_reason), with("paused", Schema::Object(truth))],
            ],
        ),
    ]
}

fn add_rules(schema: &mut RefOr<Schema>, rules: Vec<[Schema; 2]>) {
    let RefOr::T(Schema::Object(fields)) = schema else { return };
    let (examples, description) = (std::mem::take(&mut fields.examples), fields.description.take());
    let mut whole = AllOfBuilder::new().examples(examples).description(description).item(fields.clone());
    for alternatives in rules {
        let either = alternatives.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item);
        whole = whole.item(Schema::AnyOf(either.build()));
    }
    *schema = RefOr::T(Schema::AllOf(whole.build()));
}
