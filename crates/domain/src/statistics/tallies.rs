//! The tallies of an experiment: by agent and model, then by task.

use std::collections::BTreeMap;

use super::conditions::Conditions;
use super::grading::{Grade, TrialOutcome, Ungraded, grade};
use super::rules::Rules;
use super::tally::{Tally, real};
use super::usage::Usage;

/// An agent with the model that it used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Combination {
    /// The agent.
    pub agent: String,
    /// The model; none where the agent chose, or has none.
    pub model: Option<String>,
}

/// The trials of one task by one agent and model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskTally {
    /// The graded ones.
    pub rewards: Tally,
    /// The others, by reason.
    pub ungraded: BTreeMap<Ungraded, u64>,
    /// Under which conditions they ran. Needed for comparisons alone.
    pub conditions: Conditions,
}

/// The trials of one agent and model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CombinationTally {
    /// By the task's name, under which versions and copies of a task are one.
    pub tasks: BTreeMap<String, TaskTally>,
    /// Over all their attempts.
    pub usage: Usage,
}

/// The trials of an experiment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tallies {
    /// By agent and model.
    pub combinations: BTreeMap<Combination, CombinationTally>,
}

/// How many of the trials are graded, and why the others are not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Graded trials.
    pub graded: u64,
    /// All trials.
    pub counted: u64,
    /// Those that are not graded, by reason.
    pub ungraded: BTreeMap<Ungraded, u64>,
}

impl TaskTally {
    /// Counts one trial, by what its last attempt left.
    pub fn count(&mut self, trial: &TrialOutcome, rules: &Rules) {
        match grade(trial) {
            Grade::Graded(reward) => self.rewards.add(reward, rules.is_pass(reward)),
            Grade::Ungraded(reason) => *self.ungraded.entry(reason).or_default() += 1,
        }
    }

    /// Trials that are not graded.
    pub(super) fn ungraded(&self) -> u64 {
        self.ungraded.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// All trials.
    pub(super) fn counted(&self) -> u64 {
        self.rewards.graded().saturating_add(self.ungraded())
    }
}

impl CombinationTally {
    /// The tally of a task, a new one at first.
    pub fn task(&mut self, name: &str) -> &mut TaskTally {
        self.tasks.entry(name.to_owned()).or_default()
    }

    /// Over all tasks.
    pub(super) fn coverage(&self) -> Coverage {
        let mut coverage = Coverage::default();
        for task in self.tasks.values() {
            coverage.graded = coverage.graded.saturating_add(task.rewards.graded());
            coverage.counted = coverage.counted.saturating_add(task.counted());
            for (&reason, &count) in &task.ungraded {
                let sum = coverage.ungraded.entry(reason).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        coverage
    }
}

impl Tallies {
    /// The tally of an agent and model, a new one at first.
    pub fn of(&mut self, combination: &Combination) -> &mut CombinationTally {
        self.combinations.entry(combination.clone()).or_default()
    }
}

impl Coverage {
    /// Graded trials by all trials; none where there are none.
    pub fn share(&self) -> Option<f64> {
        (self.counted > 0).then(|| real(self.graded) / real(self.counted))
    }
}
