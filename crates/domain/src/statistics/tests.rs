//! What the figures are and when they are refused. `tests/oracle.json` holds what other programs say; `cargo xtask statistics-fixture`
//! writes it.

mod comparing;
mod oracle;
mod properties;

use std::collections::BTreeMap;

use rstest::rstest;

use super::*;
use crate::failure::FailureClass;
use crate::status::TrialStatus;

const WAITING: TrialOutcome = TrialOutcome {
    status: TrialStatus::Queued,
    reward: None,
    unconfirmed: false,
    verification_disabled: false,
    cancelled: false,
    failure: None,
};

fn graded(reward: f64) -> TrialOutcome {
    TrialOutcome { status: TrialStatus::Success, reward: Some(reward), ..WAITING }
}

fn agent(name: &str) -> Combination {
    Combination { agent: name.to_owned(), model: Some("m".to_owned()) }
}

/// A task with these rewards.
fn task(rewards: &[f64]) -> TaskTally {
    let mut task = TaskTally::default();
    for &reward in rewards {
        task.count(&graded(reward), &Rules::default());
    }
    task
}

/// Tasks with these rewards, called `task-0000` and so on.
fn tasks(rewards: &[Vec<f64>]) -> CombinationTally {
    let named = rewards.iter().enumerate().map(|(index, rewards)| (format!("task-{index:04}"), task(rewards)));
    CombinationTally { tasks: named.collect(), usage: Usage::default() }
}

/// The only row of one combination's results.
fn row_by(rules: &Rules, tally: CombinationTally) -> ResultRow {
    let tallies = Tallies { combinations: BTreeMap::from([(agent("a"), tally)]) };
    results(&tallies, rules).rows.pop().unwrap()
}

fn row(rewards: &[Vec<f64>]) -> ResultRow {
    row_by(&Rules::default(), tasks(rewards))
}

fn headline(row: &ResultRow) -> Estimate {
    match row.headline {
        Headline::Shown(estimate) => estimate,
        other => panic!("{other:?}"),
    }
}

fn ks(row: &ResultRow) -> Vec<(u64, u64)> {
    row.pass_rates.iter().map(|rate| (rate.k, rate.all.tasks)).collect()
}

fn near(one: f64, other: f64, by: f64) {
    assert!((one - other).abs() <= by, "{one} is not within {by} of {other}");
}

#[test]
fn a_row_says_what_its_trials_show() {
    let rules = Rules::default();
    let mut tallies = Tallies::default();
    let combination = tallies.of(&agent("codex"));
    for (name, reward) in [("one", 1.0), ("one", 0.0), ("two", 1.0), ("two", 1.0), ("three", 0.5), ("three", 0.0)] {
        combination.task(name).count(&graded(reward), &rules);
    }
    combination.usage.add(&AttemptUsage { cost_usd: Some(0.5), ..AttemptUsage::default() });
    combination.usage.add(&AttemptUsage::default());

    let results = results(&tallies, &rules);
    let [row] = results.rows.as_slice() else { panic!("{results:?}") };
    assert_eq!(row.combination, agent("codex"));
    assert_eq!((row.coverage.graded, row.coverage.counted, row.coverage.share()), (6, 6, Some(1.0)));
    near(headline(row).value, (0.5 + 1.0 + 0.25) / 3.0, 1e-15);
    assert_eq!((headline(row).tasks, headline(row).has_few_tasks()), (3, true));
    assert_eq!(headline(row).interval.map(|interval| interval.method), Some(Method::Bootstrap));
    let rates: Vec<_> = row.pass_rates.iter().map(|rate| (rate.k, rate.at_least_one.value, rate.all.value)).collect();
    assert_eq!(rates, [(1, 0.5, 0.5), (2, 2.0 / 3.0, 1.0 / 3.0)]);
    near(row.mixed.unwrap().value, 1.0 / 3.0, 1e-15);
    assert_eq!(row.usage.cost_usd, KnownSum { sum: 0.5, known: 1, of: 2 });
}

