//! Random draws.

/// `N` bytes from the operating system's random source.
#[expect(
    clippy::expect_used,
    reason = "the source fails only on a broken machine, and an id that is not random would be worse than a stop"
)]
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random source must work");
    bytes
}

/// One of `choices`, all equally likely up to a bias of `choices.len() / 2^32`.
pub(crate) fn pick<T: Copy>(choices: &[T]) -> Option<T> {
    let draw = u64::from(u32::from_le_bytes(random_bytes()));
    let index = (draw * choices.len() as u64) >> 32;
    choices.get(usize::try_from(index).ok()?).copied()
}

/// A number from 0 to 1, for spreading waits.
pub fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(random_bytes())) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_comes_up() {
        let drawn: std::collections::BTreeSet<u8> = (0..2_000).filter_map(|_| pick(&[1, 2, 3, 4])).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(pick::<u8>(&[]), None);
    }
}
