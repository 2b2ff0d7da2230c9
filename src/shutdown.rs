//! The signal to stop: SIGINT or SIGTERM asks for a graceful end, a second one ends the process at
//! once.
//!
//! It only tells; each part drains by itself when it hears.

use tokio::sync::watch;

/// Exit code after a second signal: 128 + SIGINT, as shells count it.
const ABORTED: i32 = 130;

/// The side that waits or asks. Clones hear the same signal.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown {
    requested: watch::Receiver<bool>,
}

/// The side that tells. Dropping it tells too, so that nobody waits for a listener that died.
#[derive(Debug)]
pub(crate) struct Trigger {
    requested: watch::Sender<bool>,
}

pub(crate) fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (
        Trigger { requested: sender },
        Shutdown {
            requested: receiver,
        },
    )
}

impl Trigger {
    pub(crate) fn request(&self) {
        self.requested.send_replace(true);
    }
}

impl Shutdown {
    #[cfg(test)]
    fn is_requested(&self) -> bool {
        *self.requested.borrow() || self.requested.has_changed().is_err()
    }

    /// Ends when the stop is requested.
    pub(crate) async fn requested(mut self) {
        if self
            .requested
            .wait_for(|requested| *requested)
            .await
            .is_err()
        {
            // The trigger is gone, which counts as a request.
        }
    }
}

/// Waits for signals for as long as the process lives; to be run as a task of its own.
pub(crate) async fn listen(trigger: Trigger) {
    next_signal().await;
    tracing::info!("stopping; a second signal ends at once");
    trigger.request();
    next_signal().await;
    std::process::exit(ABORTED);
}

#[cfg(unix)]
async fn next_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut stream) => {
                stream.recv().await;
            }
            Err(error) => never(&error).await,
        }
    };
    tokio::select! {
        () = interrupt() => {}
        () = terminate => {}
    }
}

#[cfg(not(unix))]
async fn next_signal() {
    interrupt().await;
}

async fn interrupt() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        never(&error).await;
    }
}

/// A handler that cannot be installed must not look like a signal.
async fn never(error: &std::io::Error) {
    tracing::warn!(%error, "cannot listen for a signal");
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::channel;

    #[tokio::test]
    async fn every_clone_hears_the_request() {
        let (trigger, shutdown) = channel();
        let other = shutdown.clone();
        assert!(!shutdown.is_requested());
        trigger.request();
        assert!(shutdown.is_requested() && other.is_requested());
        shutdown.requested().await;
        other.requested().await;
    }

    #[tokio::test]
    async fn a_lost_trigger_counts_as_a_request() {
        let (trigger, shutdown) = channel();
        drop(trigger);
        assert!(shutdown.is_requested());
        shutdown.requested().await;
    }
}
