use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::sealing::SecretKey;

fn config(agent: &str, model: Option<&str>, n_trials: u32) -> SweepConfig {
    SweepConfig { agent: agent.to_owned(), model: model.map(str::to_owned), n_trials, ..SweepConfig::default() }
}

fn sweep(configs: Vec<SweepConfig>) -> SweepSpec {
    SweepSpec { configs, ..SweepSpec::default() }
}

fn key() -> SealingKey {
    SealingKey::of(&SecretKey::parse(&"k".repeat(32)).unwrap())
}

fn expand(spec: &SweepSpec) -> Result<Vec<TrialSpec>, SweepError> {
    super::expand(spec, Sealing { key: Some(&key()), task_id: "t-1" })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn env(variables: Value) -> BTreeMap<String, String> {
    serde_json::from_value(variables).unwrap()
}

#[test]
fn trials_come_config_by_config() {
    let spec = sweep(vec![
        config("oracle", None, 2),
        config("codex", Some("GPT-5.2 Codex"), 1),
        config("my.agents:Mine", None, 1),
    ]);
    let trials = expand(&spec).unwrap();
    let short: Vec<_> = trials
        .iter()
        .map(|t| (t.index, t.agent.as_str(), t.model.as_deref(), t.provider, t.queue_key.as_str()))
        .collect();
    assert_eq!(
        short,
        [
            (0, "oracle", Some("default"), "default", "default"),
            (1, "oracle", Some("default"), "default", "default"),
            (2, "codex", Some("GPT-5.2 Codex"), "openai", "openai/gpt-5.2-codex"),
            (3, "my.agents:Mine", None, "default", "default"),
        ]
    );
    assert!(trials.iter().all(|t| t.environment == "docker" && t.agent_timeout_sec.is_none()));
    assert!(trials.iter().all(|t| t.harbor == HarborSettings::default()));
}

#[test]
fn a_model_keeps_its_letters_and_its_spellings_share_a_key() {
    let names = ["azure/My-GPT4-Deployment", "azure/my gpt4  deployment", "Azure/MY--GPT4-deployment"];
    let trials = expand(&sweep(names.iter().map(|name| config("codex", Some(name), 1)).collect())).unwrap();
    assert_eq!(trials.iter().filter_map(|trial| trial.model.as_deref()).collect::<Vec<_>>(), names);
    assert!(trials.iter().all(|trial| trial.queue_key == "azure/my-gpt4-deployment"), "{trials:?}");
}

#[test]
fn a_config_wins_over_its_submission() {
    let mut spec = sweep(vec![config("oracle", None, 1), config("nop", None, 1)]);
    spec.environment = Some("Modal".to_owned());
    spec.timeout_minutes = Some(1.5);
    spec.flat = object(json!({"env_cpus": 1, "agent_kwargs": {"a": 1}, "task_id": "t"}));
    spec.harbor = object(json!({"environment": {"override_memory_mb": 600}}));
    spec.configs[1].environment = Some("podman".to_owned());
    spec.configs[1].timeout_minutes = Some(3.0);
    spec.configs[1].agent_kwargs = object(json!({"a": 2}));
    spec.configs[1].agent_config = Some(object(json!({"override_setup_timeout_sec": 7})));
    let trials = expand(&spec).unwrap();
    assert_eq!((trials[0].environment.as_str(), trials[1].environment.as_str()), ("modal", "podman"));
    assert_eq!((trials[0].agent_timeout_sec, trials[1].agent_timeout_sec), (Some(90.0), Some(180.0)));
    assert_eq!((trials[0].harbor.override_cpus, trials[0].harbor.override_memory_mb), (Some(1.0), Some(600)));
    assert_eq!((&trials[0].harbor.agent_kwargs["a"], &trials[1].harbor.agent_kwargs["a"]), (&json!(1), &json!(2)));
    assert_eq!((trials[0].harbor.agent_setup_timeout_sec, trials[1].harbor.agent_setup_timeout_sec), (None, Some(7.0)));
}

#[test]
fn seconds_win_over_minutes_of_the_same_level() {
    let mut spec = sweep(vec![config("oracle", None, 1)]);
    spec.timeout_minutes = Some(60.0);
    spec.harbor = object(json!({"agent_config": {"override_timeout_sec": 10}}));
    assert_eq!(expand(&spec).unwrap()[0].agent_timeout_sec, Some(10.0));
    spec.configs[0].timeout_minutes = Some(1.0);
    assert_eq!(expand(&spec).unwrap()[0].agent_timeout_sec, Some(60.0));
    spec.configs[0].agent_config = Some(object(json!({"override_timeout_sec": 5})));
    assert_eq!(expand(&spec).unwrap()[0].agent_timeout_sec, Some(5.0));
}

#[rstest]
#[case(|s: &mut SweepSpec| s.configs.clear(), "configs", "Must specify 'configs'")]
#[case(|s: &mut SweepSpec| s.configs[1].n_trials = 0, "configs[1].n_trials", "at least 1")]
#[case(|s: &mut SweepSpec| s.configs[1].n_trials = 10_000, "configs", "at most 10000 trials, and this one asks for 10001")]
#[case(|s: &mut SweepSpec| s.configs[1].n_trials = u32::MAX, "configs", "asks for 4294967296")]
#[case(|s: &mut SweepSpec| s.configs[1].agent = "oracel".to_owned(), "configs[1].agent", "did you mean `oracle`?")]
#[case(|s: &mut SweepSpec| s.configs[1].agent = "codex".to_owned(), "configs[1].model", "Model is required for all agents except nop/oracle")]
#[case(|s: &mut SweepSpec| s.environment = Some("local".to_owned()), "environment", "unknown environment \"local\"")]
#[case(|s: &mut SweepSpec| s.configs[1].environment = Some(String::new()), "configs[1].environment", "unknown environment \"\"")]
#[case(|s: &mut SweepSpec| s.timeout_minutes = Some(0.0), "timeout_minutes", "positive number of minutes, not 0")]
#[case(|s: &mut SweepSpec| s.configs[1].timeout_minutes = Some(f64::NAN), "configs[1].timeout_minutes", "not NaN")]
#[case(|s: &mut SweepSpec| s.timeout_minutes = Some(f64::MAX), "timeout_minutes", "positive number of minutes")]
#[case(|s: &mut SweepSpec| s.flat = object(json!({"env_cpus": "x"})), "env_cpus", "must be a positive number")]
#[case(|s: &mut SweepSpec| s.harbor = object(json!({"artifacts": 1})), "harbor.artifacts", "must be a list")]
#[case(|s: &mut SweepSpec| s.configs[1].agent_config = Some(object(json!({"kwargs": 1}))), "configs[1].agent_config.kwargs", "must be an object")]
#[case(|s: &mut SweepSpec| s.configs[1].agent_env = env(json!({"s3cret-": ""})), "configs[1].agent_env", "the name of an environment variable")]
#[case(|s: &mut SweepSpec| s.configs[1].agent_env = env(json!({"A": "s3cret".repeat(3000)})), "configs[1].agent_env", "may have 16384 bytes in all, and these have 18001")]
#[case(|s: &mut SweepSpec| s.flat = object(json!({"agent_env": {"A": ["s3cret"]}})), "agent_env.A", "must be a text, not a list")]
fn refused_with_the_field(#[case] spoil: fn(&mut SweepSpec), #[case] field: &str, #[case] text: &str) {
    let mut spec = sweep(vec![config("oracle", None, 1), config("nop", None, 1)]);
    assert_eq!(expand(&spec).map(|trials| trials.len()), Ok(2));
    spoil(&mut spec);
    let error = expand(&spec).unwrap_err();
    assert_eq!(error.field(), field);
    assert!(error.to_string().contains(text), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn docker_is_refused_where_no_runner_has_it() {
    let mut spec = sweep(vec![config("oracle", None, 1), config("nop", None, 1)]);
    spec.docker = DockerEnvironment::Refused;
    let refusal = |spec: &SweepSpec| expand(spec).unwrap_err();
    assert_eq!(refusal(&spec).field(), "environment", "nobody asked for it");
    assert!(refusal(&spec).to_string().contains("no runner here has Docker"), "{}", refusal(&spec));
    spec.environment = Some("docker".to_owned());
    assert_eq!(refusal(&spec).field(), "environment");
    spec.configs[0].environment = Some("daytona".to_owned());
    spec.configs[1].environment = Some("Docker".to_owned());
    assert_eq!(refusal(&spec).field(), "configs[1].environment");
    spec.configs[1].environment = Some("e2b".to_owned());
    let trials = expand(&spec).unwrap();
    assert_eq!((trials[0].environment.as_str(), trials[1].environment.as_str()), ("daytona", "e2b"));
}

#[test]
fn docker_becomes_the_environment_of_the_deployment() {
    let mut spec = sweep(vec![config("oracle", None, 1), config("nop", None, 1), config("nop", None, 1)]);
    spec.docker = DockerEnvironment::Replaced("daytona");
    spec.configs[1].environment = Some("docker".to_owned());
    spec.configs[2].environment = Some("podman".to_owned());
    let trials = expand(&spec).unwrap();
    let environments: Vec<&str> = trials.iter().map(|trial| trial.environment.as_str()).collect();
    assert_eq!(environments, ["daytona", "daytona", "podman"]);
}

#[test]
fn agent_env_is_sealed_for_its_task() {
    let mut spec = sweep(vec![config("oracle", None, 2), config("nop", None, 1)]);
    spec.harbor = object(json!({"agent_config": {"env": {"A": "shared-s3cret"}}}));
    spec.configs[1].agent_env = env(json!({"A": "old-s3cret", "B": "own-s3cret"}));
    spec.configs[1].agent_config = Some(object(json!({"env": {"A": "new-s3cret"}})));
    let trials = expand(&spec).unwrap();
    assert!(!format!("{trials:?}").contains("s3cret"), "{trials:?}");
    let clear = |trial: &TrialSpec| {
        let env = trial.harbor.agent_env.unseal(&key(), "t-1").unwrap();
        env.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(clear(&trials[1]), ["A=shared-s3cret"]);
    assert_eq!(clear(&trials[2]), ["A=new-s3cret", "B=own-s3cret"]);
}

#[test]
fn variables_can_be_asked_to_be_secret() {
    let mut spec = sweep(vec![config("oracle", None, 1)]);
    spec.configs[0].agent_env = env(json!({"A": "a", "B": "b"}));
    spec.configs[0].secret_agent_env = env(json!({"B": "s3cret", "C": "c"}));
    let trials = expand(&spec).unwrap();
    let settings = &trials[0].harbor;
    assert_eq!(settings.secret_agent_env.iter().collect::<Vec<_>>(), ["B", "C"]);
    let clear = settings.agent_env.unseal(&key(), "t-1").unwrap();
    assert_eq!(clear.iter().collect::<Vec<_>>(), [("A", "a"), ("B", "s3cret"), ("C", "c")]);
    spec.configs[0].secret_agent_env = env(json!({"s3cret-": ""}));
    assert_eq!(expand(&spec).unwrap_err().field(), "configs[0].secret_agent_env");
}

#[test]
fn without_a_key_agent_env_is_refused() {
    let none = Sealing { key: None, task_id: "t-1" };
    let mut spec = sweep(vec![config("oracle", None, 1)]);
    assert!(super::expand(&spec, none).is_ok());
    spec.configs[0].agent_config = Some(object(json!({"env": {"A": "s3cret"}})));
    let error = super::expand(&spec, none).unwrap_err();
    assert_eq!(error.field(), "configs[0].agent_env");
    assert!(error.to_string().contains("ODDISH_SECRET_KEY") && !error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn the_largest_sweep_is_accepted() {
    assert_eq!(expand(&sweep(vec![config("nop", None, MAX_TRIALS_PER_SWEEP)])).unwrap().len(), 10_000);
}

proptest! {
    #[test]
    fn indices_run_over_all_trials(counts in prop::collection::vec(1_u32..50, 1..8)) {
        let spec = sweep(counts.iter().enumerate().map(|(i, n)| config(&format!("m:C{i}"), None, *n)).collect());
        let trials = expand(&spec).unwrap();
        prop_assert_eq!(trials.len() as u64, counts.iter().map(|n| u64::from(*n)).sum::<u64>());
        prop_assert!(trials.iter().zip(0..).all(|(trial, index)| trial.index == index));
        let agents: Vec<&str> = trials.iter().map(|trial| trial.agent.as_str()).collect();
        let expected: Vec<&str> =
            spec.configs.iter().flat_map(|c| std::iter::repeat_n(c.agent.as_str(), c.n_trials as usize)).collect();
        prop_assert_eq!(agents, expected);
    }
}
