//! Which trials of a target are meant.

use std::collections::BTreeSet;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use oddish_api_types::{FailureClass, TrialResponse, TrialStatus};
use oddish_domain::queue_key::normal_form;

use crate::client::Client;
use crate::failure::Failure;
use crate::naming;

/// Which trials are meant. All that are given must hold; of one that is repeated, one value.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Which trials")]
pub(crate) struct FilterArgs {
    /// Those that failed, or whose last attempt did
    #[arg(long)]
    pub(crate) failed: bool,

    /// Those of this agent; can be repeated
    #[arg(short, long, value_name = "AGENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) agent: Vec<String>,

    /// Those of this model, in any spelling; can be repeated
    #[arg(short, long, value_name = "MODEL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) model: Vec<String>,

    /// Those with an error of this class, such as infrastructure; can be repeated
    #[arg(long, value_name = "CLASS")]
    pub(crate) error_class: Vec<FailureClass>,

    /// Those of this task; can be repeated
    #[arg(long, value_name = "TASK", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) task: Vec<String>,
}

impl FilterArgs {
    /// Whether all trials are meant.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { failed, agent, model, error_class, task } = self;
        !failed && agent.is_empty() && model.is_empty() && error_class.is_empty() && task.is_empty()
    }
}

/// A filter whose tasks are known by their ids.
#[derive(Debug)]
pub(crate) struct Filter {
    failed: bool,
    agents: Vec<String>,
    models: Vec<String>,
    error_classes: Vec<FailureClass>,
    task_ids: BTreeSet<String>,
}

impl Filter {
    /// Looks for the tasks that are named.
    pub(crate) async fn find(client: &Client, args: &FilterArgs) -> Result<Self, Failure> {
        let mut task_ids = BTreeSet::new();
        for text in &args.task {
            task_ids.insert(naming::task(client, text).await?.id);
        }
        Ok(Self {
            failed: args.failed,
            agents: args.agent.clone(),
            models: args.model.iter().map(|model| normal_form(model)).collect(),
            error_classes: args.error_class.clone(),
            task_ids,
        })
    }

    /// Whether a trial is meant.
    pub(crate) fn takes(&self, trial: &TrialResponse) -> bool {
        let failed = matches!(trial.status, TrialStatus::Failed | TrialStatus::Retrying);
        let model = trial.model.as_deref().map(normal_form);
        (!self.failed || failed)
            && (self.agents.is_empty() || self.agents.contains(&trial.agent))
            && (self.models.is_empty() || model.is_some_and(|model| self.models.contains(&model)))
            && (self.error_classes.is_empty()
                || trial.error_class.is_some_and(|class| self.error_classes.contains(&class)))
            && (self.task_ids.is_empty() || self.task_ids.contains(&trial.task_id))
    }
}
