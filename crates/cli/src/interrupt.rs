//! Ctrl-C, `SIGTERM`, `SIGHUP` and `SIGQUIT`: once to stop and clean up, twice to stop at once.
//!
//! A signal that was ignored when the program started stays ignored: `nohup` does that with `SIGHUP`, a shell
//! without job control with `SIGINT` and `SIGQUIT` of what it runs in the background.

use imgpush_engine::CancellationToken;

use crate::exit_code;
use crate::printer::Printer;

/// A token that is cancelled by the first signal; the second ends the process.
pub(crate) fn token(printer: &Printer) -> CancellationToken {
    let token = CancellationToken::new();
    let (cancelled, printer) = (token.clone(), printer.clone());
    // First of all: a signal without a handler ends the process.
    let mut signals = Signals::new();
    tokio::spawn(async move {
        let first = signals.next().await;
        exit_code::set_interrupted_by(first.code);
        cancelled.cancel();
        // A terminal that closes hangs up more than once; that asks for nothing more.
        while signals.next().await.is_hangup {}
        printer.note("stopped immediately; an image record may be left");
        #[expect(clippy::exit, reason = "a second signal asks to end at once")]
        std::process::exit(exit_code::INTERRUPTED.number().into());
    });
    token
}

/// A signal that asks for an end.
#[derive(Clone, Copy)]
struct EndSignal {
    /// The exit code after it.
    code: u8,
    is_hangup: bool,
}

/// Those that ask for an end. One that cannot be heard of is never heard of.
#[cfg(unix)]
struct Signals(Vec<(EndSignal, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let ignored = ignored_signals();
        let kinds = [
            (SignalKind::interrupt(), 130),
            // Since 0.1.
            (SignalKind::terminate(), 130),
            (SignalKind::hangup(), 129),
            (SignalKind::quit(), 131),
        ];
        let is_ignored = |kind: SignalKind| {
            let bit = u32::try_from(kind.as_raw_value() - 1).ok();
            bit.and_then(|bit| ignored.checked_shr(bit)).is_some_and(|rest| rest & 1 == 1)
        };
        let heard = |(kind, code)| {
            let meaning = EndSignal { code, is_hangup: kind == SignalKind::hangup() };
            Some((meaning, signal(kind).ok()?))
        };
        Signals(
            kinds.into_iter().filter(|(kind, _)| !is_ignored(*kind)).filter_map(heard).collect(),
        )
    }

    async fn next(&mut self) -> EndSignal {
        use std::task::Poll;
        std::future::poll_fn(|cx| {
            let came = self.0.iter_mut().find_map(|(meaning, signal)| {
                matches!(signal.poll_recv(cx), Poll::Ready(Some(()))).then_some(*meaning)
            });
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The signals that the process ignores, a bit each, the lowest for signal 1. On Linux only; other systems tell
/// it by calls that are not safe in Rust.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Signals
    }

    async fn next(&mut self) -> EndSignal {
        // One that cannot be heard of is never heard of.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
        EndSignal { code: 130, is_hangup: false }
    }
}
