//! Results that no sample shows, and files that are not what they should be.

use std::fs;

use oddish_db::attempts::Outcome;
use oddish_domain::failure::FailureClass;
use oddish_runner::harbor_result::read_outcome;
use rstest::rstest;
use serde_json::{Value, json};
use time::OffsetDateTime;

fn read(result: &Value) -> Outcome {
    let mut file = json!({"trial_name": "t"});
    file.as_object_mut().unwrap().extend(result.as_object().unwrap().clone());
    read_bytes(file.to_string().as_bytes())
}

fn read_bytes(bytes: &[u8]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("result.json"), bytes).unwrap();
    read_outcome(folder.path())
}

fn rewards(rewards: &Value) -> Outcome {
    read(&json!({"verifier_result": {"rewards": rewards}}))
}

#[rstest]
#[case::whole(json!({"reward": 1}), Some(1.0))]
#[case::the_only_one(json!({"accuracy": 0.5}), Some(0.5))]
#[case::named_among_others(json!({"a": 1, "reward": 0.25}), Some(0.25))]
#[case::none_of_several(json!({"a": 1, "b": 0.5}), None)]
#[case::below_zero(json!({"reward": -3.5}), Some(-3.5))]
fn the_scalar_reward(#[case] given: Value, #[case] scalar: Option<f64>) {
    let outcome = rewards(&given);
    assert!(outcome.succeeded);
    assert_eq!(outcome.reward, scalar);
    assert_eq!(outcome.rewards, Some(given));
}

#[rstest]
#[case::no_verifier(json!({}))]
#[case::no_rewards(json!({"verifier_result": {"rewards": null}}))]
#[case::empty(json!({"verifier_result": {"rewards": {}}}))]
#[case::not_a_number(json!({"verifier_result": {"rewards": {"reward": null}}}))]
fn a_missing_reward_stays_missing(#[case] result: Value) {
    let outcome = read(&result);
    assert!(!outcome.succeeded);
    assert_eq!((outcome.reward, outcome.rewards), (None, None));
    assert_eq!(outcome.error_type.as_deref(), Some("RewardMissing"));
    assert!(outcome.error_message.unwrap().starts_with("The verifier left no reward"));
}

#[test]
fn without_verification_the_end_is_success() {
    let disabled = json!({"config": {"verifier": {"disable": true}}});
    let outcome = read(&disabled);
    assert!(outcome.succeeded);
    assert_eq!((outcome.reward, outcome.error_message), (None, None));
    let mut failed = disabled;
    failed["exception_info"] = json!({"exception_type": "RuntimeError", "exception_message": "no"});
    assert!(!read(&failed).succeeded);
}

#[test]
fn a_reward_after_a_provider_failed_does_not_count() {
    let outcome = read(&json!({
        "verifier_result": {"rewards": {"reward": 0}},
        "exception_info": {"exception_type": "ApiOverloadedError", "exception_message": "529"},
    }));
    assert!(!outcome.succeeded);
    assert_eq!((outcome.reward, outcome.rewards), (None, None));
    assert_eq!(outcome.unconfirmed_reward, Some(0.0));
    assert_eq!(outcome.error_message.as_deref(), Some("529"));
}

fn exception(name: &str) -> Value {
    json!({"exception_type": name, "exception_message": format!("{name} happened")})
}

/// Every recorded exception decides, the trial's and those of its steps, and what is told is the one that takes the reward away.
#[rstest]
#[case::none(json!(null), &[], None)]
#[case::of_the_agent(exception("AgentTimeoutError"), &[], Some("AgentTimeoutError"))]
#[case::of_the_agent_in_steps(json!(null), &["NonZeroAgentExitCodeError", "AgentTimeoutError"], Some("NonZeroAgentExitCodeError"))]
fn a_reward_counts(#[case] of_trial: Value, #[case] of_steps: &[&str], #[case] told: Option<&str>) {
    let outcome = read(&graded_beside(&of_trial, of_steps));
    assert!(outcome.succeeded);
    assert_eq!((outcome.reward, outcome.unconfirmed_reward), (Some(0.5), None));
    assert_eq!(outcome.error_type.as_deref(), told);
}

