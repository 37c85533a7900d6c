//! The definition of an attack.

use anyhow::Result;

use super::machine::Machine;
use super::target::Target;
use super::verdict::Verdict;

/// An attack on the server that most share.
type OnShared = dyn Fn(&Machine, &Target) -> Result<Verdict> + Send + Sync;
/// An attack that starts servers of its own.
type OnOwn = dyn Fn(&Machine) -> Result<Verdict> + Send + Sync;

/// What is attacked.
pub(super) enum Setting {
    /// The server that most attacks share, side by side.
    Shared(Box<OnShared>),
    /// Servers that the attack starts itself, since it needs them as no other does, or takes them away from all others.
    Own(Box<OnOwn>),
}

/// One attack.
pub(super) struct Attack {
    /// Its name on the command line.
    pub(super) name: String,
    /// What is tried, in words.
    pub(super) tried: String,
    /// Whether it belongs to the set that takes no longer than three minutes.
    pub(super) quick: bool,
    pub(super) setting: Setting,
}

impl Attack {
    /// On the shared server.
    pub(super) fn shared(
        name: &str,
        tried: &str,
        attack: impl Fn(&Machine, &Target) -> Result<Verdict> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, tried, Setting::Shared(Box::new(attack)))
    }

    /// On servers of its own.
    pub(super) fn own(
        name: &str,
        tried: &str,
        attack: impl Fn(&Machine) -> Result<Verdict> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, tried, Setting::Own(Box::new(attack)))
    }

    fn new(name: &str, tried: &str, setting: Setting) -> Self {
        Self { name: name.to_owned(), tried: tried.to_owned(), quick: false, setting }
    }

    /// Takes it into the quick set.
    pub(super) fn quick(mut self, quick: bool) -> Self {
        self.quick = quick;
        self
    }
}
