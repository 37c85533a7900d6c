//! From trials as the database counts them to tallies.

use oddish_db::trial_outcomes::{AlikeTrials, Used};
use oddish_domain::statistics::{Aspect, Combination, Conditions, KnownSum, Rules, Tallies, TrialOutcome, Usage};
use serde_json::{Map, Value};

/// The tallies of one experiment.
pub(super) fn tallies(trials: impl IntoIterator<Item = AlikeTrials>, rules: &Rules) -> Tallies {
    let mut tallies = Tallies::default();
    for alike in trials {
        let outcome = TrialOutcome {
            status: alike.status,
            reward: alike.reward,
            unconfirmed: alike.unconfirmed,
            verification_disabled: alike.verification_disabled,
            cancelled: alike.cancelled,
            failure: alike.error_class,
        };
        let combination = tallies.of(&Combination { agent: alike.agent, model: alike.model });
        let task = combination.task(&alike.task);
        for _ in 0..alike.trials {
            task.count(&outcome, rules);
        }
        task.conditions.note(Aspect::TaskContent, &alike.content_hash);
        for (aspect, settings) in [
            (Aspect::TimeOuts, alike.time_outs),
            (Aspect::Resources, alike.resources),
            (Aspect::Environment, alike.environment),
        ] {
            note(&mut task.conditions, aspect, settings.map(|settings| settings.0));
        }
        add(&mut combination.usage, &alike.used, alike.attempts);
    }
    tallies
}

/// Notes settings as one text. Without any, what the task says holds; trials that ran elsewhere have unknown ones.
fn note(conditions: &mut Conditions, aspect: Aspect, settings: Option<Map<String, Value>>) {
    let Some(settings) = settings else { return };
    let text = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name}={text}"),
        value => format!("{name}={value}"),
    };
    let texts: Vec<String> = settings.iter().map(text).collect();
    let texts = if texts.is_empty() { "the task's own".to_owned() } else { texts.join(", ") };
    conditions.note(aspect, &texts);
}

fn add(usage: &mut Usage, used: &Used, attempts: i64) {
    for (sum, value, known) in [
        (&mut usage.cost_usd, used.cost_usd, used.cost_usd_known),
        (&mut usage.input_tokens, used.input_tokens, used.input_tokens_known),
        (&mut usage.cache_tokens, used.cache_tokens, used.cache_tokens_known),
        (&mut usage.output_tokens, used.output_tokens, used.output_tokens_known),
        (&mut usage.seconds, used.seconds, used.seconds_known),
    ] {
        let known = u64::try_from(known).unwrap_or_default();
        // An attempt that says what it used has begun.
        let of = u64::try_from(attempts).unwrap_or_default().max(known);
        *sum = KnownSum { sum: sum.sum + value, known: sum.known + known, of: sum.of + of };
    }
}
