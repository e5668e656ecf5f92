//! What verbs read.

use std::io::IsTerminal as _;
use std::path::Path;

#[cfg(feature = "openpgp")]
use imgpush_engine::checksum::Keys;
use imgpush_engine::checksum::{ChecksumList, Expected};
use imgpush_engine::source::{self, ChecksumError, HttpOptions, Source, SourceOptions};
use imgpush_engine::{CancellationToken, SourceError};

use crate::args::ProofArgs;
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::{hints, output};

/// Opens the source, with the verification that the arguments request.
pub(super) async fn verified(
    place: &Path,
    options: &SourceOptions,
    proof: &ProofArgs,
    printer: &Printer,
) -> Result<Box<dyn Source>, SourceError> {
    announce_input(place, printer);
    // A list that cannot be verified ends it before anything is asked for.
    let expected = expected(proof, &options.http, printer).await?;
    expected.of(source::open(place, &marked(options, &expected)).await?)
}

/// The options to open a source of which this is expected: a checksum also shows that it is complete.
pub(super) fn marked(options: &SourceOptions, expected: &Expected) -> SourceOptions {
    let mut options = options.clone();
    if !expected.is_empty() {
        options.http = options.http.with_unmarked_end(true);
    }
    options
}

/// Says that input is waited for where a person has to type it, or has forgotten to send it through a pipe.
pub(super) fn announce_input(place: &Path, printer: &Printer) {
    if place.as_os_str() == "-" && std::io::stdin().is_terminal() {
        printer.note(
            "reading the image from standard input, which is a terminal; Ctrl-D ends the input",
        );
    }
}

/// What a source has to be, as far as that is asked for.
pub(super) async fn expected(
    args: &ProofArgs,
    http: &HttpOptions,
    printer: &Printer,
) -> Result<Expected, ChecksumError> {
    let mut expected = args.digests().fold(Expected::default(), Expected::with_digest);
    if let Some(name) = &args.checksum_name {
        expected = expected.with_name(name);
    }
    let Some(place) = &args.checksum_file else { return Ok(expected) };
    let list = list(args, place, http).await?;
    if list.is_unchecked() {
        let name = list.name();
        let reason = if cfg!(feature = "openpgp") {
            "; use --checksum-key to verify it"
        } else {
            ": this build has no support for openpgp"
        };
        printer.note(&format!("the signature of {name} is not verified{reason}"));
    }
    Ok(expected.with_list(list))
}

/// Reads the list, and checks its signature as far as that is asked for.
#[cfg(feature = "openpgp")]
async fn list(
    args: &ProofArgs,
    place: &Path,
    http: &HttpOptions,
) -> Result<ChecksumList, ChecksumError> {
    let signature = args.checksum_signature.as_deref();
    let mut keys = Keys::default();
    for file in &args.checksum_keys {
        keys = keys.and(Keys::read(file).await?);
    }
    if keys.is_empty() && signature.is_none() {
        ChecksumList::read(place, http).await
    } else {
        ChecksumList::read_signed(place, signature, &keys, http).await
    }
}

/// Reads the list; this build has no options for its signature.
#[cfg(not(feature = "openpgp"))]
async fn list(
    _: &ProofArgs,
    place: &Path,
    http: &HttpOptions,
) -> Result<ChecksumList, ChecksumError> {
    ChecksumList::read(place, http).await
}

/// What was opened, or says why that failed.
pub(super) async fn opened(
    opening: impl Future<Output = Result<Box<dyn Source>, SourceError>>,
    printer: &Printer,
    cancel: &CancellationToken,
) -> Result<Box<dyn Source>, Code> {
    tokio::select! {
        opened = opening => opened.map_err(|error| {
            printer.error(&output::chain(&error), &Vec::from_iter(hints::for_source(&error)));
            exit_code::of(error.kind())
        }),
        () = cancel.cancelled() => {
            printer.error(&["interrupted".to_owned()], &[]);
            Err(exit_code::INTERRUPTED)
        }
    }
}
