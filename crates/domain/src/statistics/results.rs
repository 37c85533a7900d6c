//! The table of results: a row for each agent and model.

use std::collections::{BTreeMap, BTreeSet};

use super::estimate::{Estimate, Sample, WithoutVariance, estimates};
use super::interval::Interval;
use super::pass::{self, PassRate};
use super::rules::Rules;
use super::tallies::{Combination, CombinationTally, Coverage, Tallies, TaskTally};
use super::tally::{Tally, real};
use super::usage::Usage;

/// What the trials of an experiment show.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// The rules by which they were computed.
    pub rules: Rules,
    /// By agent, then model.
    pub rows: Vec<ResultRow>,
}

/// What the trials of one agent and model show.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultRow {
    /// The agent and model.
    pub combination: Combination,
    /// How many trials are graded, and why the others are not.
    pub coverage: Coverage,
    /// Tasks with a graded trial.
    pub graded_tasks: u64,
    /// Tasks with trials of which none is graded: no figure but the bounds counts them.
    pub ungraded_tasks: u64,
    /// The mean of the task values, if enough trials are graded.
    pub headline: Headline,
    /// By k. A k is there where at least the coverage bar's share of the tasks has k graded trials or more.
    pub pass_rates: Vec<PassRate>,
    /// The share of the tasks with a graded trial that have both a pass and a trial that does not pass. A task with one graded trial has not.
    pub mixed: Option<Estimate>,
    /// What all attempts used.
    pub usage: Usage,
}

/// The figure that results are known by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Headline {
    /// The mean of the task values over the tasks with a graded trial.
    Shown(Estimate),
    /// Fewer trials are graded than the bar wants: only between which values the mean would lie.
    Refused(Bounds),
    /// There are no trials.
    Nothing,
}

/// What the headline would be if every trial that is not graded had the same reward. A mean over all tasks with trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// With a reward of 0 for each.
    pub ungraded_as_zero: f64,
    /// With a reward of 1 for each.
    pub ungraded_as_one: f64,
}

/// The results of an experiment.
///
/// `tallies` are those of the whole experiment: all rows share one set of draws, made among all tasks that have a graded trial, so that a
/// figure is the same whichever rows are shown afterwards.
pub fn results(tallies: &Tallies, rules: &Rules) -> Results {
    let tasks = tallies.combinations.values().flat_map(|tally| &tally.tasks);
    let graded: BTreeSet<&str> =
        tasks.filter(|(_, task)| task.rewards.graded() > 0).map(|(name, _)| name.as_str()).collect();
    let places: BTreeMap<&str, usize> = graded.into_iter().zip(0..).collect();

    let mut samples = Vec::new();
    let mut ks_of_rows = Vec::new();
    for tally in tallies.combinations.values() {
        let row = RowTasks::of(tally, &places);
        let ks = row.shown_ks(rules);
        row.push_samples(&ks, &mut samples);
        ks_of_rows.push(ks);
    }
    let mut estimates = estimates(&samples, places.len()).into_iter();
    let row = |((combination, tally), ks): ((&Combination, &CombinationTally), Vec<u64>)| {
        // In the order in which `push_samples` pushed them.
        let mut next = || estimates.next().flatten();
        let headline = next();
        let mixed = next();
        let rate = |k| Some(PassRate { k, at_least_one: next()?, all: next()? });
        let pass_rates = ks.into_iter().filter_map(rate).collect();
        let coverage = tally.coverage();
        let graded_tasks = tally.tasks.values().filter(|task| task.rewards.graded() > 0).count() as u64;
        ResultRow {
            combination: combination.clone(),
            headline: Headline::of(headline, &coverage, tally, rules),
            coverage,
            graded_tasks,
            ungraded_tasks: counted(tally).count() as u64 - graded_tasks,
            pass_rates,
            mixed,
            usage: tally.usage,
        }
    };
    Results { rules: *rules, rows: tallies.combinations.iter().zip(ks_of_rows).map(row).collect() }
}

/// The tasks of a combination that have trials.
fn counted(tally: &CombinationTally) -> impl Iterator<Item = &TaskTally> {
    tally.tasks.values().filter(|task| task.counted() > 0)
}