#[rstest]
#[case::unknown(exception("RuntimeError"), &[], "RuntimeError")]
#[case::of_nobody(exception("Zebra"), &[], "Zebra")]
#[case::of_the_verifier(json!(null), &["VerifierTimeoutError"], "VerifierTimeoutError")]
#[case::in_a_later_step(json!(null), &["AgentTimeoutError", "RuntimeError", "AgentTimeoutError"], "RuntimeError")]
#[case::in_a_step_of_a_trial_that_timed_out(exception("AgentTimeoutError"), &["RemoteProtocolError"], "RemoteProtocolError")]
#[case::of_the_trial_above_a_good_step(exception("DaytonaError"), &["AgentTimeoutError"], "DaytonaError")]
fn a_reward_does_not_count(#[case] of_trial: Value, #[case] of_steps: &[&str], #[case] told: &str) {
    let outcome = read(&graded_beside(&of_trial, of_steps));
    assert!(!outcome.succeeded);
    assert_eq!((outcome.reward, outcome.rewards, outcome.unconfirmed_reward), (None, None, Some(0.5)));
    assert_eq!(outcome.error_type.as_deref(), Some(told));
}

#[rstest]
#[case::before_the_agent("MemoryError", json!({}), "MemoryError")]
#[case::of_the_agent("BrokenPipeError", json!({"agent_execution": BEGUN}), "AgentOutputUnreadable")]
#[case::of_the_verifier("RecursionError", json!({"agent_execution": BEGUN, "verifier": BEGUN}), "VerifierOutputUnreadable")]
#[case::of_neither("ConnectionResetError", json!({"agent_execution": BEGUN}), "ConnectionResetError")]
fn what_a_sandbox_left_unreadable_is_no_fault_of_the_machine(
    #[case] name: &str,
    #[case] begun: Value,
    #[case] told: &str,
) {
    let timings = begun.as_object().unwrap().keys().map(|phase| (phase.clone(), json!({"started_at": BEGUN})));
    let mut result = json!({"exception_info": exception(name)});
    result.as_object_mut().unwrap().extend(timings);
    assert_eq!(read(&result).error_type.as_deref(), Some(told));
}

/// When a phase began.
const BEGUN: &str = "2026-01-31T10:00:00Z";

fn graded_beside(of_trial: &Value, of_steps: &[&str]) -> Value {
    let steps: Vec<Value> = of_steps
        .iter()
        .enumerate()
        .map(|(index, name)| json!({"step_name": index.to_string(), "exception_info": exception(name)}))
        .collect();
    json!({"verifier_result": {"rewards": {"reward": 0.5}}, "exception_info": of_trial, "step_results": steps})
}

#[test]
fn steps_are_summed_and_their_exceptions_seen() {
    let outcome = read(&json!({
        "agent_result": null,
        "step_results": [
            {"step_name": "one", "agent_result": {"n_input_tokens": 5, "n_output_tokens": null, "cost_usd": 0.5}},
            {"step_name": "two", "agent_result": {"n_input_tokens": 7, "n_output_tokens": 2, "cost_usd": 0.25},
             "exception_info": {"exception_type": "AgentTimeoutError", "exception_message": "late"}},
            {"step_name": "three", "agent_result": null},
        ],
        "verifier_result": {"rewards": {"reward": 1}},
    }));
    assert_eq!((outcome.input_tokens, outcome.output_tokens, outcome.cache_tokens), (Some(12), Some(2), None));
    assert_eq!(outcome.cost_usd, Some(0.75));
    assert!(outcome.succeeded);
    assert_eq!(outcome.error_type.as_deref(), Some("AgentTimeoutError"));
    assert_eq!(outcome.error_message.as_deref(), Some("step two: late"));
}

#[test]
fn the_trajectory_tells_tokens_that_the_agent_did_not() {
    let folder = tempfile::tempdir().unwrap();
    let agent = folder.path().join("steps/one/agent");
    fs::create_dir_all(&agent).unwrap();
    let metrics = json!({"total_prompt_tokens": 9, "total_completion_tokens": 4, "total_cached_tokens": 3, "total_cost_usd": 0.1});
    fs::write(agent.join("trajectory.json"), json!({"steps": [], "final_metrics": metrics}).to_string()).unwrap();
    let write = |agent_result: Value| {
        let result = json!({"trial_name": "t", "agent_result": agent_result});
        fs::write(folder.path().join("result.json"), result.to_string()).unwrap();
        read_outcome(folder.path())
    };
    let outcome = write(json!({"n_input_tokens": null, "n_output_tokens": null, "cost_usd": 0.7}));
    assert!(outcome.has_trajectory);
    assert_eq!((outcome.input_tokens, outcome.cache_tokens, outcome.output_tokens), (Some(9), Some(3), Some(4)));
    assert_eq!(outcome.cost_usd, Some(0.7), "what Harbor says goes first");
    let outcome = write(json!({"n_input_tokens": 1, "n_output_tokens": null}));
    assert_eq!((outcome.input_tokens, outcome.output_tokens), (Some(1), None));
}

