//! `--fail-under`: the least headline that a command exits with 0 for.

use oddish_api_types::{AgentResults, ResultsResponse};

use crate::view::figures::number;
use crate::view::results::combination;

/// A number that a headline can be compared with.
pub(crate) fn bar(text: &str) -> Result<f64, String> {
    text.parse::<f64>().ok().filter(|bar| bar.is_finite()).ok_or_else(|| "it is a number, such as 0.5".into())
}

/// What is said of each agent and model whose headline does not reach the bar. A refused headline does not reach it, and neither do results without
/// an agent.
pub(crate) fn shortfalls(results: &ResultsResponse, bar: f64) -> Vec<String> {
    if results.agents.is_empty() {
        return vec![format!("there is no trial, so that no reward reaches {}", number(bar))];
    }
    results.agents.iter().filter_map(|agent| shortfall(agent, bar)).collect()
}

fn shortfall(agent: &AgentResults, bar: f64) -> Option<String> {
    let name = combination(&agent.agent, agent.model.as_deref());
    match &agent.headline {
        Some(headline) if headline.value >= bar => None,
        Some(headline) => Some(format!("the reward of {name} is {}, below {}", number(headline.value), number(bar))),
        None => {
            Some(format!("{name} has no headline reward to compare with {}: too few trials are graded", number(bar)))
        }
    }
}
