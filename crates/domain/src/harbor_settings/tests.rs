use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;

fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn flat(value: &Value) -> Result<Collected> {
    let mut collected = Collected::default();
    collected.add_flat(&fields(value), "").map(|()| collected)
}

fn nested(value: &Value) -> Result<Collected> {
    let mut collected = Collected::default();
    collected.add_nested(&fields(value), "harbor").map(|()| collected)
}

#[test]
fn both_forms_mean_the_same() {
    let old = json!({
        "disable_verification": true, "verifier_timeout_sec": 30, "env_cpus": 1.5, "env_memory_mb": 600,
        "env_storage_mb": 900, "env_gpus": 0, "force_build": true, "agent_setup_timeout_sec": 90.5,
        "agent_timeout_sec": 120, "docker_image": "debian:12", "agent_kwargs": {"c": "d"},
        "mcp_servers": [{"name": "m", "url": "http://m"}], "artifacts": ["/a", {"path": "/b"}]
    });
    let new = json!({
        "verifier": {"disable": true, "override_timeout_sec": 30},
        "environment": {"override_cpus": 1.5, "override_memory_mb": 600, "override_storage_mb": 900,
                        "override_gpus": 0, "force_build": true},
        "agent_config": {"override_setup_timeout_sec": 90.5, "override_timeout_sec": 120, "kwargs": {"c": "d"}},
        "docker_image": "debian:12", "mcp_servers": [{"name": "m", "url": "http://m"}],
        "artifacts": ["/a", {"source": "/b"}]
    });
    let collected = flat(&old).unwrap();
    assert_eq!(collected, nested(&new).unwrap());
    assert_eq!(collected.agent_timeout_sec, Some(120.0));
    let stored = json!({
        "disable_verification": true, "verifier_timeout_sec": 30.0, "override_cpus": 1.5,
        "override_memory_mb": 600, "override_storage_mb": 900, "override_gpus": 0, "force_build": true,
        "docker_image": "debian:12", "agent_setup_timeout_sec": 90.5, "agent_kwargs": {"c": "d"},
        "mcp_servers": [{"name": "m", "url": "http://m"}], "artifacts": ["/a", {"source": "/b"}]
    });
    assert_eq!(serde_json::to_value(&collected.settings).unwrap(), stored);
    assert_eq!(serde_json::from_value::<HarborSettings>(stored).unwrap(), collected.settings);
}

#[test]
fn settings_without_an_old_form() {
    let new = json!({
        "verifier": {"max_timeout_sec": 60}, "environment": {"kwargs": {"region": "eu"}},
        "agent_config": {"max_timeout_sec": 70, "mcp_servers": [{"name": "m"}]}, "timeout_multiplier": 2,
        "agent_timeout_multiplier": 0.5, "verifier_timeout_multiplier": 3, "agent_setup_timeout_multiplier": 4,
        "environment_build_timeout_multiplier": 5
    });
    let settings = nested(&new).unwrap().settings;
    assert_eq!(settings.mcp_servers, [json!({"name": "m"})]);
    let multipliers = json!({"all": 2.0, "agent": 0.5, "verifier": 3.0, "agent_setup": 4.0, "environment_build": 5.0});
    let stored = serde_json::to_value(&settings).unwrap();
    assert_eq!(stored["timeout_multipliers"], multipliers);
    assert_eq!(serde_json::from_value::<HarborSettings>(stored).unwrap(), settings);
    assert_eq!(settings.verifier_max_timeout_sec, Some(60.0));
    assert_eq!(settings.agent_max_timeout_sec, Some(70.0));
    assert_eq!(settings.environment_kwargs["region"], "eu");
}

#[test]
fn nothing_given_is_nothing_stored() {
    let collected = nested(&json!({"environment": null, "artifacts": null, "unknown": 3, "verifier": {}})).unwrap();
    assert_eq!(collected, Collected::default());
    assert_eq!(serde_json::to_value(&collected.settings).unwrap(), json!({}));
}

#[test]
fn later_sources_win_and_arguments_merge() {
    let mut collected = flat(&json!({"env_cpus": 1, "env_gpus": 2, "agent_kwargs": {"a": 1, "b": 1}})).unwrap();
    collected.add_nested(&fields(&json!({"environment": {"override_cpus": 4}})), "harbor").unwrap();
    collected.add_agent_config(&fields(&json!({"kwargs": {"b": 2}, "override_timeout_sec": 5})), "x").unwrap();
    assert_eq!(collected.settings.override_cpus, Some(4.0));
    assert_eq!(collected.settings.override_gpus, Some(2));
    assert_eq!(Value::Object(collected.settings.agent_kwargs), json!({"a": 1, "b": 2}));
    assert_eq!(collected.agent_timeout_sec, Some(5.0));
}