#[test]
fn ten_tasks_are_not_few() {
    for (count, few) in [(9, true), (10, false)] {
        let tasks: Vec<_> = (0..count).map(|index| vec![f64::from(index % 2)]).collect();
        assert_eq!(headline(&row(&tasks)).has_few_tasks(), few);
    }
}

#[test]
fn what_is_not_graded_is_counted_by_its_reason() {
    let failed = TrialOutcome { status: TrialStatus::Failed, failure: Some(FailureClass::ProviderQuota), ..WAITING };
    let mut tally = tasks(&[vec![1.0], vec![]]);
    for (name, outcome) in [("task-0000", failed), ("task-0000", failed), ("task-0001", WAITING)] {
        tally.task(name).count(&outcome, &Rules::default());
    }
    tally.task("without trials");
    let row = row_by(&Rules::default(), tally);
    let ungraded = BTreeMap::from([(Ungraded::Failed(FailureClass::ProviderQuota), 2), (Ungraded::Waiting, 1)]);
    assert_eq!(row.coverage, Coverage { graded: 1, counted: 4, ungraded });
    assert_eq!((row.graded_tasks, row.ungraded_tasks), (1, 1));
}

/// Ten tasks with one trial each, of which this many are graded with 1, 0, 1, ...
fn partly_graded(graded: u32) -> CombinationTally {
    let rewards = (0..10).map(|index| if index < graded { vec![f64::from(1 - index % 2)] } else { vec![] });
    let mut tally = tasks(&rewards.collect::<Vec<_>>());
    for task in tally.tasks.values_mut().skip(graded as usize) {
        task.count(&WAITING, &Rules::default());
    }
    tally
}

#[test]
fn below_the_bar_there_are_bounds_and_no_headline() {
    let at_the_bar = row_by(&Rules::default(), partly_graded(9));
    near(headline(&at_the_bar).value, 5.0 / 9.0, 1e-15);
    assert_eq!(headline(&at_the_bar).tasks, 9);

    let below = row_by(&Rules::default(), partly_graded(8));
    let Headline::Refused(bounds) = below.headline else { panic!("{below:?}") };
    near(bounds.ungraded_as_zero, 0.4, 1e-15);
    near(bounds.ungraded_as_one, 0.6, 1e-15);
    assert_eq!(ks(&below), []);

    let lower_bar = row_by(&Rules::new(1.0, 0.8).unwrap(), partly_graded(8));
    near(headline(&lower_bar).value, 0.5, 1e-15);
    assert_eq!(ks(&lower_bar), [(1, 8)]);
}

#[test]
fn bounds_weigh_tasks_alike() {
    let mut tally = tasks(&[vec![1.0, 0.0], vec![0.5]]);
    (0..2).for_each(|_| tally.task("task-0000").count(&WAITING, &Rules::default()));
    let row = row_by(&Rules::default(), tally);
    let expected = Bounds { ungraded_as_zero: f64::midpoint(0.25, 0.5), ungraded_as_one: f64::midpoint(0.75, 0.5) };
    assert_eq!(row.headline, Headline::Refused(expected));
}

#[test]
fn without_trials_there_is_nothing_and_without_grades_all_is_open() {
    let empty = row_by(&Rules::default(), CombinationTally::default());
    assert_eq!((empty.headline, empty.mixed, ks(&empty)), (Headline::Nothing, None, vec![]));
    assert_eq!(results(&Tallies::default(), &Rules::default()).rows, []);

    // Not even a bar of 0 makes a mean of nothing.
    let waiting = row_by(&Rules::new(1.0, 0.0).unwrap(), partly_graded(0));
    assert_eq!(waiting.headline, Headline::Refused(Bounds { ungraded_as_zero: 0.0, ungraded_as_one: 1.0 }));
    assert_eq!((waiting.mixed, ks(&waiting)), (None, vec![]));
}

