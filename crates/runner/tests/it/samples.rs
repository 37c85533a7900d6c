//! Whole folders that real trials left, read as they are.

use oddish_db::attempts::Outcome;
use oddish_runner::harbor_result::read_outcome;
use rstest::rstest;
use serde_json::json;

use crate::fixtures;

fn read(sample: &str) -> Outcome {
    let folder = fixtures().join("samples").join(sample);
    assert!(folder.is_dir(), "no sample `{sample}`");
    read_outcome(&folder)
}

#[rstest]
#[case::oracle("oracle", 1.0)]
#[case::nop("nop", 0.0)]
#[case::in_a_job("job-run/hello__Hbu6a4h", 1.0)]
#[case::with_tokens("with-tokens-and-trajectory", 1.0)]
fn one_reward(#[case] sample: &str, #[case] reward: f64) {
    let outcome = read(sample);
    assert!(outcome.succeeded);
    assert_eq!(outcome.reward, Some(reward));
    assert_eq!(outcome.rewards, Some(json!({"reward": reward})));
    assert_eq!((outcome.error_type, outcome.error_message), (None, None));
}

#[rstest]
#[case::no_reward("no-reward-file", "RewardFileNotFoundError", "No reward file found at")]
#[case::build_error("build-error", "RuntimeError", "Docker compose command failed for environment broken-build.")]
#[case::cancelled("cancelled", "CancelledError", "CancelledError")]
#[case::terminated("job-terminated/sleepy__4ShJvH6", "CancelledError", "CancelledError")]
fn a_failure_has_no_reward(#[case] sample: &str, #[case] error_type: &str, #[case] message: &str) {
    let outcome = read(sample);
    assert!(!outcome.succeeded);
    assert_eq!((outcome.reward, outcome.rewards), (None, None));
    assert_eq!(outcome.error_type.as_deref(), Some(error_type));
    let given = outcome.error_message.unwrap();
    assert!(given.starts_with(message), "{given}");
}

#[test]
fn an_agent_that_ran_out_of_time_is_judged_by_what_it_did() {
    let outcome = read("agent-timeout");
    assert!(outcome.succeeded);
    assert_eq!(outcome.reward, Some(1.0));
    assert_eq!(outcome.error_type.as_deref(), Some("AgentTimeoutError"));
    assert_eq!(outcome.error_message.as_deref(), Some("Agent execution timed out after 5.0 seconds"));
}

#[test]
fn fractions_and_further_rewards_are_kept() {
    let outcome = read("multi-reward");
    assert_eq!(outcome.reward, Some(0.75));
    assert_eq!(outcome.rewards, Some(json!({"reward": 0.75, "correctness": 1, "style": 0.5})));
}

#[test]
fn a_trial_of_several_steps() {
    let outcome = read("multi-step");
    assert!(outcome.succeeded);
    assert_eq!(outcome.reward, Some(0.75));
    assert_eq!((outcome.input_tokens, outcome.cost_usd), (None, None));
}

#[test]
fn tokens_cost_and_trajectory() {
    let outcome = read("with-tokens-and-trajectory");
    assert_eq!((outcome.input_tokens, outcome.cache_tokens, outcome.output_tokens), (Some(1200), Some(200), Some(34)));
    assert_eq!(outcome.cost_usd, Some(0.0123));
    assert!(outcome.has_trajectory);
    assert!(!read("oracle").has_trajectory);
}

#[test]
fn phases_have_start_end_and_seconds() {
    let timing = read("with-tokens-and-trajectory").phase_timing.unwrap();
    assert_eq!(
        timing["environment_setup"],
        json!({"started_at": "2026-11-22T09:08:17.30539Z", "finished_at": "2026-11-22T09:08:17.39389Z", "duration_sec": 0.09})
    );
    let phases: Vec<&String> = timing.as_object().unwrap().keys().collect();
    assert_eq!(phases, ["agent_execution", "agent_setup", "environment_setup", "verifier"]);
    assert_eq!(read("multi-step").phase_timing.unwrap().as_object().unwrap().len(), 2);
}