impl Headline {
    fn of(estimate: Option<Estimate>, coverage: &Coverage, tally: &CombinationTally, rules: &Rules) -> Self {
        let covered = coverage.share().is_some_and(|share| share >= rules.coverage_bar());
        match (estimate.filter(|_| covered), Bounds::of(tally)) {
            (Some(estimate), _) => Self::Shown(estimate),
            (None, Some(bounds)) => Self::Refused(bounds),
            (None, None) => Self::Nothing,
        }
    }
}

impl Bounds {
    fn of(tally: &CombinationTally) -> Option<Self> {
        let (mut tasks, mut zero, mut one) = (0, 0.0, 0.0);
        for task in counted(tally) {
            let (sum, ungraded, counted) = (task.rewards.sum(), real(task.ungraded()), real(task.counted()));
            tasks += 1;
            zero += sum / counted;
            one += (sum + ungraded) / counted;
        }
        let mean = |sum: f64| sum / real(tasks);
        (tasks > 0).then(|| Self { ungraded_as_zero: mean(zero), ungraded_as_one: mean(one) })
    }
}

/// The tasks of one row.
struct RowTasks<'tallies> {
    /// Those with a graded trial, each with its place among all of the table.
    graded: Vec<(usize, &'tallies Tally)>,
    /// How many have trials, graded or not.
    counted: u64,
}

impl<'tallies> RowTasks<'tallies> {
    fn of(tally: &'tallies CombinationTally, places: &BTreeMap<&str, usize>) -> Self {
        let place = |(name, task): (&String, &'tallies TaskTally)| {
            let place = places.get(name.as_str()).filter(|_| task.rewards.graded() > 0)?;
            Some((*place, &task.rewards))
        };
        Self { graded: tally.tasks.iter().filter_map(place).collect(), counted: counted(tally).count() as u64 }
    }

    /// The values of k that are shown.
    fn shown_ks(&self, rules: &Rules) -> Vec<u64> {
        let mut trials: Vec<u64> = self.graded.iter().map(|(_, tally)| tally.graded()).collect();
        trials.sort_unstable_by(|one, other| other.cmp(one));
        // The task with the i-th most trials is the last that may be missing for the share of i tasks.
        let enough = (1..).zip(trials).find(|(tasks, _)| real(*tasks) / real(self.counted) >= rules.coverage_bar());
        pass::shown(enough.map_or(0, |(_, trials)| trials))
    }

    fn push_samples(&self, ks: &[u64], samples: &mut Vec<Sample>) {
        let within_unit = self.graded.iter().all(|(_, tally)| tally.is_within_unit());
        let without_variance = if within_unit { WithoutVariance::WilsonOverTasks } else { WithoutVariance::Nothing };
        let headline = self.graded.iter().filter_map(|(place, tally)| Some((*place, tally.value()?))).collect();
        samples.push(Sample { values: headline, without_variance, of_one_task: None });

        let proportion =
            |values| Sample { values, without_variance: WithoutVariance::WilsonOverTasks, of_one_task: None };
        let mixed = self.graded.iter().map(|(place, tally)| (*place, f64::from(u8::from(tally.is_mixed())))).collect();
        samples.push(proportion(mixed));

        let mut at_least_one = vec![Vec::new(); ks.len()];
        let mut all = vec![Vec::new(); ks.len()];
        for (place, tally) in &self.graded {
            let rates = pass::of_task(tally, ks).into_iter();
            for (((at, all), in_at), in_all) in rates.zip(&mut at_least_one).zip(&mut all) {
                in_at.push((*place, at));
                in_all.push((*place, all));
            }
        }
        for ((k, at_least_one), all) in ks.iter().zip(at_least_one).zip(all) {
            // With one trial, that one passes and that all pass is the same.
            let of_one_task = match self.graded.as_slice() {
                [(_, tally)] if *k == 1 => tally.pass_share().and_then(|share| Interval::wilson(share, tally.graded())),
                _ => None,
            };
            samples.extend([at_least_one, all].map(|values| Sample { of_one_task, ..proportion(values) }));
        }
    }
}
