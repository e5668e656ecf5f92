//! What the exit code says, for scripts. `docs/exit-codes.md` is the page for their authors; a code
//! that is not on it means failure.

use imgpush_client::Error as ClientError;
use imgpush_engine::{ErrorKind, kind_of_call};

/// An exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Code(u8);

/// Everything asked for is done and proved. Since 0.1.
pub(crate) const DONE: Code = Code(0);
/// Something failed that has no code of its own. Since 0.1.
pub(crate) const UNEXPECTED: Code = Code(1);
/// The command line or the configuration of the cloud is wrong. Since 0.1.
pub(crate) const USAGE: Code = Code(2);
/// The source cannot be read, is empty, or changed while it was read. Since 0.1.
pub(crate) const SOURCE: Code = Code(10);
/// The data is not what it is said to be, is unsafe, or would be refused by the service; nothing was
/// sent, or of a stream not its end. Since 0.1.
pub(crate) const FORMAT: Code = Code(11);
/// A file has another digest than it should, or than the image; or the list of checksums is not signed
/// by whom it should be. Since 0.1.
pub(crate) const SOURCE_DIFFERS: Code = Code(12);
/// An image has nothing that stops it, but something to look at first. Since 0.1.
pub(crate) const QUESTIONABLE: Code = Code(13);
/// The login was refused, or the project may not do this: 401, 403. Since 0.1.
pub(crate) const NOT_AUTHORISED: Code = Code(20);
/// The service refused the image: a quota, a value, a conflict. Since 0.1.
pub(crate) const REFUSED: Code = Code(21);
/// The service could not be reached, or the connection broke or stalled. Since 0.1.
pub(crate) const GAVE_UP: Code = Code(22);
/// The service holds something else than what was sent. Since 0.1.
pub(crate) const SERVER_DIFFERS: Code = Code(23);
/// An import failed, an image that was waited for did not become active, or one that is proved is not in
/// all its stores or has not replaced all others. Since 0.1.
pub(crate) const IMPORT_FAILED: Code = Code(24);
/// What was waited for has not come in time. Since 0.1.
pub(crate) const WAITED_TOO_LONG: Code = Code(25);
/// What the service holds cannot be compared with what was sent. Since 0.1.
pub(crate) const CANNOT_VERIFY: Code = Code(26);
/// Of several clouds, or several images, some have come to what was asked for, and others not. Since 0.1.
pub(crate) const PARTIAL: Code = Code(27);
/// Interrupted by Ctrl-C or `SIGTERM`. Since 0.1.
pub(crate) const INTERRUPTED: Code = Code(130);

impl Code {
    /// This one, unless it says that all is well.
    pub(crate) fn or(self, other: Code) -> Code {
        if self == DONE { other } else { self }
    }

    /// As a number, for `--json`.
    pub(crate) fn number(self) -> u8 {
        self.0
    }
}

impl From<Code> for std::process::ExitCode {
    fn from(code: Code) -> Self {
        code.0.into()
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

/// The code of a failure of this kind.
pub(crate) fn of(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Usage => USAGE,
        ErrorKind::Source => SOURCE,
        ErrorKind::Format => FORMAT,
        ErrorKind::SourceDiffers => SOURCE_DIFFERS,
        ErrorKind::NotAuthorised => NOT_AUTHORISED,
        ErrorKind::Refused => REFUSED,
        ErrorKind::GaveUp => GAVE_UP,
        ErrorKind::ServerDiffers => SERVER_DIFFERS,
        ErrorKind::ImportFailed => IMPORT_FAILED,
        ErrorKind::WaitedTooLong => WAITED_TOO_LONG,
        ErrorKind::CannotVerify => CANNOT_VERIFY,
        ErrorKind::Interrupted => INTERRUPTED,
        _ => UNEXPECTED,
    }
}

/// The code of a call that failed.
pub(crate) fn of_client(error: &ClientError) -> Code {
    of(kind_of_call(error))
}
