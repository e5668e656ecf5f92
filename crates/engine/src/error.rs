//! Error kinds, exit codes, and the chain of causes, used by the errors of all modules.
//!
//! The errors of `push`, `pull`, `integrity` and `transfer` implement their `kind` with it. The exit codes
//! are documented in `docs/exit-codes.md`.

use imgpush_client::Error as ClientError;
pub use imgpush_source::ErrorKind;

/// Returns the exit code of `imgpush` for an error of this kind, for programs that use the same codes.
#[must_use]
pub const fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage => 2,
        ErrorKind::Source => 10,
        ErrorKind::Format => 11,
        ErrorKind::SourceDiffers => 12,
        ErrorKind::NotAuthorised => 20,
        ErrorKind::Refused => 21,
        ErrorKind::GaveUp => 22,
        ErrorKind::ServerDiffers => 23,
        ErrorKind::ImportFailed => 24,
        ErrorKind::WaitedTooLong => 25,
        ErrorKind::CannotVerify => 26,
        ErrorKind::Interrupted => 130,
        _ => 1,
    }
}

/// Returns the kind of a failed request to the service.
#[must_use]
pub fn kind_of_call(error: &ClientError) -> ErrorKind {
    match error {
        ClientError::Config(_) => ErrorKind::Usage,
        ClientError::LoginRefused { .. }
        | ClientError::Unauthorized(_)
        | ClientError::Forbidden(_) => ErrorKind::NotAuthorised,
        ClientError::BadRequest(_)
        | ClientError::NotFound(_)
        | ClientError::NoSuchImage { .. }
        | ClientError::Duplicate { .. }
        | ClientError::NoData { .. }
        | ClientError::OutOfRange(_)
        | ClientError::Conflict(_)
        | ClientError::Gone(_)
        | ClientError::TooLarge(_)
        | ClientError::FormatRefused(_)
        | ClientError::NoEndpoint { .. } => ErrorKind::Refused,
        ClientError::Login { .. }
        | ClientError::Unavailable(_)
        | ClientError::Unexpected(_)
        | ClientError::Transport { .. }
        | ClientError::TimedOut { .. } => ErrorKind::GaveUp,
        ClientError::ImportFailed(_) | ClientError::FellBack(_) => ErrorKind::ImportFailed,
        ClientError::WaitedTooLong { .. } => ErrorKind::WaitedTooLong,
        _ => ErrorKind::Unexpected,
    }
}

/// Formats an error and its causes in one line, the outermost first.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Implements `kind`, `is_transient` and `retry_after` for errors that wrap a `failure`.
macro_rules! delegate_to_failure {
    ($($error:ident)*) => {
        $(
            impl $error {
                /// Returns the kind of the error.
                #[must_use]
                pub fn kind(&self) -> $crate::ErrorKind {
                    self.failure.kind()
                }

                /// Returns whether a retry may succeed.
                #[must_use]
                pub fn is_transient(&self) -> bool {
                    self.failure.is_transient()
                }

                /// Returns how long to wait before a retry, if the server has sent `Retry-After`.
                #[must_use]
                pub fn retry_after(&self) -> Option<std::time::Duration> {
                    self.failure.retry_after()
                }
            }
        )*
    };
}
pub(crate) use delegate_to_failure;
