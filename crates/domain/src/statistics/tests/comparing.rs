use std::collections::BTreeSet;

use super::Direction::{Gain, Loss};
use super::*;

/// Tasks by name.
fn side(rewards: &[(&str, &[f64])]) -> CombinationTally {
    let named = rewards.iter().map(|&(name, rewards)| (name.to_owned(), task(rewards)));
    CombinationTally { tasks: named.collect(), usage: Usage::default() }
}

#[test]
fn tasks_are_paired_by_name_and_others_are_counted() {
    let left = side(&[("both", &[1.0]), ("left", &[1.0]), ("ungraded on the right", &[0.0])]);
    let mut right = side(&[("both", &[0.0]), ("right", &[1.0]), ("also right", &[1.0])]);
    right.task("ungraded on the right").count(&WAITING, &Rules::default());
    let comparison = compare(&left, &right);
    assert_eq!(comparison.pairs, 1);
    assert_eq!((comparison.left.graded_here_only, comparison.right.graded_here_only), (2, 2));
    assert_eq!((comparison.left.coverage.counted, comparison.right.coverage.counted), (3, 4));
    assert_eq!(comparison.right.coverage.graded, 3);
    assert_eq!(comparison.difference, Some(Estimate { value: -1.0, interval: None, tasks: 1 }));
    assert_eq!(comparison.left.value.map(|estimate| estimate.value), Some(1.0));
    near(comparison.test.unwrap().p, 1.0, 1e-12);
    assert_eq!((comparison.smallest_difference, comparison.halving), (None, None));
}

#[test]
fn without_a_pair_nothing_is_said() {
    let comparison = compare(&side(&[("one", &[1.0])]), &side(&[("other", &[1.0])]));
    assert_eq!((comparison.pairs, comparison.difference, comparison.test), (0, None, None));
    assert_eq!((comparison.flips, comparison.differs), (vec![], vec![]));
    assert_eq!((comparison.left.value, comparison.smallest_difference, comparison.halving), (None, None, None));
}

#[test]
fn losses_come_first_and_then_the_largest() {
    let left = side(&[
        ("loss", &[1.0, 1.0, 0.0]),
        ("large loss", &[1.0, 1.0, 1.0]),
        ("same majority", &[1.0, 1.0, 1.0]),
        ("half", &[1.0, 0.0]),
        ("gain", &[0.0, 0.0]),
        ("a like gain", &[0.0]),
    ]);
    let right = side(&[
        ("loss", &[1.0, 0.0, 0.0]),
        ("large loss", &[0.0, 0.0, 0.0]),
        ("same majority", &[1.0, 1.0, 0.0]),
        ("half", &[0.0, 0.0]),
        ("gain", &[1.0, 1.0]),
        ("a like gain", &[1.0]),
    ]);
    let comparison = compare(&left, &right);
    let flips: Vec<_> = comparison.flips.iter().map(|flip| (flip.task.as_str(), flip.direction)).collect();
    assert_eq!(flips, [("large loss", Loss), ("loss", Loss), ("a like gain", Gain), ("gain", Gain)]);
    let loss = &comparison.flips[1];
    assert_eq!((loss.left, loss.right), (PassCount { passes: 2, graded: 3 }, PassCount { passes: 1, graded: 3 }));
    near(loss.size, 1.0 / 3.0, 1e-15);
}

#[test]
fn the_test_wants_one_trial_a_side_in_every_pair() {
    let left = side(&[("a", &[1.0]), ("b", &[1.0]), ("c", &[0.0]), ("d", &[1.0]), ("e", &[0.5])]);
    let mut right = side(&[("a", &[0.0]), ("b", &[0.0]), ("c", &[1.0]), ("d", &[1.0]), ("e", &[0.0])]);
    let test = compare(&left, &right).test.unwrap();
    assert_eq!((test.losses, test.gains), (2, 1));
    near(test.p, 1.0, 1e-12);
    right.task("d").count(&graded(1.0), &Rules::default());
    let comparison = compare(&left, &right);
    assert_eq!(comparison.test, None);
    let difference = comparison.difference.unwrap();
    assert_eq!(difference.interval.map(|interval| interval.method), Some(Method::Bootstrap));
    near(difference.value, -0.3, 1e-15);
}

#[test]
fn equal_sides_show_no_difference_and_nothing_about_its_size() {
    let tally = side(&[("a", &[0.1, 0.2, 0.3]), ("b", &[1.0, 0.0]), ("c", &[0.0])]);
    let mut other_order = side(&[("a", &[0.3, 0.2, 0.1]), ("b", &[0.0, 1.0]), ("c", &[0.0])]);
    other_order.usage.add(&AttemptUsage::default());
    let comparison = compare(&tally, &other_order);
    assert_eq!(comparison.difference, Some(Estimate { value: 0.0, interval: None, tasks: 3 }));
    assert_eq!((comparison.flips, comparison.smallest_difference, comparison.halving), (vec![], None, None));
    assert!(comparison.left.value.unwrap().interval.is_some());
}

#[rstest]
#[case::one_trial(&[1.0], &[0.0], &[1.0], &[1.0], TrialsToHalve::NoNumberOfTrials)]
#[case::one_trial_somewhere(&[1.0, 0.0], &[0.0], &[1.0, 0.0], &[1.0, 0.0], TrialsToHalve::NoNumberOfTrials)]
#[case::trials_do_not_vary(&[1.0, 1.0], &[0.0, 0.0], &[1.0, 1.0], &[1.0, 1.0], TrialsToHalve::NoNumberOfTrials)]
// S² is 1/8: half a difference apart. W is (1/4 + 1/4 + 1/4 + 0)/2.
#[case::trials_vary(&[1.0, 0.0], &[1.0, 0.0], &[1.0, 0.0], &[1.0, 1.0], TrialsToHalve::Times(0.375 / (0.125 / 4.0 - (0.125 - 0.375))))]
fn what_halves_the_interval(
    #[case] left_a: &[f64],
    #[case] right_a: &[f64],
    #[case] left_b: &[f64],
    #[case] right_b: &[f64],
    #[case] trials: TrialsToHalve,
) {
    let comparison = compare(&side(&[("a", left_a), ("b", left_b)]), &side(&[("a", right_a), ("b", right_b)]));
    assert_eq!(comparison.halving, Some(Halving { more_tasks: 6, trials }));
}

#[test]
fn what_else_differs_is_named_for_pairs_alone() {
    let mut left = side(&[("a", &[1.0]), ("b", &[1.0]), ("left", &[1.0])]);
    let mut right = side(&[("a", &[1.0]), ("b", &[1.0])]);
    let mut note = |name: &str, left_value: &str, right_value: &str| {
        left.task(name).conditions.note(Aspect::TaskContent, left_value);
        right.task(name).conditions.note(Aspect::TaskContent, right_value);
    };
    note("a", "11", "11");
    note("b", "22", "33");
    left.task("left").conditions.note(Aspect::HarborVersion, "0.20.0");
    let set = |value: &str| BTreeSet::from([value.to_owned()]);
    let expected =
        Difference { aspect: Aspect::TaskContent, tasks: vec!["b".to_owned()], left: set("22"), right: set("33") };
    assert_eq!(compare(&left, &right).differs, [expected]);
}
