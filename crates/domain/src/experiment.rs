//! Experiments: the states that they are listed by, and generated names (docs/compatibility.md, 3.1).

use crate::random::pick;

/// What state an experiment is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = "active"))]
#[serde(rename_all = "kebab-case")]
pub enum ExperimentStatus {
    /// A trial has not ended.
    Active,
    /// All have.
    Completed,
    /// A trial or a verdict failed.
    Failed,
    /// A verdict asks for a review.
    NeedsReview,
    /// A verdict has not come yet.
    PendingVerdict,
}

const ADJECTIVES: [&str; 22] = [
    "amber", "brisk", "calm", "crisp", "daring", "eager", "frosty", "glossy", "jolly", "lucky", "mellow", "nimble",
    "proud", "quiet", "rapid", "rustic", "sable", "swift", "tidy", "vivid", "witty", "zen",
];

const NOUNS: [&str; 20] = [
    "atlas", "canyon", "comet", "delta", "ember", "forge", "harbor", "haven", "meadow", "orchard", "otter", "pine",
    "quartz", "ridge", "river", "signal", "summit", "valley", "vista", "willow",
];

const SUFFIX: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A new name such as `swift-otter-x1y2`: adjective, noun, and four of `[a-z0-9]`.
///
/// One in 740 million; names need not be unique, since an experiment is found by id or by its newest use of a name.
pub fn generate_experiment_name() -> String {
    let suffix: String = (0..4).filter_map(|_| pick(SUFFIX)).map(char::from).collect();
    let adjective = pick(&ADJECTIVES).unwrap_or_default();
    let noun = pick(&NOUNS).unwrap_or_default();
    format!("{adjective}-{noun}-{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_published_form() {
        for _ in 0..500 {
            let name = generate_experiment_name();
            let parts: Vec<&str> = name.split('-').collect();
            assert_eq!(parts.len(), 3, "{name}");
            assert!(ADJECTIVES.contains(&parts[0]) && NOUNS.contains(&parts[1]), "{name}");
            assert!(parts[2].len() == 4 && parts[2].bytes().all(|b| SUFFIX.contains(&b)), "{name}");
        }
    }

    #[test]
    fn names_differ() {
        let names: std::collections::BTreeSet<_> = (0..200).map(|_| generate_experiment_name()).collect();
        assert!(names.len() > 190, "{names:?}");
    }
}
