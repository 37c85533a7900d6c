//! The models that Harbor reads `task.toml` into (`harbor.models.task.config`): which keys they have, of which types, and what else each of
//! them checks. A key that is not here is ignored, as it is by Harbor. `cargo xtask compare-tasks` tells whether both still say the same.

use super::checking::Checking;
use super::rules;
use super::value::{Node, Table, Value};

/// A section of `task.toml`.
pub(super) struct Model {
    fields: &'static [(&'static str, Kind)],
    required: &'static [&'static str],
    /// What its fields have to be together, if each is of its type.
    rules: fn(&Table, &mut Checking<'_>),
}

/// What a value has to be.
pub(super) enum Kind {
    Text,
    /// A text that a rule has to accept, which otherwise says what is wrong.
    TextThat(fn(&str) -> Result<(), String>),
    Whole,
    Number,
    /// A number that is finite, whole or not.
    Cpus,
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of these words in upper or lower case.
    OneOfAnyCase(&'static [&'static str]),
    TextOrWhole,
    Texts,
    /// A list of hosts.
    Hosts,
    /// A section of texts.
    TextMap,
    /// A number or a section of numbers.
    NumberOrMap,
    /// Any section.
    AnyMap,
    One(&'static Model),
    Many(&'static Model),
    /// A list of texts and of these.
    TextsOrMany(&'static Model),
}

const NETWORK_MODES: &[&str] = &["no-network", "public", "allowlist"];

static AUTHOR: Model = model(&[("name", Kind::Text), ("email", Kind::Text)], &["name"]);

static PACKAGE: Model = model(
    &[
        ("name", Kind::TextThat(rules::package_name)),
        ("version", Kind::TextThat(rules::filled)),
        ("description", Kind::Text),
        ("authors", Kind::Many(&AUTHOR)),
        ("keywords", Kind::Texts),
    ],
    &["name"],
);

static AGENT: Model = Model {
    rules: rules::phase_network,
    ..model(
        &[
            ("timeout_sec", Kind::Number),
            ("user", Kind::TextOrWhole),
            ("network_mode", Kind::OneOf(NETWORK_MODES)),
            ("allowed_hosts", Kind::Hosts),
        ],
        &[],
    )
};

static HEALTHCHECK: Model = model(
    &[
        ("command", Kind::Text),
        ("interval_sec", Kind::Number),
        ("timeout_sec", Kind::Number),
        ("start_period_sec", Kind::Number),
        ("start_interval_sec", Kind::Number),
        ("retries", Kind::Whole),
    ],
    &["command"],
);

static TPU: Model = model(
    &[("type", Kind::TextThat(rules::filled)), ("topology", Kind::TextThat(rules::topology))],
    &["type", "topology"],
);

static MCP_SERVER: Model = Model {
    rules: rules::mcp_server,
    ..model(
        &[
            ("name", Kind::Text),
            ("transport", Kind::OneOf(&["stdio", "sse", "streamable-http", "http"])),
            ("url", Kind::Text),
            ("command", Kind::Text),
            ("args", Kind::Texts),
            ("headers", Kind::TextMap),
        ],
        &["name"],
    )
};

static ENVIRONMENT: Model = Model {
    rules: rules::environment,
    ..model(
        &[
            ("build_timeout_sec", Kind::Number),
            ("docker_image", Kind::Text),
            ("os", Kind::OneOfAnyCase(&["linux", "windows"])),
            ("cpus", Kind::Cpus),
            ("memory_mb", Kind::Whole),
            ("storage_mb", Kind::Whole),
            ("gpus", Kind::Whole),
            ("gpu_types", Kind::Texts),
            ("tpu", Kind::One(&TPU)),
            ("mcp_servers", Kind::Many(&MCP_SERVER)),
            ("env", Kind::TextMap),
            ("skills_dir", Kind::Text),
            ("healthcheck", Kind::One(&HEALTHCHECK)),
            ("workdir", Kind::Text),
            ("allow_internet", Kind::Flag),
            ("network_mode", Kind::OneOf(NETWORK_MODES)),
            ("allowed_hosts", Kind::Hosts),
        ],
        &[],
    )
};

static COLLECT: Model = model(
    &[
        ("command", Kind::Text),
        ("service", Kind::TextThat(rules::service)),
        ("timeout_sec", Kind::Number),
        ("user", Kind::TextOrWhole),
    ],
    &["command"],
);

static VERIFIER: Model = Model {
    rules: rules::verifier,
    ..model(
        &[
            ("timeout_sec", Kind::Number),
            ("env", Kind::TextMap),
            ("user", Kind::TextOrWhole),
            ("environment_mode", Kind::OneOf(&["shared", "separate"])),
            ("environment", Kind::One(&ENVIRONMENT)),
            ("collect", Kind::Many(&COLLECT)),
            ("network_mode", Kind::OneOf(NETWORK_MODES)),
            ("allowed_hosts", Kind::Hosts),
        ],
        &[],
    )
};

static SOLUTION: Model = model(&[("env", Kind::TextMap)], &[]);

static ARTIFACT: Model = Model {
    rules: rules::artifact,
    ..model(
        &[
            ("source", Kind::TextThat(rules::artifact_source)),
            ("destination", Kind::TextThat(rules::artifact_destination)),
            ("exclude", Kind::Texts),
            ("service", Kind::TextThat(rules::service)),
        ],
        &["source"],
    )
};

static STEP: Model = model(
    &[
        // Its name is checked where steps are (`task_toml.rs`).
        ("agent", Kind::One(&AGENT)),
        ("verifier", Kind::One(&VERIFIER)),
        ("min_reward", Kind::NumberOrMap),
        ("healthcheck", Kind::One(&HEALTHCHECK)),
        ("artifacts", Kind::TextsOrMany(&ARTIFACT)),
    ],
    &[],
);

/// The whole of `task.toml`.
pub(super) static TASK: Model = model(
    &[
        ("schema_version", Kind::Text),
        ("task", Kind::One(&PACKAGE)),
        ("metadata", Kind::AnyMap),
        ("verifier", Kind::One(&VERIFIER)),
        ("agent", Kind::One(&AGENT)),
        ("environment", Kind::One(&ENVIRONMENT)),
        ("solution", Kind::One(&SOLUTION)),
        ("source", Kind::Text),
        ("multi_step_reward_strategy", Kind::OneOf(&["mean", "final"])),
        ("steps", Kind::Many(&STEP)),
        ("artifacts", Kind::TextsOrMany(&ARTIFACT)),
    ],
    &[],
);

const fn model(fields: &'static [(&'static str, Kind)], required: &'static [&'static str]) -> Model {
    Model { fields, required, rules: |_, _| {} }
}

