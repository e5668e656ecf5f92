//! Error kinds, exit codes, and the chain of causes, used by the errors of all modules.
//!
//! The errors of `push`, `pull`, `integrity` and `transfer` implement their `kind` with it. The exit codes
//! are documented in `docs/exit-codes.md`.

use http::StatusCode;
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
        | ClientError::NoSuchProject { .. }
        | ClientError::DuplicateProject { .. }
        | ClientError::NoData { .. }
        | ClientError::OutOfRange(_)
        | ClientError::Conflict(_)
        | ClientError::Gone(_)
        | ClientError::TooLarge(_)
        | ClientError::FormatRefused(_)
        | ClientError::NoEndpoint { .. } => ErrorKind::Refused,
        error if needs_length(error) => ErrorKind::Refused,
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

/// Whether a proxy or a service requires the length of the data, which a pipe does not have (411).
fn needs_length(error: &ClientError) -> bool {
    error.status() == Some(StatusCode::LENGTH_REQUIRED)
}

/// Returns the message of an error and its causes, the outermost first, without causes that add nothing.
///
/// The levels of the HTTP client are left out (`error sending request`, `client error (Connect)`, `tcp connect
/// error`): a cause below them has the reason. So are causes that the text above them contains.
#[must_use]
pub fn causes(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut chain = vec![error.to_string()];
    let mut above = error;
    while let Some(error) = above.source() {
        let text = error.to_string();
        // A single word may be part of a file name above it.
        let is_repeated = chain
            .last()
            .is_some_and(|above| *above == text || (text.contains(' ') && above.contains(&text)));
        let is_level = is_of_http_client(&text) || is_request_of_login(error, &chain);
        if !(is_repeated || is_level && error.source().is_some()) {
            chain.push(text);
        }
        above = error;
    }
    chain
}

/// Whether an error says only that the request of a login got no answer, which the error above it says too.
///
/// The level above is known by its text, since other errors pass it on as their own.
fn is_request_of_login(error: &(dyn std::error::Error + 'static), above: &[String]) -> bool {
    let is_login = above.last().is_some_and(|text| text.starts_with("cannot log in to "));
    let request = error.downcast_ref();
    is_login
        && matches!(request, Some(ClientError::Transport { .. } | ClientError::TimedOut { .. }))
}

/// Whether a level of the HTTP client says only that a request failed.
fn is_of_http_client(text: &str) -> bool {
    const LEVELS: [&str; 8] = [
        "error sending request",
        "error decoding response body",
        "request or response body error",
        "error reading a body from connection",
        "connection error",
        "tcp connect error",
        "dns error",
        "tunnel error: failed to create underlying connection",
    ];
    LEVELS.contains(&text) || (text.starts_with("client error (") && text.ends_with(')'))
}

/// Formats an error and its causes in one line, the outermost first.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).join(": ")
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

#[cfg(test)]
mod tests {
    use super::causes;

    /// An error with a text and a cause.
    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Level {
        text: &'static str,
        source: Option<Box<Level>>,
    }

    fn error(texts: &[&'static str]) -> Level {
        let (text, rest) = texts.split_first().unwrap();
        Level { text, source: (!rest.is_empty()).then(|| Box::new(error(rest))) }
    }

    #[test]
    fn the_causes_have_no_levels_that_add_nothing() {
        for (texts, kept) in [
            (&["cannot push", "cannot log in"][..], &[0, 1][..]),
            (
                &[
                    "GET http://h/ got no answer",
                    "error sending request",
                    "client error (Connect)",
                    "tcp connect error",
                    "Connection refused (os error 111)",
                ],
                &[0, 4],
            ),
            // The innermost cause stays, whatever it says.
            (&["cannot reach h", "error sending request"], &[0, 1]),
            (&["cannot open a: not found", "not found"], &[0]),
            // A word may be part of a name.
            (&["cannot push interrupted.img", "interrupted"], &[0, 1]),
            (&["interrupted", "interrupted"], &[0]),
        ] {
            let kept: Vec<_> = kept.iter().map(|at| texts[*at]).collect();
            assert_eq!(causes(&error(texts)), kept);
        }
    }
}
