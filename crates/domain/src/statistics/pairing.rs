//! Which agent and model of one experiment is compared with which of another.

use std::collections::BTreeSet;

use super::tallies::Combination;

/// What is compared with what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairing {
    /// Left and right of each comparison.
    pub pairs: Vec<(Combination, Combination)>,
    /// Those of the left side that have no partner.
    pub left_only: Vec<Combination>,
    /// Those of the right side that have no partner.
    pub right_only: Vec<Combination>,
}

/// Pairs the agents and models of two experiments, or of one with itself, as far as the reader chose some: one on each side are paired even if
/// they differ; otherwise equal ones are.
pub fn pair_combinations(left: &BTreeSet<Combination>, right: &BTreeSet<Combination>) -> Pairing {
    let only = |side: &BTreeSet<Combination>| side.first().filter(|_| side.len() == 1).cloned();
    if let (Some(left), Some(right)) = (only(left), only(right)) {
        return Pairing { pairs: vec![(left, right)], ..Pairing::default() };
    }
    Pairing {
        pairs: left.intersection(right).map(|both| (both.clone(), both.clone())).collect(),
        left_only: left.difference(right).cloned().collect(),
        right_only: right.difference(left).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(agents: &[&str]) -> BTreeSet<Combination> {
        agents.iter().map(|&agent| Combination { agent: agent.to_owned(), model: None }).collect()
    }

    fn names(combinations: &[Combination]) -> Vec<&str> {
        combinations.iter().map(|combination| combination.agent.as_str()).collect()
    }

    #[test]
    fn one_on_each_side_are_paired_even_if_they_differ() {
        let pairing = pair_combinations(&side(&["codex"]), &side(&["claude-code"]));
        let [(left, right)] = pairing.pairs.as_slice() else { panic!("{pairing:?}") };
        assert_eq!((left.agent.as_str(), right.agent.as_str()), ("codex", "claude-code"));
        assert_eq!((pairing.left_only, pairing.right_only), (vec![], vec![]));
    }

    #[test]
    fn of_several_the_equal_ones_are_paired() {
        let pairing = pair_combinations(&side(&["codex", "nop"]), &side(&["claude-code", "codex"]));
        let [(left, right)] = pairing.pairs.as_slice() else { panic!("{pairing:?}") };
        assert_eq!((left.agent.as_str(), right.agent.as_str()), ("codex", "codex"));
        assert_eq!((names(&pairing.left_only), names(&pairing.right_only)), (vec!["nop"], vec!["claude-code"]));
        let none = pair_combinations(&side(&["codex", "nop"]), &side(&["claude-code"]));
        assert_eq!((none.pairs, none.left_only.len(), none.right_only.len()), (vec![], 2, 1));
    }
}
