//! From statistics to what clients read.

use oddish_api_types::{
    AgentResults, Coverage, Estimate, Interval, IntervalMethod, KnownSum, PassRate, RefusedHeadline, UngradedReason,
    UngradedTrials, Usage,
};
use oddish_domain::statistics::{self, Headline, Method, ResultRow, Rules, Ungraded};

pub(super) fn row(row: ResultRow, rules: &Rules) -> AgentResults {
    let (headline, headline_refused) = match row.headline {
        Headline::Shown(shown) => (Some(estimate(shown)), None),
        Headline::Refused(bounds) => {
            let refused = RefusedHeadline {
                reason: format!(
                    "{} of {} trials are graded, and a headline needs {} %",
                    row.coverage.graded,
                    row.coverage.counted,
                    rules.coverage_bar() * 100.0
                ),
                ungraded_as_zero: bounds.ungraded_as_zero,
                ungraded_as_one: bounds.ungraded_as_one,
            };
            (None, Some(refused))
        }
        Headline::Nothing => (None, None),
    };
    let rate = |rate: statistics::PassRate| PassRate {
        k: rate.k,
        pass_at_k: estimate(rate.at_least_one),
        pass_all_k: estimate(rate.all),
    };
    AgentResults {
        agent: row.combination.agent,
        model: row.combination.model,
        coverage: coverage(&row.coverage),
        graded_tasks: row.graded_tasks,
        ungraded_tasks: row.ungraded_tasks,
        headline,
        headline_refused,
        pass_rates: row.pass_rates.into_iter().map(rate).collect(),
        mixed: row.mixed.map(estimate),
        usage: Usage {
            cost_usd: known_sum(&row.usage.cost_usd),
            input_tokens: known_sum(&row.usage.input_tokens),
            cache_tokens: known_sum(&row.usage.cache_tokens),
            output_tokens: known_sum(&row.usage.output_tokens),
            seconds: known_sum(&row.usage.seconds),
        },
    }
}

pub(super) fn estimate(estimate: statistics::Estimate) -> Estimate {
    let interval = |interval: statistics::Interval| Interval {
        low: interval.low,
        high: interval.high,
        method: match interval.method {
            Method::Wilson => IntervalMethod::Wilson,
            Method::Bootstrap => IntervalMethod::Bootstrap,
        },
    };
    Estimate {
        value: estimate.value,
        interval: estimate.interval.map(interval),
        tasks: estimate.tasks,
        few_tasks: estimate.has_few_tasks(),
    }
}

pub(super) fn coverage(coverage: &statistics::Coverage) -> Coverage {
    let ungraded = coverage.ungraded.iter().map(|(&reason, &trials)| {
        let (reason, error_class) = match reason {
            Ungraded::Waiting => (UngradedReason::Waiting, None),
            Ungraded::Running => (UngradedReason::Running, None),
            Ungraded::Failed(class) => (UngradedReason::Failed, Some(class)),
            Ungraded::Cancelled => (UngradedReason::Cancelled, None),
            Ungraded::NotVerified => (UngradedReason::NotVerified, None),
            Ungraded::NoScalarReward => (UngradedReason::NoScalarReward, None),
            Ungraded::Unconfirmed => (UngradedReason::Unconfirmed, None),
        };
        UngradedTrials { reason, error_class, trials }
    });
    Coverage {
        graded: coverage.graded,
        trials: coverage.counted,
        share: coverage.share(),
        ungraded: ungraded.collect(),
    }
}

fn known_sum(sum: &statistics::KnownSum) -> KnownSum {
    KnownSum { sum: sum.value(), known: sum.known, of: sum.of }
}