/// Checks a section of a model.
pub(super) fn check_model(checking: &mut Checking<'_>, model: &Model, table: &Table) {
    let before = checking.faults.len();
    for (name, kind) in model.fields {
        if let Some(node) = table.get(*name) {
            value(checking, name, kind, node);
        }
    }
    for name in model.required.iter().filter(|name| !table.contains_key(**name)) {
        checking.missing(name);
    }
    if checking.faults.len() == before {
        (model.rules)(table, checking);
    }
}

fn value(checking: &mut Checking<'_>, key: &str, kind: &Kind, node: &Node) {
    let expected = match kind {
        Kind::Text if node.text().is_none() => "a text",
        Kind::Whole if !node.is_whole() => "a whole number",
        Kind::Number if node.number().is_none() => "a number",
        Kind::Cpus if !is_cpus(node) => "a number",
        Kind::Flag if node.flag().is_none() => "true or false",
        Kind::TextOrWhole if node.text().is_none() && !node.is_whole() => "a text or a whole number",
        Kind::AnyMap if node.table().is_none() => "a section",
        Kind::TextThat(rule) => match node.text().map(rule) {
            Some(Err(problem)) => return checking.rule(key, node, problem),
            Some(Ok(())) => return,
            None => "a text",
        },
        Kind::OneOf(words) | Kind::OneOfAnyCase(words) => {
            let any_case = matches!(kind, Kind::OneOfAnyCase(_));
            let is_one =
                |text: &str| words.iter().any(|word| *word == text || (any_case && *word == text.to_lowercase()));
            if !node.text().is_some_and(is_one) {
                let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                checking.wrong(key, node, words.join(" or "));
            }
            return;
        }
        Kind::Texts | Kind::Hosts => return texts(checking, key, kind, node),
        Kind::TextMap => return map(checking, key, node, "a text", |node| node.text().is_some()),
        Kind::NumberOrMap if node.table().is_some() => {
            return map(checking, key, node, "a number", |node| node.number().is_some());
        }
        Kind::NumberOrMap if node.number().is_none() => "a number or a section of numbers",
        Kind::One(model) => match node.table() {
            Some(table) => return checking.within(key, node.at, |checking| check_model(checking, model, table)),
            None => "a section",
        },
        Kind::Many(model) | Kind::TextsOrMany(model) => {
            let texts_too = matches!(kind, Kind::TextsOrMany(_));
            let Some(list) = node.list() else {
                return checking.wrong(key, node, if texts_too { "a list" } else { "a list of sections" });
            };
            for (index, item) in list.iter().enumerate() {
                let place = format!("{key}[{index}]");
                match &item.value {
                    Value::Table(table) => {
                        checking.within(&place, item.at, |checking| check_model(checking, model, table));
                    }
                    Value::Text(source) if texts_too => {
                        // It stands for a section with this source alone.
                        if let Err(problem) = rules::artifact_source(source) {
                            checking.rule(&place, item, problem);
                        }
                    }
                    _ => checking.wrong(&place, item, if texts_too { "a text or a section" } else { "a section" }),
                }
            }
            return;
        }
        _ => return,
    };
    checking.wrong(key, node, expected);
}

fn texts(checking: &mut Checking<'_>, key: &str, kind: &Kind, node: &Node) {
    let Some(list) = node.list() else { return checking.wrong(key, node, "a list of texts") };
    for (index, item) in list.iter().enumerate() {
        let place = format!("{key}[{index}]");
        match (item.text(), kind) {
            (None, _) => checking.wrong(&place, item, "a text"),
            (Some(host), Kind::Hosts) => {
                if let Err(problem) = rules::host(host) {
                    checking.rule(&place, item, problem);
                }
            }
            _ => {}
        }
    }
}

fn map(checking: &mut Checking<'_>, key: &str, node: &Node, expected: &str, is_right: fn(&Node) -> bool) {
    let Some(table) = node.table() else { return checking.wrong(key, node, "a section") };
    for (name, item) in table.iter().filter(|(_, item)| !is_right(item)) {
        checking.wrong(&format!("{key}.{name}"), item, expected);
    }
}

fn is_cpus(node: &Node) -> bool {
    node.is_whole() || node.number().is_some_and(f64::is_finite)
}
