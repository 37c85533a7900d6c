//! Tasks drawn again: the bootstrap, with draws that are always the same.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng as _;

/// How many times the tasks are drawn again.
pub const REPLICATES: usize = 2_000;

/// State and stream of the generator: the defaults of PCG's own implementation.
const STATE: u128 = 0xcafe_f00d_d15e_a5e5;
const STREAM: u128 = 0x0a02_bdbf_7bb3_c0a7_ac28_fa16_a64a_bf96;

/// The values of one figure, each of one task: its place among the tasks that are drawn, and what it is there.
pub(super) type Values = [(usize, f64)];

/// Which tasks are drawn: places among `tasks` tasks, one after the other, replicate by replicate.
///
/// The generator is PCG XSL RR 128/64, called `PCG64` in `NumPy`. A place is the upper half of the 128-bit product of its next output and
/// the number of tasks; a place is too likely by at most `tasks` in 2^64.
pub(super) struct Draws {
    generator: Pcg64,
    tasks: usize,
}

impl Draws {
    pub(super) fn among(tasks: usize) -> Self {
        Self { generator: Pcg64::new(STATE, STREAM), tasks }
    }
}

impl Iterator for Draws {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let product = u128::from(self.generator.next_u64()) * self.tasks as u128;
        usize::try_from(product >> 64).ok()
    }
}

/// The means of each figure over tasks that are drawn `replicates` times, each time as many as there are, with one set of draws for all
/// figures. A replicate in which no task of a figure was drawn has no mean of it.
pub(super) fn means(
    figures: &[&Values],
    tasks: usize,
    replicates: usize,
    draws: &mut impl Iterator<Item = usize>,
) -> Vec<Vec<f64>> {
    let mut means = vec![Vec::with_capacity(replicates); figures.len()];
    // How often each task was drawn. A figure is then summed over its tasks in order, however many figures there are.
    let mut times = vec![0_u32; tasks];
    for _ in 0..replicates {
        times.fill(0);
        for task in draws.take(tasks) {
            if let Some(times) = times.get_mut(task) {
                *times += 1;
            }
        }
        for (&values, means) in figures.iter().zip(&mut means) {
            means.extend(mean(values, &times));
        }
    }
    means
}

fn mean(values: &Values, times: &[u32]) -> Option<f64> {
    let (mut sum, mut drawn) = (0.0, 0_u64);
    for &(task, value) in values {
        let times = times.get(task).copied().unwrap_or_default();
        sum += f64::from(times) * value;
        drawn += u64::from(times);
    }
    (drawn > 0).then(|| sum / super::tally::real(drawn))
}
