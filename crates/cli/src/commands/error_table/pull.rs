//! Errors of `pull`, `verify` and `image save`.

use imgpush_client::{Error as ClientError, Status};
use imgpush_engine::{
    ConversionError, DestinationError, IntegrityError, PartialOutcome, PullFailure, SourceError,
    TransferInterrupted,
};

use super::samples::Samples;
use super::{ErrorTable, tables, title};
use crate::commands::pull;
use crate::exit_code;
use crate::{hints, output};

tables! { pull_failure destination transfer_interrupted partial_outcome verification }

const FILE: &str = "noble.img";

/// Prints failures of a download under their titles.
fn print(table: &mut ErrorTable, samples: &Samples, failures: Vec<(String, PullFailure)>) {
    for (title, failure) in failures {
        let mut error = samples.pull_error();
        *error.failure = failure;
        table.case(&title, |printer| pull::failed(&error, "noble", false, printer));
    }
}

fn integrity_errors() -> Vec<(&'static str, IntegrityError)> {
    vec![
        ("", SourceError::Changed { name: FILE.to_owned() }.into()),
        (
            "",
            IntegrityError::Differs {
                what: "the data".to_owned(),
                field: "sha512",
                expected: "0123abcd".to_owned(),
                found: "4567abcd".to_owned(),
            },
        ),
        ("", IntegrityError::NotAvailable { status: Status::Queued }),
        ("as it is deactivated", IntegrityError::NotAvailable { status: Status::Deactivated }),
        ("as it is deleted", IntegrityError::NotAvailable { status: Status::Deleted }),
        ("", IntegrityError::CannotVerify { reason: "the image has no hash".to_owned() }),
        ("", IntegrityError::Interrupted),
    ]
}

fn pull_failure(table: &mut ErrorTable) {
    let samples = Samples::new();
    let system = std::io::Error::from_raw_os_error;
    let forbidden =
        ClientError::Forbidden(samples.answer("GET", "/v2/images/ID/file", 403, "Forbidden"));
    let failures = [
        PullFailure::Integrity(IntegrityError::Interrupted),
        PullFailure::Client { during: "download the data", source: forbidden },
        PullFailure::GaveUp {
            at: 1_048_576,
            attempts: 8,
            retries: 5,
            source: TransferInterrupted::Stalled { seconds: 60 },
        },
        PullFailure::Destination(DestinationError::Exists { path: FILE.into() }),
        PullFailure::Conversion(ConversionError::Output { path: FILE.into(), source: system(28) }),
        PullFailure::NotBare { container_format: "ova".to_owned() },
        PullFailure::OtherStart,
        PullFailure::NoThread { source: system(11) },
        PullFailure::Panicked { reason: "index out of bounds".to_owned() },
        PullFailure::Memory { source: system(12) },
        PullFailure::Interrupted,
    ];
    let named = failures.into_iter().map(|failure| (title(&failure, ""), failure)).collect();
    print(table, &samples, named);
    table.covers("engine/src/pull/error.rs", "PullFailure", &[]);
}

fn destination(table: &mut ErrorTable) {
    let path = || FILE.into();
    let partial = || format!("{FILE}.part");
    let system = std::io::Error::from_raw_os_error;
    let errors = [
        DestinationError::Exists { path: path() },
        DestinationError::IsOther { path: path() },
        DestinationError::NotCompared { path: path() },
        DestinationError::NotAFile { path: path() },
        DestinationError::OfThisRun { path: path() },
        DestinationError::Replaced { path: partial().into() },
        DestinationError::Busy { path: partial().into() },
        DestinationError::Open { path: partial().into(), source: system(13) },
        DestinationError::Read { path: partial().into(), at: 4096, source: system(5) },
        DestinationError::Full { name: partial(), at: 4096, source: system(28) },
        DestinationError::Write { name: partial(), at: 4096, source: system(5) },
        DestinationError::Rename { path: path(), source: system(13) },
    ];
    let named = |error| (title(&error, ""), PullFailure::Destination(error));
    print(table, &Samples::new(), errors.into_iter().map(named).collect());
    table.covers("engine/src/pull/error.rs", "DestinationError", &[]);
}

fn transfer_interrupted(table: &mut ErrorTable) {
    let samples = Samples::new();
    let answer = samples.answer("GET", "/v2/images/ID/file", 503, "Service Unavailable");
    let reasons = [
        TransferInterrupted::Client(ClientError::Unavailable(answer)),
        TransferInterrupted::Stalled { seconds: 60 },
        TransferInterrupted::Skipped { asked: 4096, first: 8192 },
        TransferInterrupted::Short { at: 4096, size: 8192 },
    ];
    let named = |source| {
        let title = title(&source, "");
        (title, PullFailure::GaveUp { at: 4096, attempts: 6, retries: 5, source })
    };
    print(table, &samples, reasons.into_iter().map(named).collect());
    table.covers("engine/src/pull/error.rs", "TransferInterrupted", &[]);
}

fn partial_outcome(table: &mut ErrorTable) {
    let samples = Samples::new();
    let path = || format!("{FILE}.part").into();
    for outcome in [
        PartialOutcome::Nothing,
        PartialOutcome::Kept { path: path(), bytes: 4096 },
        PartialOutcome::Removed { path: path() },
        PartialOutcome::Left { path: path(), reason: "Permission denied".to_owned() },
        PartialOutcome::Cut { bytes: 4096 },
    ] {
        let mut error = samples.pull_error();
        *error.failure = PullFailure::Interrupted;
        error.partial = outcome.clone();
        table.case(&title(&outcome, ""), |printer| pull::failed(&error, "noble", false, printer));
    }
    table.covers("engine/src/pull/error.rs", "PartialOutcome", &[]);
}

/// All that a comparison can say, as `verify` without a file prints it. One that is interrupted has no hint of
/// its own, and what differs from a file has no hint at all.
fn verification(table: &mut ErrorTable) {
    let samples = Samples::new();
    for (what, failure) in integrity_errors() {
        let mut error = samples.verification_error();
        *error.failure = failure.clone().into();
        table.case(&title(&failure, what), |printer| {
            let hint = hints::for_download(&error.failure);
            printer.error(&output::chain(&error), &Vec::from_iter(hint));
            exit_code::of(error.kind())
        });
    }
    // Only pushes have it: see `push`.
    table.covers(
        "engine/src/integrity/error.rs",
        "IntegrityError",
        &["Mismatch", "WronglyConverted"],
    );
}
