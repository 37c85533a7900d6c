//! What holds of any input: no panic, no NaN, nothing outside its range.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Rewards as tests write them, and as they should not.
fn rewards() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => Just(0.0),
        4 => Just(1.0),
        2 => 0.0..1.0,
        1 => -5.0..5.0,
        1 => any::<f64>(),
        1 => Just(LARGEST_REWARD),
        1 => Just(-LARGEST_REWARD),
        1 => Just(f64::MIN_POSITIVE),
    ]
}

fn outcomes() -> impl Strategy<Value = TrialOutcome> {
    let status = prop_oneof![6 => Just(TrialStatus::Success), 1 => proptest::sample::select(TrialStatus::ALL)];
    let failure = proptest::option::of(proptest::sample::select(FailureClass::ALL));
    let reward = prop_oneof![9 => rewards().prop_map(Some), 1 => Just(None)];
    (status, reward, any::<[bool; 3]>(), failure).prop_map(|(status, reward, flags, failure)| {
        let [unconfirmed, verification_disabled, cancelled] = flags;
        TrialOutcome {
            status,
            reward,
            unconfirmed: unconfirmed && cancelled,
            verification_disabled,
            cancelled,
            failure,
        }
    })
}

/// Trials of a few tasks by two agents.
fn trials() -> impl Strategy<Value = Vec<(usize, usize, TrialOutcome)>> {
    vec((0_usize..2, 0_usize..12, outcomes()), 0..80)
}

fn rules() -> impl Strategy<Value = Rules> {
    let bar = prop_oneof![Just(0.0), Just(0.9), Just(1.0), 0.0..1.0];
    (prop_oneof![Just(1.0), -2.0..2.0], bar).prop_map(|(threshold, bar)| Rules::new(threshold, bar).unwrap())
}

fn count(trials: &[(usize, usize, TrialOutcome)], rules: &Rules) -> Tallies {
    let mut tallies = Tallies::default();
    for (combination, task, trial) in trials {
        tallies.of(&agent(["a", "b"][*combination])).task(&format!("task-{task}")).count(trial, rules);
    }
    tallies
}

/// A figure is finite, lies in its range, and its interval too.
fn sound(estimate: &Estimate, range: (f64, f64)) {
    let within = |value: f64| range.0 <= value && value <= range.1;
    assert!(within(estimate.value) && estimate.value.is_finite() && estimate.tasks > 0, "{estimate:?}");
    if let Some(Interval { low, high, .. }) = estimate.interval {
        let off = 1e-12 * low.abs().max(high.abs());
        assert!(low.is_finite() && high.is_finite() && low <= high, "{estimate:?}");
        assert!(range.0 - off <= low && high <= range.1 + off, "{estimate:?} {range:?}");
    }
}

const UNIT: (f64, f64) = (0.0, 1.0);
const REWARDS: (f64, f64) = (-LARGEST_REWARD, LARGEST_REWARD);
const DIFFERENCES: (f64, f64) = (-2.0 * LARGEST_REWARD, 2.0 * LARGEST_REWARD);

fn sound_row(row: &ResultRow, rules: &Rules) {
    let Coverage { graded, counted, ref ungraded } = row.coverage;
    assert_eq!(graded + ungraded.values().sum::<u64>(), counted);
    match row.headline {
        Headline::Shown(estimate) => {
            sound(&estimate, REWARDS);
            assert_eq!(estimate.tasks, row.graded_tasks);
            assert!(row.coverage.share().unwrap() >= rules.coverage_bar());
        }
        Headline::Refused(bounds) => {
            assert!(bounds.ungraded_as_zero.is_finite() && bounds.ungraded_as_one.is_finite());
            assert!(bounds.ungraded_as_zero <= bounds.ungraded_as_one, "{bounds:?}");
            assert!(graded == 0 || row.coverage.share().unwrap() < rules.coverage_bar());
        }
        Headline::Nothing => assert_eq!(counted, 0),
    }
    row.mixed.iter().for_each(|mixed| sound(mixed, UNIT));
    assert_eq!(row.mixed.is_some(), row.graded_tasks > 0);
    for rate in &row.pass_rates {
        sound(&rate.at_least_one, UNIT);
        sound(&rate.all, UNIT);
        assert!(rate.all.value <= rate.at_least_one.value + 1e-12, "{rate:?}");
        assert_eq!(rate.all.tasks, rate.at_least_one.tasks);
    }
}

