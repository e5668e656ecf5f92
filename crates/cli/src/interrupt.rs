//! Ctrl-C and `SIGTERM`: once to stop and clean up, twice to stop at once.

use imgpush_engine::CancellationToken;

use crate::exit_code;
use crate::printer::Printer;

/// A token that is cancelled by the first signal; the second ends the process.
pub(crate) fn token(printer: &Printer) -> CancellationToken {
    let token = CancellationToken::new();
    let (cancelled, printer) = (token.clone(), printer.clone());
    // Before anything else is done: a signal that nobody waits for ends the process.
    let mut signals = Signals::new();
    tokio::spawn(async move {
        signals.next().await;
        cancelled.cancel();
        signals.next().await;
        printer.note("stopped at once; the image record may be left behind");
        #[expect(clippy::exit, reason = "whoever asks twice does not want to wait for anything")]
        std::process::exit(exit_code::INTERRUPTED.number().into());
    });
    token
}

/// Those that ask for an end. One that cannot be heard of is never heard of.
#[cfg(unix)]
struct Signals([Option<tokio::signal::unix::Signal>; 2]);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Signals(kinds.map(|kind| signal(kind).ok()))
    }

    async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            Some(()) = heard(interrupt) => {}
            Some(()) = heard(terminate) => {}
            else => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
async fn heard(signal: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    signal.as_mut()?.recv().await
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Signals
    }

    async fn next(&mut self) {
        // One that cannot be heard of is never heard of.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