#[rstest]
#[case::nothing(b"")]
#[case::no_json(b"\xff\xfe{")]
#[case::another_type(b"[]")]
#[case::a_job(br#"{"id": "x", "n_total_trials": 1, "stats": {}}"#)]
#[case::another_name(br#"{"trial_name": 1}"#)]
#[case::cut(br#"{"trial_name": "t", "verifier_result": {"rewards": {"reward": 1"#)]
fn garbage_is_a_failure_that_says_so(#[case] bytes: &[u8]) {
    let outcome = read_bytes(bytes);
    assert!(!outcome.succeeded);
    assert_eq!(outcome.reward, None);
    assert_eq!(outcome.error_type.as_deref(), Some("HarborResultUnreadable"));
    let message = outcome.error_message.unwrap();
    assert!(message.starts_with("Harbor's result.json is not a trial result: "), "{message}");
}

/// Each of these is what an agent, its tests or Python may leave in one field.
#[rstest]
#[case::cost("\"cost_usd\": 0.25", "\"cost_usd\": NaN")]
#[case::infinite_cost("\"cost_usd\": 0.25", "\"cost_usd\": -Infinity")]
#[case::cost_of_another_type("\"cost_usd\": 0.25", "\"cost_usd\": {\"usd\": 1}")]
#[case::another_digit("\"cost_usd\": 0.25", "\"cost_usd\": 1e400")]
#[case::config("\"config\": null", "\"config\": [1]")]
#[case::steps("\"step_results\": null", "\"step_results\": {\"a\": 1}")]
#[case::phases("\"verifier\": null", "\"verifier\": {\"started_at\": 5}")]
#[case::metadata("\"metadata\": null", "\"metadata\": {\"loss\": NaN, \"text\": \"\\ud800\", \"big\": 1e999}")]
#[case::twice("\"trial_name\": \"t\"", "\"trial_name\": \"t\", \"trial_name\": \"t\"")]
fn one_bad_field_voids_no_other(#[case] good: &str, #[case] bad: &str) {
    let text = r#"{"trial_name": "t", "config": null, "step_results": null, "verifier": null,
        "agent_result": {"n_input_tokens": 12.0, "n_cache_tokens": "7", "n_output_tokens": 3, "cost_usd": 0.25, "metadata": null},
        "verifier_result": {"rewards": {"reward": 0.5}}}"#;
    assert!(text.contains(good), "it shows nothing");
    let outcome = read_bytes(text.replace(good, bad).as_bytes());
    assert_eq!((outcome.succeeded, outcome.reward, outcome.error_message), (true, Some(0.5), None));
    assert_eq!((outcome.input_tokens, outcome.cache_tokens, outcome.output_tokens), (Some(12), None, Some(3)));
    assert_eq!(outcome.cost_usd, (!good.contains("cost_usd")).then_some(0.25));
}

#[test]
fn a_reward_that_no_float_carries_is_said_and_is_no_other_reward() {
    let huge = "1".repeat(400);
    let outcome = read_bytes(
        format!(r#"{{"trial_name": "t", "verifier_result": {{"rewards": {{"reward": {huge}}}}}}}"#).as_bytes(),
    );
    assert!(!outcome.succeeded);
    assert_eq!((outcome.reward, outcome.rewards.clone()), (None, None));
    assert_eq!(outcome.error_type.as_deref(), Some("RewardOutOfRange"));
    assert_eq!(outcome.failure(OffsetDateTime::UNIX_EPOCH).unwrap().class, FailureClass::Verifier);
    assert!(
        outcome
            .error_message
            .unwrap()
            .starts_with("The verifier's reward `reward` is no number that can be stored: \"1111")
    );
    let outcome = read_bytes(
        format!(r#"{{"trial_name": "t", "verifier_result": {{"rewards": {{"reward": {huge}, "style": 0.5}}}}}}"#)
            .as_bytes(),
    );
    assert!(outcome.succeeded, "the other reward is there");
    assert_eq!((outcome.reward, outcome.rewards), (None, Some(json!({"style": 0.5}))));
    assert_eq!(outcome.error_type.as_deref(), Some("RewardOutOfRange"));
}

#[test]
fn a_bad_number_of_a_trajectory_voids_no_other() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("result.json"), r#"{"trial_name": "t"}"#).unwrap();
    let text = r#"{"steps": [NaN], "final_metrics": {"total_prompt_tokens": 9.0, "total_completion_tokens": -4,
        "total_cached_tokens": 3, "total_cost_usd": Infinity, "extra": {"x": NaN}}}"#;
    fs::write(folder.path().join("trajectory.json"), text).unwrap();
    let outcome = read_outcome(folder.path());
    assert_eq!((outcome.input_tokens, outcome.output_tokens, outcome.cache_tokens), (Some(9), None, Some(3)));
    assert_eq!(outcome.cost_usd, None);
}

