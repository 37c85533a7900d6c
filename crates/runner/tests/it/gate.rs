//! A store that takes files of a name only when a test lets it.

use async_trait::async_trait;
use oddish_artifacts::StoreError;
use oddish_test_doubles::{Access, Watch};
use tokio::sync::watch;

/// The end of the names of files that wait.
pub(crate) const SLOW: &str = ".slow";

#[derive(Debug)]
pub(crate) struct Gate {
    opened: watch::Sender<bool>,
    waiting: watch::Sender<bool>,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        Self { opened: watch::Sender::new(false), waiting: watch::Sender::new(false) }
    }

    pub(crate) fn open(&self) {
        self.opened.send_replace(true);
    }

    /// Waits until a file waits.
    pub(crate) async fn waits(&self) {
        self.waiting.subscribe().wait_for(|waiting| *waiting).await.unwrap();
    }
}

#[async_trait]
impl Watch for Gate {
    async fn before(&self, access: Access, place: &str) -> Result<(), StoreError> {
        if access == Access::WriteFile && place.ends_with(SLOW) {
            self.waiting.send_replace(true);
            self.opened.subscribe().wait_for(|opened| *opened).await.unwrap();
        }
        Ok(())
    }
}
