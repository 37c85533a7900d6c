//! The time that a task gives the phases of its trial, with Harbor's own defaults.

use super::document::Document;
use super::is_separate;
use super::value::{Node, Table};

/// Seconds for the start of an environment that sets none.
const ENVIRONMENT_SEC: f64 = 600.0;
/// Seconds for a verifier that sets none. A step does not inherit the task's.
const VERIFIER_SEC: f64 = 600.0;
/// Seconds for a command that collects what services know.
const COLLECT_SEC: f64 = 60.0;
/// Seconds of a check of an environment's health, and between two.
const HEALTH_CHECK_SEC: f64 = 30.0;
const HEALTH_CHECK_INTERVAL_SEC: f64 = 5.0;
const HEALTH_CHECKS: f64 = 3.0;

/// The time that a task gives the phases of its trial, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskTimeouts {
    /// For each start of an environment, the first and those of verifiers that have their own.
    pub environment_sec: f64,
    /// For the check of the environment's health; 0 where there is none.
    pub health_check_sec: f64,
    /// For each step; one for a task that has none.
    pub steps: Vec<StepTimeouts>,
}

/// The time that one step has, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepTimeouts {
    /// For the agent; none where neither the step nor the task says.
    pub agent_sec: Option<f64>,
    /// For the verifier.
    pub verifier_sec: f64,
    /// Whether the verifier has an environment of its own, which is started for it.
    pub own_environment: bool,
    /// For the step's own check of the environment's health; 0 where there is none.
    pub health_check_sec: f64,
    /// For all commands together that collect what services know.
    pub collect_sec: f64,
}

impl TaskTimeouts {
    /// What the bytes of a `task.toml` say. What is no positive number of seconds is as if it were not there: a check of the task refuses it.
    #[must_use]
    pub fn read(task_toml: &[u8]) -> Self {
        let table = Document::parse(task_toml).map(|document| document.table).unwrap_or_default();
        let environment = section(&table, "environment");
        let (agent, verifier) = (section(&table, "agent"), section(&table, "verifier"));
        let agent_sec = seconds(agent, "timeout_sec");
        let own_environment = verifier.and_then(is_separate).unwrap_or(false);
        let collect_sec = collect_sec(verifier);
        let step = |step: &Table| {
            let verifier = section(step, "verifier");
            StepTimeouts {
                agent_sec: seconds(section(step, "agent"), "timeout_sec").or(agent_sec),
                verifier_sec: seconds(verifier, "timeout_sec").unwrap_or(VERIFIER_SEC),
                own_environment: verifier.and_then(is_separate).unwrap_or(own_environment),
                health_check_sec: health_check_sec(Some(step)),
                collect_sec: collect_sec + self::collect_sec(verifier),
            }
        };
        let mut steps: Vec<StepTimeouts> = list(&table, "steps").filter_map(Node::table).map(step).collect();
        if steps.is_empty() {
            steps.push(StepTimeouts {
                agent_sec,
                verifier_sec: seconds(verifier, "timeout_sec").unwrap_or(VERIFIER_SEC),
                own_environment,
                health_check_sec: 0.0,
                collect_sec,
            });
        }
        Self {
            environment_sec: seconds(environment, "build_timeout_sec").unwrap_or(ENVIRONMENT_SEC),
            health_check_sec: health_check_sec(environment),
            steps,
        }
    }
}

fn section<'a>(table: &'a Table, key: &str) -> Option<&'a Table> {
    table.get(key).and_then(Node::table)
}

fn list<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a Node> {
    table.get(key).and_then(Node::list).unwrap_or_default().iter()
}

fn seconds(table: Option<&Table>, key: &str) -> Option<f64> {
    table?.get(key)?.number().filter(|seconds| seconds.is_finite() && *seconds > 0.0)
}

fn collect_sec(verifier: Option<&Table>) -> f64 {
    let hooks = verifier.into_iter().flat_map(|verifier| list(verifier, "collect"));
    hooks.filter_map(Node::table).map(|hook| seconds(Some(hook), "timeout_sec").unwrap_or(COLLECT_SEC)).sum()
}

/// The longest that a check of health can take before it fails.
fn health_check_sec(of: Option<&Table>) -> f64 {
    let Some(check) = of.and_then(|of| section(of, "healthcheck")) else { return 0.0 };
    let or = |key: &str, default: f64| seconds(Some(check), key).unwrap_or(default);
    let once = or("timeout_sec", HEALTH_CHECK_SEC);
    let start = or("start_period_sec", 0.0) + or("start_interval_sec", HEALTH_CHECK_INTERVAL_SEC) + once;
    start + or("retries", HEALTH_CHECKS) * (once + or("interval_sec", HEALTH_CHECK_INTERVAL_SEC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_says_nothing_has_harbors_defaults() {
        let step = StepTimeouts {
            agent_sec: None,
            verifier_sec: 600.0,
            own_environment: false,
            health_check_sec: 0.0,
            collect_sec: 0.0,
        };
        let defaults = TaskTimeouts { environment_sec: 600.0, health_check_sec: 0.0, steps: vec![step] };
        for text in ["", "not toml [", "[environment]\nbuild_timeout_sec = -1\n[verifier]\ntimeout_sec = inf\n"] {
            assert_eq!(TaskTimeouts::read(text.as_bytes()), defaults, "{text:?}");
        }
    }

    #[test]
    fn steps_have_their_own_or_the_tasks() {
        let text = r#"
            [environment]
            build_timeout_sec = 100
            [environment.healthcheck]
            command = "true"
            timeout_sec = 2
            interval_sec = 1
            retries = 4
            start_period_sec = 10
            [agent]
            timeout_sec = 50
            [verifier]
            timeout_sec = 7
            [[verifier.collect]]
            command = "true"
            [[steps]]
            name = "one"
            [[steps]]
            name = "two"
            agent.timeout_sec = 5
            verifier.timeout_sec = 3
            verifier.environment_mode = "separate"
            verifier.collect = [{command = "true", timeout_sec = 9}]
        "#;
        let timeouts = TaskTimeouts::read(text.as_bytes());
        assert_eq!((timeouts.environment_sec, timeouts.health_check_sec), (100.0, 29.0));
        let one = StepTimeouts {
            agent_sec: Some(50.0),
            verifier_sec: 600.0,
            own_environment: false,
            health_check_sec: 0.0,
            collect_sec: 60.0,
        };
        let two = StepTimeouts {
            agent_sec: Some(5.0),
            verifier_sec: 3.0,
            own_environment: true,
            health_check_sec: 0.0,
            collect_sec: 69.0,
        };
        assert_eq!(timeouts.steps, [one, two]);
    }
}
