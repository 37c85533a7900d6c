//! Against what `SciPy`, statsmodels, `NumPy` and Harbor compute of the same input.

use std::sync::LazyLock;

use serde::Deserialize;

use super::super::bootstrap::{Draws, means};
use super::super::interval::quantile;
use super::super::pass;
use super::*;

static ORACLE: LazyLock<Oracle> = LazyLock::new(|| serde_json::from_str(include_str!("oracle.json")).unwrap());

#[derive(Deserialize)]
struct Oracle {
    wilson: Vec<Wilson>,
    mcnemar: Vec<Test>,
    quantiles: Vec<Quantiles>,
    pass_rates: Vec<OfTask>,
    pcg64: Generator,
    small_matrix: SmallMatrix,
    table: Table,
    monte_carlo: Vec<Spread>,
    comparisons: Vec<Compared>,
    harbor: Vec<HarborTable>,
}

#[derive(Deserialize)]
struct Wilson {
    share: f64,
    n: u64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Test {
    losses: u64,
    gains: u64,
    p: f64,
}

#[derive(Deserialize)]
struct Quantiles {
    values: Vec<f64>,
    quantiles: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct OfTask {
    n: u64,
    c: u64,
    k: u64,
    at_least_one: f64,
    all: f64,
}

#[derive(Deserialize)]
struct Generator {
    outputs: Vec<u64>,
    among_7: Vec<usize>,
    among_10000: Vec<usize>,
}

#[derive(Deserialize)]
struct SmallMatrix {
    drawn: Vec<Vec<usize>>,
    figures: Vec<Drawn>,
}

#[derive(Deserialize)]
struct Drawn {
    values: Vec<Option<f64>>,
    interval: Ends,
}

#[derive(Deserialize)]
struct Ends {
    low: f64,
    high: f64,
    replicates: usize,
}

#[derive(Deserialize)]
struct Figure {
    value: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Table {
    tasks: Vec<Vec<f64>>,
    headline: Figure,
    mixed: Figure,
    pass_rates: Vec<Rates>,
}

#[derive(Deserialize)]
struct Rates {
    k: u64,
    at_least_one: Figure,
    all: Figure,
}

#[derive(Deserialize)]
struct Spread {
    values: Vec<f64>,
    low: f64,
    high: f64,
    error_low: f64,
    error_high: f64,
}

#[derive(Deserialize)]
struct Compared {
    left: Vec<Vec<f64>>,
    right: Vec<Vec<f64>>,
    difference: Figure,
    smallest_difference: f64,
    more_tasks: u64,
    times_the_trials: Option<f64>,
}

#[derive(Deserialize)]
struct HarborTable {
    passes: Vec<u64>,
    trials: u64,
    pass_at: Vec<(u64, f64)>,
}

/// Within this share of the value.
fn alike(one: f64, other: f64, share: f64) {
    near(one, other, share * one.abs().max(other.abs()));
}

fn check(estimate: Estimate, figure: &Figure) {
    alike(estimate.value, figure.value, 1e-12);
    let interval = estimate.interval.unwrap();
    assert_eq!(interval.method, Method::Bootstrap);
    alike(interval.low, figure.low, 1e-12);
    alike(interval.high, figure.high, 1e-12);
}

#[test]
fn wilson_is_what_scipy_and_statsmodels_say() {
    for expected in &ORACLE.wilson {
        let interval = Interval::wilson(expected.share, expected.n).unwrap();
        near(interval.low, expected.low, 1e-9);
        near(interval.high, expected.high, 1e-9);
    }
}

#[test]
fn mcnemar_is_what_scipy_and_statsmodels_say() {
    for expected in &ORACLE.mcnemar {
        let test = McNemar::of(expected.losses, expected.gains);
        assert_eq!((test.losses, test.gains), (expected.losses, expected.gains));
        alike(test.p, expected.p, 1e-9);
    }
}

#[test]
fn quantiles_are_what_numpy_says() {
    for Quantiles { values, quantiles } in &ORACLE.quantiles {
        for (share, expected) in quantiles {
            near(quantile(&mut values.clone(), *share).unwrap(), *expected, 1e-12);
        }
    }
}

#[test]
fn pass_rates_are_exact_up_to_ten_thousand_trials() {
    for expected in &ORACLE.pass_rates {
        let OfTask { n, c, k, .. } = *expected;
        let real = super::super::tally::real;
        let sums = RewardSums { graded: n, passes: c, sum: real(c), squares: real(c), lowest: 0.0, highest: 1.0 };
        let rates = pass::of_task(&Tally::try_from(sums).unwrap(), &[k]);
        let [(at_least_one, all)] = rates.as_slice() else { panic!("{rates:?}") };
        alike(*at_least_one, expected.at_least_one, 1e-9);
        alike(*all, expected.all, 1e-9);
    }
}

#[test]
fn with_as_many_trials_a_task_pass_at_k_is_what_harbor_says() {
    for table in &ORACLE.harbor {
        let rewards = |passes: &u64| (0..table.trials).map(|index| f64::from(u8::from(index < *passes))).collect();
        let row = row(&table.passes.iter().map(rewards).collect::<Vec<_>>());
        let ours: Vec<_> = row.pass_rates.iter().map(|rate| (rate.k, rate.at_least_one.value)).collect();
        // Harbor leaves out k = 1.
        assert_eq!(ours[0].0, 1);
        assert_eq!(ours.len() - 1, table.pass_at.len());
        for ((k, value), (expected_k, expected)) in ours[1..].iter().zip(&table.pass_at) {
            assert_eq!(k, expected_k);
            near(*value, *expected, 1e-12);
        }
    }
}

#[test]
fn the_generator_is_numpys_pcg64_and_its_draws_never_change() {
    let Generator { outputs, among_7, among_10000 } = &ORACLE.pcg64;
    // Among 2^63 tasks, a place is the output but for its lowest bit.
    let halves: Vec<u64> = Draws::among(1 << 63).take(outputs.len()).map(|place| place as u64).collect();
    assert_eq!(halves, outputs.iter().map(|output| output >> 1).collect::<Vec<_>>());
    assert_eq!(outputs[0], 5_976_869_722_197_606_210);
    assert_eq!(Draws::among(7).take(among_7.len()).collect::<Vec<_>>(), *among_7);
    assert_eq!(Draws::among(10_000).take(among_10000.len()).collect::<Vec<_>>(), *among_10000);
}

#[test]
fn with_the_same_draws_the_bootstrap_is_the_same() {
    let SmallMatrix { drawn, figures } = &ORACLE.small_matrix;
    let values: Vec<Vec<(usize, f64)>> = figures
        .iter()
        .map(|figure| figure.values.iter().enumerate().filter_map(|(place, value)| Some((place, (*value)?))).collect())
        .collect();
    let samples: Vec<_> = values.iter().map(Vec::as_slice).collect();
    let tasks = figures[0].values.len();
    let mut draws = drawn.iter().flatten().copied();
    let means = means(&samples, tasks, drawn.len(), &mut draws);
    assert_eq!(draws.next(), None);
    for (means, Drawn { interval: expected, .. }) in means.into_iter().zip(figures) {
        assert_eq!(means.len(), expected.replicates);
        let interval = Interval::percentile(means).unwrap();
        near(interval.low, expected.low, 1e-12);
        near(interval.high, expected.high, 1e-12);
    }
}

#[test]
fn a_whole_table_is_what_numpy_says_with_the_same_generator() {
    let Table { tasks, headline: expected, mixed, pass_rates } = &ORACLE.table;
    let row = row(tasks);
    check(headline(&row), expected);
    check(row.mixed.unwrap(), mixed);
    assert_eq!(row.pass_rates.len(), pass_rates.len());
    for (rate, expected) in row.pass_rates.iter().zip(pass_rates) {
        assert_eq!(rate.k, expected.k);
        check(rate.at_least_one, &expected.at_least_one);
        check(rate.all, &expected.all);
    }
}

#[test]
fn the_bootstrap_is_within_its_error_of_scipys() {
    for Spread { values, low, high, error_low, error_high } in &ORACLE.monte_carlo {
        let row = row(&values.iter().map(|&value| vec![value]).collect::<Vec<_>>());
        let interval = headline(&row).interval.unwrap();
        near(interval.low, *low, 4.0 * error_low);
        near(interval.high, *high, 4.0 * error_high);
    }
}

#[test]
fn comparisons_are_what_numpy_says() {
    for expected in &ORACLE.comparisons {
        let comparison = compare(&tasks(&expected.left), &tasks(&expected.right));
        check(comparison.difference.unwrap(), &expected.difference);
        alike(comparison.smallest_difference.unwrap(), expected.smallest_difference, 1e-9);
        let halving = comparison.halving.unwrap();
        assert_eq!(halving.more_tasks, expected.more_tasks);
        match (halving.trials, expected.times_the_trials) {
            (TrialsToHalve::Times(times), Some(expected)) => alike(times, expected, 1e-9),
            (trials, expected) => {
                assert_eq!((trials, expected), (TrialsToHalve::NoNumberOfTrials, None));
            }
        }
    }
    assert!(ORACLE.comparisons.iter().any(|comparison| comparison.times_the_trials.is_some()));
    assert!(ORACLE.comparisons.iter().any(|comparison| comparison.times_the_trials.is_none()));
}
