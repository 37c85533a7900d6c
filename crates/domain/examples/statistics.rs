//! How long the statistics of 10,000 trials take: `cargo run --release --package oddish-domain --example statistics`.

use std::time::Instant;

use oddish_domain::statistics::{Combination, CombinationTally, Rules, Tallies, TrialOutcome, Usage, compare, results};
use oddish_domain::status::TrialStatus;

/// Trials of `tasks` tasks, one pass in so many that tasks differ.
fn tallies(tasks: usize, trials: usize, one_in: usize) -> CombinationTally {
    let mut tally = CombinationTally { usage: Usage::default(), ..CombinationTally::default() };
    for task in 0..tasks {
        let tally = tally.task(&format!("task-{task:05}"));
        for trial in 0..trials / tasks {
            let reward = if (task * 31 + trial * 17) % (one_in + task % 3) == 0 { 1.0 } else { 0.0 };
            let graded = TrialOutcome {
                status: TrialStatus::Success,
                reward: Some(reward),
                unconfirmed: false,
                verification_disabled: false,
                cancelled: false,
                failure: None,
            };
            tally.count(&graded, &Rules::default());
        }
    }
    tally
}

#[expect(clippy::print_stdout, reason = "the times are what was asked for")]
fn main() {
    println!("{:>6} {:>12} {:>12} {:>12}", "tasks", "count ms", "results ms", "compare ms");
    let milliseconds = |since: Instant| since.elapsed().as_secs_f64() * 1000.0;
    for tasks in [1, 2, 10, 100, 1_000, 2_500, 5_000, 10_000] {
        let begun = Instant::now();
        let (left, right) = (tallies(tasks, 10_000, 2), tallies(tasks, 10_000, 3));
        let counted = milliseconds(begun) / 2.0;
        let mut experiment = Tallies::default();
        *experiment.of(&Combination { agent: "agent".to_owned(), model: None }) = left.clone();
        let begun = Instant::now();
        let table = results(&experiment, &Rules::default());
        let computed = milliseconds(begun);
        let begun = Instant::now();
        let comparison = compare(&left, &right);
        let compared = milliseconds(begun);
        assert_eq!((table.rows.len(), comparison.pairs), (1, tasks as u64));
        println!("{tasks:>6} {counted:>12.1} {computed:>12.1} {compared:>12.1}");
    }
}