#[rstest]
#[case(json!({"environment": {"override_cpus": "2"}}), "harbor.environment.override_cpus must be a positive number, not a text")]
#[case(json!({"environment": {"override_memory_mb": 1.5}}), "harbor.environment.override_memory_mb must be a whole number above 0, not 1.5")]
#[case(json!({"environment": {"override_gpus": -1}}), "harbor.environment.override_gpus must be a whole number, 0 or more, not -1")]
#[case(json!({"environment": {"override_storage_mb": u64::MAX}}), "harbor.environment.override_storage_mb must be a whole number above 0, not 18446744073709551615")]
#[case(json!({"environment": "docker"}), "harbor.environment must be an object, not a text")]
#[case(json!({"environment": {"kwargs": []}}), "harbor.environment.kwargs must be an object, not a list")]
#[case(json!({"verifier": {"disable": 1}}), "harbor.verifier.disable must be true or false, not 1")]
#[case(json!({"verifier": {"override_timeout_sec": 0}}), "harbor.verifier.override_timeout_sec must be a positive number of seconds, not 0")]
#[case(json!({"agent_config": {"max_timeout_sec": true}}), "harbor.agent_config.max_timeout_sec must be a positive number of seconds, not true")]
#[case(json!({"timeout_multiplier": 0}), "harbor.timeout_multiplier must be a positive number, not 0")]
#[case(json!({"agent_timeout_multiplier": "2"}), "harbor.agent_timeout_multiplier must be a positive number, not a text")]
#[case(json!({"docker_image": " "}), "harbor.docker_image must be a non-empty text, not an empty text")]
#[case(json!({"artifacts": "/a"}), "harbor.artifacts must be a list, not a text")]
#[case(json!({"artifacts": ["/a", {"destination": "x"}]}), "harbor.artifacts[1] must be a path, or an object with a source, not an object")]
#[case(json!({"mcp_servers": [{"url": "http://m"}]}), "harbor.mcp_servers[0] must be an object with a name, not an object")]
fn wrong_types_are_named_with_their_place(#[case] input: Value, #[case] error: &str) {
    assert_eq!(nested(&input).unwrap_err().to_string(), error);
}

#[test]
fn agent_env_is_collected_in_clear_and_apart_from_the_settings() {
    let mut collected = flat(&json!({"agent_env": {"A": "1", "B": "1"}})).unwrap();
    collected.add_nested(&fields(&json!({"agent_config": {"env": {"B": "2", "C": "2"}}})), "harbor").unwrap();
    collected.add_agent_env(&[("C".to_owned(), "3".to_owned())].into(), "configs[0].agent_env").unwrap();
    assert_eq!(collected.agent_env.iter().collect::<Vec<_>>(), [("A", "1"), ("B", "2"), ("C", "3")]);
    assert_eq!(collected.settings, HarborSettings::default());
    assert_eq!(nested(&json!({"agent_env": {}, "agent_config": {"env": null}})), Ok(Collected::default()));
}

#[rstest]
#[case(json!({"agent_env": "s3cret"}), "harbor.agent_env must be an object, not a text")]
#[case(json!({"agent_env": {"KEY": 77_777_777}}), "harbor.agent_env.KEY must be a text, not a number")]
#[case(json!({"agent_config": {"env": {"KEY": null}}}), "harbor.agent_config.env.KEY must be a text, not null")]
#[case(json!({"agent_env": {"KEY": "s3cret\u{0}"}}), "harbor.agent_env.KEY: an environment variable must not contain a NUL character")]
#[case(json!({"agent_env": {"KEY=s3cret": ""}}), "harbor.agent_env: the name of an environment variable has letters, digits and underscores only, and begins with no digit")]
fn bad_agent_env_is_refused_without_repeating_it(#[case] input: Value, #[case] error: &str) {
    assert_eq!(nested(&input).unwrap_err().to_string(), error);
}

proptest! {
    /// Settings are written and read again on their way to Harbor: by the client, the server, the database's driver and the runner.
    #[test]
    fn arguments_keep_their_numbers_to_the_last_bit(float in any::<f64>().prop_filter("JSON has it", |float| float.is_finite())) {
        let settings = nested(&json!({"agent_config": {"kwargs": {"a": float}}})).unwrap().settings;
        let text = serde_json::to_string(&settings).unwrap();
        let read: HarborSettings = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read.agent_kwargs["a"].as_f64().map(f64::to_bits), Some(float.to_bits()));
    }
}
