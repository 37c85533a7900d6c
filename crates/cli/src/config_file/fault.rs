//! What is wrong with a file.

use std::cell::RefCell;
use std::fmt;

use oddish_domain::yaml::Place;

/// Something wrong, and where. The text is safe to print.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// All that is wrong with a file, as it is found.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, place: Place, text: String) {
        self.0.borrow_mut().push(Fault { place, text });
    }

    /// What was found, in the order of the file.
    pub(crate) fn into_lines(self) -> Vec<String> {
        let mut faults = self.0.into_inner();
        faults.sort();
        faults.dedup();
        faults.iter().map(ToString::to_string).collect()
    }
}
