//! Notices that nobody reads the output any more, also while there is nothing to write.

use std::future::pending;

/// Ends when the reader of stdout has gone; never where that cannot be known, as with a file.
pub(super) async fn unread() {
    if reader_gone().await.is_none() {
        pending::<()>().await;
    }
}

#[cfg(unix)]
async fn reader_gone() -> Option<()> {
    use std::os::fd::AsFd;

    use tokio::io::Interest;
    use tokio::net::unix::pipe::Sender;

    // A descriptor of its own: watching it must not close stdout at the end.
    let output = std::io::stdout().as_fd().try_clone_to_owned().ok()?;
    // Unchecked, because the check would make stdout non-blocking for everybody who shares it, and
    // this side never writes. The system refuses to watch a file.
    let output = Sender::from_owned_fd_unchecked(output).ok()?;
    output.ready(Interest::ERROR).await.ok().map(drop)
}

#[cfg(not(unix))]
async fn reader_gone() -> Option<()> {
    None
}
