//! Comparing the agents and models of two experiments, or of one with itself.

use std::collections::BTreeSet;

use oddish_api_types::{
    AgentAndModel, CompareQuery, CompareResponse, ComparedExperiment, ComparedSide, Comparison, Flip, FlipDirection,
    Halving, McNemarTest, OtherDifference, PassCount,
};
use oddish_db::{Db, trial_outcomes};
use oddish_domain::statistics::{
    self, Combination, Direction, SideOfComparison, Tallies, TrialsToHalve, pair_combinations,
};

use super::{Versioned, computed, present, rules, tallying, version, versions};
use crate::Error;

/// Most flips of an answer.
const MAX_FLIPS: usize = 1_000;
/// Most names and values of what else differs.
const MAX_NAMES: usize = 10;

/// Compares an experiment with another one: the right side, which the query names.
/// `knows` tells of a version whether the caller has that answer, which is not worked out then.
pub async fn compare(
    db: &Db,
    experiment_id: &str,
    query: CompareQuery,
    knows: impl Fn(&str) -> bool,
) -> Result<Versioned<CompareResponse>, Error> {
    let threshold = query.pass_threshold.unwrap_or(1.0);
    let rules = rules(threshold, 0.0)?;
    let [left_version, right_version] = versions(db, [experiment_id, &query.with]).await?;
    let sides = (&query.agent, &query.model, &query.with_agent, &query.with_model);
    let version = version([&left_version, &right_version], (threshold.to_bits(), sides));
    if knows(&version) {
        return Ok(Versioned { version, answer: None });
    }
    let is_itself = experiment_id == query.with;
    let ids = [experiment_id.to_owned(), query.with.clone()];
    let trials = trial_outcomes::alike(db, &ids).await?;
    let left_id = experiment_id.to_owned();
    let work = move || {
        let (left, right): (Vec<_>, Vec<_>) = trials.into_iter().partition(|trials| trials.experiment_id == left_id);
        let left = tallying::tallies(left, &rules);
        let right = if is_itself { left.clone() } else { tallying::tallies(right, &rules) };
        let chosen_left = chosen(&left, &left_id, query.agent.as_deref(), query.model.as_deref())?;
        let agent = query.with_agent.as_ref().or(query.agent.as_ref());
        let model = query.with_model.as_ref().or(query.model.as_ref());
        let chosen_right = chosen(&right, &query.with, agent.map(String::as_str), model.map(String::as_str))?;
        let pairing = pair_combinations(&chosen_left, &chosen_right);
        let compared = pairing.pairs.iter().filter_map(|pair| {
            let (left, right) = (left.combinations.get(&pair.0)?, right.combinations.get(&pair.1)?);
            Some(presented(pair, statistics::compare(left, right)))
        });
        let unpaired = |combinations: Vec<Combination>| combinations.into_iter().map(agent_and_model).collect();
        Ok::<_, Error>(CompareResponse {
            pass_threshold: rules.pass_threshold(),
            comparisons: compared.collect(),
            left: ComparedExperiment {
                experiment_id: left_id,
                experiment_name: left_version.name,
                data_version: left_version.data_version,
                unpaired: unpaired(pairing.left_only),
            },
            right: ComparedExperiment {
                experiment_id: query.with,
                experiment_name: right_version.name,
                data_version: right_version.data_version,
                unpaired: unpaired(pairing.right_only),
            },
        })
    };
    Ok(Versioned { version, answer: Some(computed(work).await??) })
}

/// The agents and models of a side that the reader asks for.
fn chosen(
    tallies: &Tallies,
    experiment_id: &str,
    agent: Option<&str>,
    model: Option<&str>,
) -> Result<BTreeSet<Combination>, Error> {
    let is_chosen = |combination: &&Combination| {
        agent.is_none_or(|agent| combination.agent == agent)
            && model.is_none_or(|model| combination.model.as_deref() == Some(model))
    };
    let chosen: BTreeSet<Combination> = tallies.combinations.keys().filter(is_chosen).cloned().collect();
    if chosen.is_empty() && !tallies.combinations.is_empty() {
        let name = |combination: &Combination| match &combination.model {
            Some(model) => format!("{} with {model}", combination.agent),
            None => format!("{} without a model", combination.agent),
        };
        let names: Vec<String> = tallies.combinations.keys().take(MAX_NAMES).map(name).collect();
        return Err(Error::refused(format!(
            "Experiment {experiment_id} has no trials of {} with {}. It has: {}",
            agent.unwrap_or("any agent"),
            model.unwrap_or("any model"),
            names.join(", ")
        )));
    }
    Ok(chosen)
}

fn agent_and_model(combination: Combination) -> AgentAndModel {
    AgentAndModel { agent: combination.agent, model: combination.model }
}

fn presented((left, right): &(Combination, Combination), compared: statistics::Comparison) -> Comparison {
    let count = |direction| compared.flips.iter().filter(|flip| flip.direction == direction).count() as u64;
    Comparison {
        left: side(left, &compared.left),
        right: side(right, &compared.right),
        pairs: compared.pairs,
        losses: count(Direction::Loss),
        gains: count(Direction::Gain),
        difference: compared.difference.map(present::estimate),
        test: compared.test.map(|test| McNemarTest { losses: test.losses, gains: test.gains, p: test.p }),
        smallest_difference: compared.smallest_difference,
        halving: compared.halving.map(|halving| Halving {
            more_tasks: halving.more_tasks,
            times_the_trials: match halving.trials {
                TrialsToHalve::Times(times) => Some(times),
                TrialsToHalve::NoNumberOfTrials => None,
            },
        }),
        flips: compared.flips.into_iter().take(MAX_FLIPS).map(flip).collect(),
        differs: compared.differs.into_iter().map(difference).collect(),
    }
}

fn side(combination: &Combination, side: &SideOfComparison) -> ComparedSide {
    ComparedSide {
        agent: combination.agent.clone(),
        model: combination.model.clone(),
        coverage: present::coverage(&side.coverage),
        value: side.value.map(present::estimate),
        graded_here_only: side.graded_here_only,
    }
}

fn flip(flip: statistics::Flip) -> Flip {
    let count = |count: statistics::PassCount| PassCount { passes: count.passes, graded: count.graded };
    Flip {
        task: flip.task,
        direction: match flip.direction {
            Direction::Loss => FlipDirection::Loss,
            Direction::Gain => FlipDirection::Gain,
        },
        left: count(flip.left),
        right: count(flip.right),
    }
}

fn difference(difference: statistics::Difference) -> OtherDifference {
    let values = |values: BTreeSet<String>| values.into_iter().take(MAX_NAMES).collect();
    OtherDifference {
        aspect: difference.aspect.as_str().to_owned(),
        task_count: difference.tasks.len() as u64,
        tasks: difference.tasks.into_iter().take(MAX_NAMES).collect(),
        left: values(difference.left),
        right: values(difference.right),
    }
}
