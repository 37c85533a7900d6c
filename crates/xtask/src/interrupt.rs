//! Ctrl-C and SIGTERM: counted here, acted on where a child is waited for, so that clean-up code always runs.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};

static RECEIVED: AtomicUsize = AtomicUsize::new(0);

/// Takes over SIGINT, SIGTERM and SIGHUP of this process.
pub(crate) fn watch() -> Result<()> {
    ctrlc::set_handler(|| {
        RECEIVED.fetch_add(1, Ordering::SeqCst);
    })
    .context("can't install the handler for Ctrl-C")
}

/// How many of these signals came in so far.
pub(crate) fn received() -> usize {
    RECEIVED.load(Ordering::SeqCst)
}

/// Fails once a signal came in.
pub(crate) fn check() -> Result<()> {
    if received() > 0 {
        bail!("interrupted");
    }
    Ok(())
}