#[rstest]
#[case::not_yet(json!({"agent_setup": {"started_at": "2026-01-01T00:00:00Z"}}), false)]
#[case::begun(json!({"agent_execution": {"started_at": "2026-01-01T00:00:00Z", "finished_at": null}}), true)]
#[case::in_a_step(json!({"step_results": [{"step_name": "a", "agent_execution": {"started_at": "2026-01-01T00:00:00Z"}}]}), true)]
fn whether_the_agent_began_is_known(#[case] result: Value, #[case] expected: bool) {
    assert_eq!(read(&result).agent_began, expected);
}

#[test]
fn deep_nesting_is_no_danger() {
    let deep = format!(r#"{{"trial_name": "t", "x": {}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    for field in ["\"x\"", "\"config\"", "\"step_results\""] {
        let outcome = read_bytes(deep.replace("\"x\"", field).as_bytes());
        assert_eq!(outcome.error_type.as_deref(), Some("RewardMissing"), "{field} is as if it were not there");
    }
}

#[test]
fn a_result_that_is_not_there() {
    let outcome = read_outcome(&tempfile::tempdir().unwrap().path().join("gone"));
    assert_eq!(outcome.failure(OffsetDateTime::UNIX_EPOCH).unwrap().class, FailureClass::Infrastructure);
    let message = outcome.error_message.unwrap();
    assert!(message.starts_with("Harbor's result.json cannot be read: "), "{message}");
}

#[test]
fn a_result_that_is_too_large_is_no_fault_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("result.json")).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    let outcome = read_outcome(folder.path());
    assert_eq!(outcome.error_type.as_deref(), Some("HarborResultTooLarge"));
    assert_eq!(outcome.failure(OffsetDateTime::UNIX_EPOCH).unwrap().class, FailureClass::Verifier);
}

#[test]
fn names_fit_into_the_database() {
    let outcome = read(&json!({"exception_info": {"exception_type": "X\u{0}Error", "exception_message": "what"}}));
    assert_eq!(outcome.error_type.as_deref(), Some("XError"));
    let outcome = rewards(&json!({"a\u{0}b": 1, "text": "1"}));
    assert_eq!(outcome.rewards, Some(json!({"ab": 1})));
}

#[test]
fn numbers_fit_into_the_database() {
    let outcome = read(&json!({
        "agent_result": {"n_input_tokens": -1, "n_cache_tokens": u64::MAX, "n_output_tokens": 1.5, "cost_usd": 1e300},
    }));
    assert_eq!((outcome.input_tokens, outcome.cache_tokens, outcome.output_tokens), (None, None, None));
    assert_eq!(outcome.cost_usd, Some(1e300));
    let steps = json!([
        {"step_name": "1", "agent_result": {"n_input_tokens": i64::MAX, "cost_usd": 1e308}},
        {"step_name": "2", "agent_result": {"n_input_tokens": 1, "cost_usd": 1e308}},
    ]);
    let outcome = read(&json!({"step_results": steps}));
    assert_eq!((outcome.input_tokens, outcome.cost_usd), (Some(i64::MAX), None));
}

#[test]
fn rewards_are_bounded() {
    let many: serde_json::Map<String, Value> = (0..1001).map(|number| (number.to_string(), json!(1))).collect();
    let outcome = rewards(&Value::Object(many));
    assert!(!outcome.succeeded);
    assert_eq!(outcome.error_message.as_deref(), Some("The verifier left 1001 rewards; at most 1000 are accepted."));
}
