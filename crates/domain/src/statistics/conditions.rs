//! Conditions under which trials ran, and their differences between two sides that are compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::status::words;

words! {
    /// What can move a result and is neither the agent nor the model.
    Aspect, "aspect",
    /// The task's files: their content hash.
    TaskContent = "task_content",
    /// The version of Harbor that ran the trial.
    HarborVersion = "harbor_version",
    /// The time-outs of agent, verifier and set-up.
    TimeOuts = "time_outs",
    /// CPUs, memory, disk, GPUs of the sandbox.
    Resources = "resources",
    /// Where the sandbox ran, and its network.
    Environment = "environment",
}

/// The conditions under which the trials of one task ran: every value that was seen of each aspect. What was not noted is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions(BTreeMap<Aspect, BTreeSet<String>>);

/// An aspect in which paired tasks ran under other conditions on the two sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The aspect.
    pub aspect: Aspect,
    /// Names of the tasks in which it differs, in order.
    pub tasks: Vec<String>,
    /// The values of these tasks on the left side; empty where they are unknown.
    pub left: BTreeSet<String>,
    /// The values of these tasks on the right side; empty where they are unknown.
    pub right: BTreeSet<String>,
}

impl Conditions {
    /// Notes a value that a trial ran under.
    pub fn note(&mut self, aspect: Aspect, value: &str) {
        let values = self.0.entry(aspect).or_default();
        if !values.contains(value) {
            values.insert(value.to_owned());
        }
    }

    fn values(&self, aspect: Aspect) -> impl Iterator<Item = &String> {
        self.0.get(&aspect).into_iter().flatten()
    }
}

/// The aspects in which pairs of tasks differ. One that is known on one side only is listed: nobody knows that it is the same.
pub(super) fn differences<'tasks>(
    pairs: &(impl Iterator<Item = (&'tasks str, &'tasks Conditions, &'tasks Conditions)> + Clone),
) -> Vec<Difference> {
    let of = |&aspect: &Aspect| {
        let mut found = Difference { aspect, tasks: Vec::new(), left: BTreeSet::default(), right: BTreeSet::default() };
        for (task, left, right) in pairs.clone() {
            if !left.values(aspect).eq(right.values(aspect)) {
                found.tasks.push(task.to_owned());
                found.left.extend(left.values(aspect).cloned());
                found.right.extend(right.values(aspect).cloned());
            }
        }
        (!found.tasks.is_empty()).then_some(found)
    };
    Aspect::ALL.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(noted: &[(Aspect, &str)]) -> Conditions {
        let mut conditions = Conditions::default();
        for (aspect, value) in noted {
            conditions.note(*aspect, value);
        }
        conditions
    }

    #[test]
    fn what_differs_is_named_with_its_tasks() {
        use Aspect::{HarborVersion, Resources, TaskContent};
        let one = conditions(&[(TaskContent, "aa"), (HarborVersion, "0.26.0"), (Resources, "2 CPUs")]);
        let changed = conditions(&[(TaskContent, "bb"), (HarborVersion, "0.26.0"), (HarborVersion, "0.27.0")]);
        let pairs = [("same", &one, &one), ("changed", &one, &changed)];
        let set = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<BTreeSet<_>>();
        let difference = |aspect, left: &[&str], right: &[&str]| Difference {
            aspect,
            tasks: vec!["changed".to_owned()],
            left: set(left),
            right: set(right),
        };
        let expected = [
            difference(TaskContent, &["aa"], &["bb"]),
            difference(HarborVersion, &["0.26.0"], &["0.26.0", "0.27.0"]),
            difference(Resources, &["2 CPUs"], &[]),
        ];
        assert_eq!(differences(&pairs.into_iter()), expected);
    }
}
