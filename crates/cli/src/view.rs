//! Tasks, trials and experiments as text: what several commands show.

pub(crate) mod api_key;
pub(crate) mod change;
pub(crate) mod comparison;
pub(crate) mod experiment;
pub(crate) mod figures;
pub(crate) mod queue;
pub(crate) mod results;
pub(crate) mod table;
pub(crate) mod task;
pub(crate) mod trial;
