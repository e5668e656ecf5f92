//! Errors of the commands that look up images: `image`, `pull` and `verify`.

use imgpush_client::{Error as ClientError, InvalidAttribute};

use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::render::UnknownColumn;
use crate::{hints, output};

/// The error of a command that works on existing images.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("cannot {doing}")]
    Client { doing: String, source: Box<ClientError> },
    #[error("cannot {doing}")]
    Unfit { doing: String, source: InvalidAttribute },
    #[error(transparent)]
    Column(#[from] UnknownColumn),
    #[error("{message}")]
    Usage { message: String, hint: Option<String> },
    /// The command cannot work on this image; nothing was sent.
    #[error("{message}")]
    Refused { message: String, hint: Option<String> },
}

/// Converts a client error; `doing` says what failed.
pub(super) fn failed_to(doing: impl Into<String>) -> impl FnOnce(ClientError) -> Failed {
    let doing = doing.into();
    move |source| Failed::Client { doing, source: Box::new(source) }
}

impl Failed {
    /// The exit code.
    pub(super) fn code(&self) -> Code {
        match self {
            Failed::Client { source, .. } => exit_code::of_client(source),
            Failed::Unfit { .. } | Failed::Column(_) | Failed::Usage { .. } => exit_code::USAGE,
            Failed::Refused { .. } => exit_code::REFUSED,
        }
    }

    /// What to do next.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Failed::Client { source, .. } => hints::for_client(source),
            Failed::Usage { hint, .. } | Failed::Refused { hint, .. } => hint.clone(),
            Failed::Unfit { source: InvalidAttribute::BaseAttribute(_), .. } => {
                Some("use the option for this attribute".to_owned())
            }
            _ => None,
        }
    }

    /// Prints the error and returns its exit code.
    pub(super) fn report(&self, printer: &Printer) -> Code {
        printer.error(&output::chain(self), &Vec::from_iter(self.hint()));
        self.code()
    }
}
