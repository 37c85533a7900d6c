//! The time that a trial has in all, by its configuration and its task, as Harbor computes the time-outs of its phases.

use std::time::Duration;

use oddish_domain::task_toml::TaskTimeouts;
use serde_json::Value;

/// Seconds that Harbor gives the set-up of an agent that sets none.
const AGENT_SETUP_SEC: f64 = 360.0;
/// Agents that set another.
const AGENT_SETUPS_SEC: &[(&str, f64)] = &[("hermes", 1200.0)];
/// An agent that is imported from elsewhere may set any: this much is waited for.
const IMPORTED_AGENT_SETUP_SEC: f64 = 3600.0;

/// The time-outs of all phases of a trial and its `grace` for each step. `config` is the trial's configuration for Harbor, `agent_sec` what
/// an agent gets that nobody gave a time-out.
pub fn time_limit(config: &Value, task: &TaskTimeouts, agent_sec: f64, grace: Duration) -> Duration {
    let phases = Phases { config, agent_sec };
    let environment = phases.effective("environment_build", task.environment_sec, None);
    let mut seconds = environment + task.health_check_sec + phases.agent_setup();
    for step in &task.steps {
        seconds += step.health_check_sec + phases.agent(step.agent_sec) + step.collect_sec + grace.as_secs_f64();
        if !phases.verification_is_disabled() {
            seconds += phases.verifier(step.verifier_sec);
            seconds += if step.own_environment { environment } else { 0.0 };
        }
    }
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// What a configuration says of phases.
struct Phases<'a> {
    config: &'a Value,
    agent_sec: f64,
}

impl Phases<'_> {
    fn seconds(&self, section: &str, key: &str) -> Option<f64> {
        // To Harbor, too, zero is as if it were not there.
        self.config[section][key].as_f64().filter(|seconds| *seconds > 0.0)
    }

    fn effective(&self, phase: &str, base: f64, most: Option<f64>) -> f64 {
        let own = self.config[format!("{phase}_timeout_multiplier")].as_f64();
        let multiplier = own.or_else(|| self.config["timeout_multiplier"].as_f64()).unwrap_or(1.0);
        base.min(most.unwrap_or(f64::INFINITY)) * multiplier
    }

    fn agent_setup(&self) -> f64 {
        let agent = &self.config["agent"];
        let own = AGENT_SETUPS_SEC.iter().find(|(name, _)| agent["name"] == *name).map(|(_, seconds)| *seconds);
        let imported = agent["import_path"].is_string().then_some(IMPORTED_AGENT_SETUP_SEC);
        let base = self.seconds("agent", "override_setup_timeout_sec").or(own).or(imported).unwrap_or(AGENT_SETUP_SEC);
        self.effective("agent_setup", base, None)
    }

    fn agent(&self, of_step: Option<f64>) -> f64 {
        let base = self.seconds("agent", "override_timeout_sec").or(of_step).unwrap_or(self.agent_sec);
        self.effective("agent", base, self.seconds("agent", "max_timeout_sec"))
    }

    fn verifier(&self, of_step: f64) -> f64 {
        let base = self.seconds("verifier", "override_timeout_sec").unwrap_or(of_step);
        self.effective("verifier", base, self.seconds("verifier", "max_timeout_sec"))
    }

    fn verification_is_disabled(&self) -> bool {
        self.config["verifier"]["disable"] == true
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const TASK: &str = "
        [environment]
        build_timeout_sec = 100
        [agent]
        timeout_sec = 50
        [verifier]
        timeout_sec = 7
    ";

    #[rstest]
    #[case::as_the_task_says(json!({}), 100 + 360 + 50 + 7)]
    #[case::not_verified(json!({"verifier": {"disable": true}}), 100 + 360 + 50)]
    #[case::overrides(
        json!({"agent": {"override_timeout_sec": 20, "override_setup_timeout_sec": 10}, "verifier": {"override_timeout_sec": 3}}),
        100 + 10 + 20 + 3
    )]
    #[case::bounds(json!({"agent": {"max_timeout_sec": 5}, "verifier": {"max_timeout_sec": 2}}), 100 + 360 + 5 + 2)]
    #[case::multipliers(
        json!({"timeout_multiplier": 2, "agent_timeout_multiplier": 3, "agent": {"max_timeout_sec": 40}}),
        200 + 720 + 120 + 14
    )]
    #[case::a_slow_agent(json!({"agent": {"name": "hermes"}}), 100 + 1200 + 50 + 7)]
    #[case::an_imported_agent(json!({"agent": {"import_path": "a:B"}}), 100 + 3600 + 50 + 7)]
    fn phases_are_summed(#[case] config: Value, #[case] seconds: u64) {
        let task = TaskTimeouts::read(TASK.as_bytes());
        assert_eq!(time_limit(&config, &task, 9.0, Duration::ZERO), Duration::from_secs(seconds));
        assert_eq!(time_limit(&config, &task, 9.0, Duration::from_secs(30)), Duration::from_secs(seconds + 30));
    }

    #[test]
    fn every_step_has_its_phases_and_its_grace() {
        let text = format!(
            "{TASK}\n[[steps]]\nname = \"a\"\n[[steps]]\nname = \"b\"\nverifier = {{environment_mode = \"separate\", timeout_sec = 1}}"
        );
        let task = TaskTimeouts::read(text.as_bytes());
        let seconds = 100 + 360 + (50 + 600 + 30) + (50 + 1 + 100 + 30);
        assert_eq!(time_limit(&json!({}), &task, 9.0, Duration::from_secs(30)), Duration::from_secs(seconds));
    }

    #[test]
    fn nothing_is_too_long_for_a_clock() {
        let task = TaskTimeouts::read(b"[agent]\ntimeout_sec = 1e300");
        assert_eq!(time_limit(&json!({}), &task, 9.0, Duration::ZERO), Duration::MAX);
        assert!(time_limit(&json!({}), &TaskTimeouts::read(b""), 9.0, Duration::ZERO) < Duration::from_hours(1));
    }
}
