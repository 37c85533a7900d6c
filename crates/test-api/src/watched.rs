//! What watches the store of an API.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use oddish_artifacts::StoreError;
use oddish_test_doubles::{Access, Watch};
use tokio::sync::watch;

use crate::permissions;

/// Lets functions do what their roles allow, tells when keys were listed, and can be told not to delete.
#[derive(Debug, Default)]
pub struct Watched {
    listed: watch::Sender<u32>,
    keeps_all: AtomicBool,
}

impl Watched {
    /// Whether deletions fail from now on.
    pub fn keep_all(&self, keeps_all: bool) {
        self.keeps_all.store(keeps_all, Ordering::SeqCst);
    }

    /// Waits until keys are listed once more.
    pub async fn listed_again(&self) {
        let mut listed = self.listed.subscribe();
        let before = *listed.borrow_and_update();
        listed.wait_for(|times| *times > before).await.unwrap();
    }
}

#[async_trait]
impl Watch for Watched {
    async fn before(&self, access: Access, place: &str) -> Result<(), StoreError> {
        permissions::check(access, place);
        if access == Access::Delete && self.keeps_all.load(Ordering::SeqCst) {
            return Err(StoreError::NoBucket { place: "the bucket of this test".to_owned() });
        }
        Ok(())
    }

    fn listed(&self) {
        self.listed.send_modify(|times| *times += 1);
    }
}