#[test]
fn the_pass_threshold_is_what_passes() {
    let rules = Rules::new(0.5, 0.9).unwrap();
    let mut tally = CombinationTally::default();
    for reward in [0.5, 0.4] {
        tally.task("one").count(&graded(reward), &rules);
    }
    let row = row_by(&rules, tally);
    near(row.pass_rates[0].at_least_one.value, 0.5, 1e-15);
    near(headline(&row).value, 0.45, 1e-15);
}

#[test]
fn a_k_is_shown_where_enough_tasks_have_so_many_trials() {
    let mut rewards = vec![vec![1.0; 4]; 9];
    rewards.push(vec![0.0]);
    assert_eq!(ks(&row(&rewards)), [(1, 10), (2, 9), (4, 9)]);
    rewards.push(vec![0.0]);
    assert_eq!(ks(&row(&rewards)), [(1, 11)]);
    rewards.push(vec![0.0; 20]);
    let all = row_by(&Rules::new(1.0, 0.0).unwrap(), tasks(&rewards));
    assert_eq!(ks(&all).last(), Some(&(20, 1)));
}

#[rstest]
#[case::passes(&[1.0, 1.0, 0.0, 1.0], Interval::wilson(0.75, 4))]
#[case::rewards_beyond_one(&[5.0, 0.0], Interval::wilson(0.5, 2))]
fn of_one_task_only_pass_at_one_has_an_interval(#[case] rewards: &[f64], #[case] expected: Option<Interval>) {
    let row = row(&[rewards.to_vec()]);
    let [first, others @ ..] = row.pass_rates.as_slice() else { panic!("{row:?}") };
    assert!(expected.is_some());
    assert_eq!((first.k, first.at_least_one.interval, first.all.interval), (1, expected, expected));
    for rate in others {
        assert_eq!((rate.at_least_one.interval, rate.all.interval), (None, None));
    }
    assert_eq!((headline(&row).interval, row.mixed.unwrap().interval), (None, None));
}

#[test]
fn tasks_that_are_all_alike_are_a_proportion_of_tasks() {
    let row_of_halves = row(&vec![vec![0.25, 0.75]; 12]);
    assert_eq!(headline(&row_of_halves).interval, Interval::wilson(0.5, 12));
    assert_eq!(row_of_halves.mixed.unwrap().interval, Interval::wilson(0.0, 12));
    assert_eq!(row_of_halves.pass_rates[1].all.interval, Interval::wilson(0.0, 12));
    // The order in which rewards were added up makes no difference.
    let sums = row(&[vec![0.1, 0.2, 0.3], vec![0.3, 0.2, 0.1]]);
    assert_eq!(headline(&sums).interval.map(|interval| interval.method), Some(Method::Wilson));
}

#[rstest]
#[case::above(&[3.0, 1.0])]
#[case::below(&[-1.0, 1.0])]
fn rewards_that_are_no_proportion_have_no_interval_where_tasks_are_all_alike(#[case] rewards: &[f64]) {
    let row = row(&vec![rewards.to_vec(); 12]);
    assert_eq!(headline(&row).interval, None);
    // Whether a trial passes is a proportion whatever the rewards are.
    assert!(row.pass_rates[0].all.interval.is_some());
}

#[test]
fn rows_share_their_draws_and_a_row_is_the_same_beside_others() {
    let rewards: Vec<_> = (0..20).map(|index| vec![f64::from(index % 3) / 2.0, f64::from(index % 2)]).collect();
    let combinations = ["a", "b"].map(|name| (agent(name), tasks(&rewards)));
    let both = results(&Tallies { combinations: BTreeMap::from(combinations) }, &Rules::default());
    let alone = row(&rewards);
    assert_eq!(both.rows[0], alone);
    assert_eq!((both.rows[1].headline, &both.rows[1].pass_rates), (alone.headline, &alone.pass_rates));
}
