//! What the exit code says, for scripts. `docs/exit-codes.md` is the page for their authors; a code
//! that is not on it means failure.

use std::sync::atomic::{AtomicU8, Ordering};

use imgpush_client::Error as ClientError;
use imgpush_engine::{ErrorKind, kind_of_call};

/// An exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Code(u8);

/// Everything is done and verified. Since 0.1.
pub(crate) const DONE: Code = Code(0);
/// Something failed that has no code of its own, or the result could not be written. Since 0.1.
pub(crate) const UNEXPECTED: Code = Code(1);
/// The command line or the configuration of the cloud is wrong. Since 0.1.
pub(crate) const USAGE: Code = of(ErrorKind::Usage);
/// The source cannot be read, is empty, or changed while it was read. Since 0.1.
pub(crate) const SOURCE: Code = of(ErrorKind::Source);
/// The data is not what it is said to be, is unsafe, or would be refused by the service; nothing was
/// sent, or of a stream not its end. Since 0.1.
pub(crate) const FORMAT: Code = of(ErrorKind::Format);
/// A file has another digest than it should, or than the image; or the list of checksums is not signed
/// by whom it should be. Since 0.1.
pub(crate) const SOURCE_DIFFERS: Code = of(ErrorKind::SourceDiffers);
/// An image has nothing that stops it, but something to look at first. Since 0.1.
pub(crate) const QUESTIONABLE: Code = Code(13);
/// The login was refused, or the project may not do this: 401, 403. Since 0.1.
pub(crate) const NOT_AUTHORISED: Code = of(ErrorKind::NotAuthorised);
/// The service refused the image: a quota, a value, a conflict. Since 0.1.
pub(crate) const REFUSED: Code = of(ErrorKind::Refused);
/// The service could not be reached, or the connection broke or stalled. Since 0.1.
pub(crate) const GAVE_UP: Code = of(ErrorKind::GaveUp);
/// The service holds something else than what was sent. Since 0.1.
pub(crate) const SERVER_DIFFERS: Code = of(ErrorKind::ServerDiffers);
/// A time-out; the result may still come. Since 0.1.
pub(crate) const WAITED_TOO_LONG: Code = of(ErrorKind::WaitedTooLong);
/// What the service holds cannot be compared with what was sent. Since 0.1.
pub(crate) const CANNOT_VERIFY: Code = of(ErrorKind::CannotVerify);
/// Of several clouds, or several images, some have come to what was asked for, and others not. Since 0.1.
pub(crate) const PARTIAL: Code = Code(27);
/// Interrupted by a signal; as a number 130 after Ctrl-C and `SIGTERM`, 129 after `SIGHUP`, 131 after
/// `SIGQUIT`. Since 0.1.
pub(crate) const INTERRUPTED: Code = of(ErrorKind::Interrupted);

/// [`INTERRUPTED`] as a number. Signals are those of the process, so this is one for the process.
static INTERRUPTED_NUMBER: AtomicU8 = AtomicU8::new(INTERRUPTED.0);

/// Sets the number of [`INTERRUPTED`], which is that of the signal.
pub(crate) fn set_interrupted_by(number: u8) {
    INTERRUPTED_NUMBER.store(number, Ordering::Relaxed);
}

impl Code {
    /// The code with this number, from the command line or from another run.
    pub(crate) fn of_number(number: u8) -> Code {
        Code(number)
    }

    /// This one of a failure; that of an unexpected one for a command that had none, with warnings or not.
    pub(crate) fn unless_done_or_warned(self) -> Code {
        if [DONE, QUESTIONABLE].contains(&self) { UNEXPECTED } else { self }
    }

    /// This one, unless it says that all is well.
    pub(crate) fn or(self, other: Code) -> Code {
        if self == DONE { other } else { self }
    }

    /// As a number, for `--json`.
    pub(crate) fn number(self) -> u8 {
        if self == INTERRUPTED { INTERRUPTED_NUMBER.load(Ordering::Relaxed) } else { self.0 }
    }
}

impl From<Code> for std::process::ExitCode {
    fn from(code: Code) -> Self {
        code.number().into()
    }
}

/// The code of several pushes, or pulls, at once: what all came to, or that they did not come to the same. An
/// interruption is one for all.
pub(crate) fn of_all(codes: &[Code]) -> Code {
    let first = codes.first().copied().unwrap_or(DONE);
    match () {
        () if codes.contains(&INTERRUPTED) => INTERRUPTED,
        () if codes.contains(&DONE) && codes.iter().any(|code| *code != DONE) => PARTIAL,
        () => first,
    }
}

/// The worst code of several images that were compared. What is known to differ is worse than what is not
/// known, and an interruption is one for all.
pub(crate) fn worst(codes: &[Code]) -> Code {
    /// From the best to the worst.
    const ORDER: [Code; 9] = [
        DONE,
        GAVE_UP,
        REFUSED,
        NOT_AUTHORISED,
        SOURCE,
        CANNOT_VERIFY,
        SOURCE_DIFFERS,
        SERVER_DIFFERS,
        INTERRUPTED,
    ];
    // One that is not in the order is some failure, between what is not known and what differs.
    let rank = |code: &Code| {
        let is_known = ORDER.contains(code);
        ORDER.iter().position(|other| if is_known { other == code } else { *other == SOURCE })
    };
    codes.iter().copied().max_by_key(rank).unwrap_or(DONE)
}

/// Whether something failed, and every failure is one of the service or the network, which may not last.
pub(crate) fn is_transient(codes: &[Code]) -> bool {
    let mut failures = codes.iter().filter(|code| **code != DONE).peekable();
    failures.peek().is_some() && failures.all(|code| [GAVE_UP, WAITED_TOO_LONG].contains(code))
}

/// The code of a failure of this kind.
pub(crate) const fn of(kind: ErrorKind) -> Code {
    Code(imgpush_engine::exit_code(kind))
}

/// The code of a call that failed.
pub(crate) fn of_client(error: &ClientError) -> Code {
    of(kind_of_call(error))
}
