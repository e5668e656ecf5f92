//! Ctrl-C and `SIGTERM`: once to stop and clean up, twice to stop at once.

use imgpush_engine::CancellationToken;

use crate::exit_code;
use crate::printer::Printer;

/// A token that is cancelled by the first signal; the second ends the process.
pub(crate) fn token(printer: &Printer) -> CancellationToken {
    let token = CancellationToken::new();
    let (cancelled, printer) = (token.clone(), printer.clone());
    tokio::spawn(async move {
        signal().await;
        cancelled.cancel();
        signal().await;
        printer.note("stopped at once; the image record may be left behind");
        #[expect(clippy::exit, reason = "whoever asks twice does not want to wait for anything")]
        std::process::exit(exit_code::INTERRUPTED.number().into());
    });
    token
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        // Without that signal there is still the other.
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