fn sound_comparison(comparison: &Comparison) {
    let estimates = [comparison.left.value, comparison.right.value];
    estimates.iter().flatten().for_each(|estimate| sound(estimate, REWARDS));
    comparison.difference.iter().for_each(|difference| sound(difference, DIFFERENCES));
    assert!(comparison.smallest_difference.is_none_or(|value| value.is_finite() && value >= 0.0));
    if let Some(Halving { more_tasks, trials }) = comparison.halving {
        assert_eq!(more_tasks, 3 * comparison.pairs);
        assert!(
            !matches!(trials, TrialsToHalve::Times(times) if !times.is_finite() || times < 1.0 - 1e-9),
            "{trials:?}"
        );
    }
    assert!(comparison.test.is_none_or(|test| 0.0 < test.p && test.p <= 1.0));
    let halves = |count: PassCount| (2 * count.passes).cmp(&count.graded);
    for flip in &comparison.flips {
        assert_eq!(halves(flip.left), halves(flip.right).reverse());
        assert!(0.0 < flip.size && flip.size <= 1.0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_trials_give_sound_figures(trials in trials(), rules in rules()) {
        let tallies = count(&trials, &rules);
        let results = results(&tallies, &rules);
        assert_eq!(results.rows.len(), tallies.combinations.len());
        results.rows.iter().for_each(|row| sound_row(row, &rules));
    }

    #[test]
    fn any_two_sides_compare_and_turned_round_they_say_the_opposite(trials in trials()) {
        let mut tallies = count(&trials, &Rules::default());
        let (left, right) = (tallies.of(&agent("a")).clone(), tallies.of(&agent("b")).clone());
        let (there, back) = (compare(&left, &right), compare(&right, &left));
        sound_comparison(&there);
        sound_comparison(&back);
        prop_assert_eq!(&there.left, &back.right);
        prop_assert_eq!(there.difference.map(|difference| difference.value), back.difference.map(|back| -back.value));
        prop_assert_eq!(there.test.map(|test| test.p), back.test.map(|test| test.p));
        prop_assert_eq!((there.flips.len(), there.smallest_difference), (back.flips.len(), back.smallest_difference));
    }

    #[test]
    fn trials_count_the_same_one_by_one_and_in_parts(trials in vec(outcomes(), 0..40), at in 0_usize..40) {
        let rules = Rules::default();
        let counted = |trials: &[TrialOutcome]| {
            let mut task = TaskTally::default();
            for trial in trials {
                task.count(trial, &rules);
            }
            task.rewards
        };
        let (first, second) = trials.split_at(at.min(trials.len()));
        let (whole, mut merged) = (counted(&trials), counted(first));
        merged.merge(counted(second));
        prop_assert_eq!((whole.graded(), whole.passes()), (merged.graded(), merged.passes()));
        let value = |tally: Tally| tally.value().unwrap_or_default();
        let off = 1e-12 * trials.iter().filter_map(|trial| trial.reward).filter(|reward| reward.abs() <= LARGEST_REWARD)
            .fold(0.0, |largest: f64, reward| largest.max(reward.abs()));
        prop_assert!((value(whole) - value(merged)).abs() <= off);
    }

    #[test]
    fn any_sums_are_refused_or_give_sound_figures(
        graded in 0_u64..30_000, passes in 0_u64..30_000, sum in rewards(), squares in rewards(), lowest in rewards(), highest in rewards()
    ) {
        let given = Tally::try_from(RewardSums { graded, passes, sum, squares, lowest, highest });
        if let Ok(rewards) = given {
            let rules = Rules::default();
            let mut tally = tasks(&[vec![1.0], vec![0.0, 0.5]]);
            tally.task("task-0001").rewards = rewards;
            sound_comparison(&compare(&tally, &tasks(&[vec![0.0], vec![0.0]])));
            sound_row(&row_by(&rules, tally), &rules);
        }
    }

    #[test]
    fn pass_rates_rise_and_fall_with_k(n in 1_u64..10_000, share in 0.0..=1.0_f64) {
        let passes = (0..n).filter(|index| super::super::tally::real(*index) < share * super::super::tally::real(n)).count() as u64;
        let sum = super::super::tally::real(passes);
        let sums = RewardSums { graded: n, passes, sum, squares: sum, lowest: 0.0, highest: 1.0 };
        let mut tally = CombinationTally::default();
        tally.task("one").rewards = Tally::try_from(sums).unwrap();
        let row = row_by(&Rules::default(), tally);
        sound_row(&row, &Rules::default());
        for pair in row.pass_rates.windows(2) {
            prop_assert!(pair[0].at_least_one.value <= pair[1].at_least_one.value);
            prop_assert!(pair[0].all.value >= pair[1].all.value);
        }
        if n == passes {
            prop_assert!(row.pass_rates.iter().all(|rate| rate.all.value >= 1.0));
        }
    }
}
