//! Errors of `push`, `tune` and `image stage`.

use std::path::Path;
use std::sync::Arc;

use imgpush_client::{ConfigError, Error as ClientError, InvalidAttribute, Status};
use imgpush_engine::image_formats::{FindingId, Format};
use imgpush_engine::{
    FormatError, IntegrityError, JournalError, PushError, PushFailure, RecordOutcome, SourceError,
    TransferError,
};

use super::samples::{ID, Samples, finding};
use super::{ErrorTable, tables, title};
use crate::commands::push;
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::{hints, output};

tables! {
    push_failure transfer format integrity findings record_outcome journal stage_failure tune
}

const FILE: &str = "noble.qcow2";

fn print(failure: PushFailure) -> impl FnOnce(&Printer) -> Code {
    let error = PushError::not_started(FILE, "mycloud", failure);
    move |printer| push::failed(&error, Path::new(FILE), printer)
}

fn push_failure(table: &mut ErrorTable) {
    let samples = Samples::new();
    let id = || ID.to_owned();
    let name = || "noble".to_owned();
    let service = || "https://glance.example.com".to_owned();
    let forbidden =
        |message| ClientError::Forbidden(samples.answer("POST", "/v2/images", 403, message));
    let conflict = || {
        ClientError::Conflict(samples.answer("POST", "/v2/images", 409, "Image ID already exists"))
    };
    let failures = [
        PushFailure::Transfer(TransferError::TooSlow),
        PushFailure::Integrity(IntegrityError::Interrupted),
        PushFailure::Format(FormatError::NoDiskFormat { container_format: "ova".to_owned() }),
        PushFailure::Stuck { id: id(), status: Status::Saving },
        PushFailure::ImportNotOffered {
            service: service(),
            method: "web-download".to_owned(),
            offers: vec!["glance-direct".to_owned(), "copy-image".to_owned()],
        },
        PushFailure::NoSuchStore { service: service(), store: "fast".to_owned(), offers: vec![] },
        PushFailure::NotCopied {
            source: forbidden("You are not authorized to complete copy-image"),
        },
        PushFailure::Exists { name: name(), id: id(), state: "is active".to_owned() },
        PushFailure::SameName { name: name() },
        PushFailure::NotComparable { name: name(), id: id(), source_name: "-".to_owned() },
        PushFailure::NoProject,
        PushFailure::StillTheirs { id: id(), status: Status::Saving, seconds: 600 },
        PushFailure::NotRecorded { id: id(), source: std::io::Error::from_raw_os_error(28) },
        PushFailure::Unfinished { id: id(), status: Status::Saving, seconds: 600 },
        PushFailure::NotProtected { source: forbidden("You are not authorized to modify it") },
        PushFailure::NotReplaced { left: vec![id()], source: conflict() },
        PushFailure::NoName,
        PushFailure::Property {
            key: "os_hash_value".to_owned(),
            source: InvalidAttribute::ReadOnly("os_hash_value".to_owned()),
        },
        PushFailure::Quota {
            name: "image_size_total",
            unit: "MiB",
            limit: 1000,
            used: 900,
            needed: 300,
        },
        PushFailure::Client { during: "query the image service", source: conflict() },
        PushFailure::Unreached {
            source: Arc::new(ConfigError::NoCloud { known: vec!["mycloud".to_owned()] }.into()),
        },
        PushFailure::NotCreated { source: conflict() },
        PushFailure::NotStageable { status: Status::Active },
        PushFailure::NotStarted("the batch cannot start".into()),
        PushFailure::Interrupted,
    ];
    for failure in failures {
        table.case(&title(&failure, ""), print(failure));
    }
    let protected = forbidden("Image is protected and cannot be deleted.");
    let left = vec![id(), "another".to_owned()];
    let failure = PushFailure::NotReplaced { left, source: protected };
    table.case("NotReplaced, as it is protected", print(failure));
    table.covers("engine/src/push/error.rs", "PushFailure", &[]);
}

fn transfer(table: &mut ErrorTable) {
    let samples = Samples::new();
    let state = || format!("the image {ID} is queued");
    let unavailable = || {
        let answer = samples.answer("PUT", "/v2/images/ID/file", 503, "Service Unavailable");
        Arc::new(ClientError::Unavailable(answer))
    };
    let name = || FILE.to_owned();
    let broken = |source| TransferError::Broken { sent: 1_048_576, state: state(), source };
    for (what, error) in [
        ("", SourceError::Changed { name: name() }.into()),
        ("of an empty file", SourceError::Empty { name: name() }.into()),
        ("", TransferError::Client { during: "send the data", source: unavailable() }),
        ("", TransferError::TooSlow),
        ("", broken(None)),
        ("with what the client says", broken(Some(unavailable()))),
        ("", TransferError::Stalled { seconds: 60, sent: 1_048_576, state: state() }),
        ("", TransferError::Unanswered { seconds: 600, state: state() }),
        ("", TransferError::Panicked { reason: "index out of bounds".to_owned() }),
        ("", TransferError::ReadOnce { name: "-".to_owned(), source: None }),
        (
            "after another failure",
            TransferError::ReadOnce { name: "-".to_owned(), source: Some(broken(None).into()) },
        ),
    ] {
        let failure = PushFailure::Transfer(error.clone());
        table.case(&title(&error, what), print(failure));
    }
    // Both are signals inside the engine: the failure of the gate or of the receiver is printed instead.
    let left_out = ["Withheld", "Unwanted"];
    table.covers("engine/src/transfer/error.rs", "TransferError", &left_out);
}

fn formats() -> Vec<(&'static str, FormatError)> {
    let findings = || vec![finding(FindingId::BackingFile, "it is based on /etc/passwd")];
    let taken_as = || vec!["qcow2".to_owned()];
    let mismatch = |taken_as, instead| FormatError::Mismatch {
        asked: "raw".to_owned(),
        found: Format::Qcow2,
        taken_as,
        instead,
        findings: Vec::new(),
    };
    let refused = |reason: &str| FormatError::Refused {
        disk_format: "vmdk".to_owned(),
        reason: reason.to_owned(),
        taken_as: Vec::new(),
        instead: None,
        findings: Vec::new(),
    };
    let unknown = |found| FormatError::Unknown { found, findings: Vec::new() };
    let unsafe_image = |overrulable| FormatError::Unsafe { findings: findings(), overrulable };
    vec![
        ("", mismatch(taken_as(), Some("qcow2"))),
        ("that fits nothing", mismatch(Vec::new(), None)),
        ("", unknown(Format::Bochs)),
        ("of an appliance", unknown(Format::Ova)),
        ("of an encrypted disk", unknown(Format::Luks)),
        ("", FormatError::NoDiskFormat { container_format: "ova".to_owned() }),
        ("", unsafe_image(false)),
        ("that may be overruled", unsafe_image(true)),
        ("", refused("descriptor: the create type is not allowed")),
        ("by the check of the boot record", refused("mbr: the boot record is damaged")),
        ("", FormatError::Unclear { reason: "its end was not seen", findings: findings() }),
        ("", FormatError::HeldBack { source: Box::new(unsafe_image(false)) }),
        (
            "",
            FormatError::NotTaken {
                service: "https://glance.example.com".to_owned(),
                attribute: "disk_format",
                value: "vhdx".to_owned(),
                takes: vec!["raw".to_owned(), "qcow2".to_owned()],
            },
        ),
    ]
}

fn format(table: &mut ErrorTable) {
    for (what, error) in formats() {
        table.case(&title(&error, what), print(PushFailure::Format(error.clone())));
    }
    table.covers("engine/src/push/format_error.rs", "FormatError", &[]);
}

fn integrity(table: &mut ErrorTable) {
    let mismatch = |field, expected: &str, found: &str| IntegrityError::Mismatch {
        field,
        expected: expected.to_owned(),
        found: found.to_owned(),
    };
    let wrongly_converted = IntegrityError::WronglyConverted {
        what: "converted to raw".to_owned(),
        field: "os_hash_value",
        expected: "0123abcd".to_owned(),
        found: "4567abcd".to_owned(),
    };
    let reason = "the service shows no hash of the image".to_owned();
    for (what, error) in [
        ("", SourceError::Changed { name: FILE.to_owned() }.into()),
        ("", mismatch("os_hash_value", "0123abcd", "4567abcd")),
        ("of the status", mismatch("status", "active", "killed")),
        ("", wrongly_converted),
        ("", IntegrityError::CannotVerify { reason }),
        ("", IntegrityError::Interrupted),
    ] {
        table.case(&title(&error, what), print(PushFailure::Integrity(error.clone())));
    }
    // Only downloads and verifications have these: see `pull`.
    let left_out = ["Differs", "NotAvailable"];
    table.covers("engine/src/integrity/error.rs", "IntegrityError", &left_out);
}

/// What to do about each finding.
fn findings(table: &mut ErrorTable) {
    for id in FindingId::ALL {
        let findings = vec![finding(*id, "what was found")];
        let failure = PushFailure::Format(FormatError::Unsafe { findings, overrulable: false });
        table.case(id.name(), print(failure));
    }
    let findings = vec![finding(FindingId::BackingFile, "it is based on /etc/passwd")];
    let error = FormatError::Unsafe { findings, overrulable: false };
    for file in ["it's here.img", "-"] {
        let failure = PushFailure::Format(error.clone());
        let error = PushError::not_started(file, "mycloud", failure);
        table.case(file, |printer| push::failed(&error, Path::new(file), printer));
    }
}

fn record_outcome(table: &mut ErrorTable) {
    let id = || ID.to_owned();
    for outcome in [
        RecordOutcome::NoRecord,
        RecordOutcome::Removed { id: id() },
        RecordOutcome::Kept { id: id(), state: "it is queued".to_owned() },
        RecordOutcome::Left { id: id(), reason: "DELETE got no answer".to_owned() },
    ] {
        let mut error = PushError::not_started(FILE, "mycloud", PushFailure::Interrupted);
        error.attempts = 3;
        error.outcome = outcome.clone();
        table.case(&title(&outcome, ""), |printer| push::failed(&error, Path::new(FILE), printer));
    }
    table.covers("engine/src/push/error.rs", "RecordOutcome", &[]);
}

fn journal(table: &mut ErrorTable) {
    let path = || "pushes.journal".into();
    for error in [
        JournalError::Io { path: path(), source: std::io::Error::from_raw_os_error(13) },
        JournalError::Busy { path: path() },
        JournalError::NotAFile { path: path(), reason: "it is larger than 1 GiB" },
        JournalError::NoJournal { path: path() },
    ] {
        let error = Arc::new(error);
        let failure = PushFailure::NotStarted(Box::new(Arc::clone(&error)));
        table.case(&title(&error, ""), print(failure));
    }
    table.covers("engine/src/batch/journal.rs", "JournalError", &[]);
}

/// What `image stage` says other than `push`.
fn stage_failure(table: &mut ErrorTable) {
    let samples = Samples::new();
    let unavailable =
        || ClientError::Unavailable(samples.answer("PUT", "/v2/images/ID/stage", 503, "busy"));
    let state = || format!("the image {ID} is queued");
    let broken = TransferError::Broken { sent: 1_048_576, state: state(), source: None };
    let changed = TransferError::from(SourceError::Changed { name: FILE.to_owned() });
    let mut failures: Vec<(&str, PushFailure)> = vec![
        ("", PushFailure::Interrupted),
        ("", PushFailure::NotStageable { status: Status::Active }),
        ("as it is staged", PushFailure::NotStageable { status: Status::Uploading }),
        ("", PushFailure::Client { during: "renew the token", source: unavailable() }),
        ("Broken", broken.into()),
        ("Source", changed.into()),
    ];
    failures.extend(formats().into_iter().map(|(what, error)| (what, error.into())));
    for (what, failure) in failures {
        let mut error = samples.staging_error();
        *error.failure = failure;
        let title = match &*error.failure {
            PushFailure::Format(format) => format!("Format {}", title(format, what)),
            failure => title(failure, what),
        };
        table.case(&title, |printer| {
            let hints = hints::for_staging(&error.failure, Path::new(FILE));
            printer.error(&output::chain(&error), &hints);
            exit_code::of(error.kind())
        });
    }
}

fn tune(table: &mut ErrorTable) {
    let mut error = Samples::new().tune_error();
    *error.failure = PushFailure::Transfer(TransferError::TooSlow);
    for (what, left) in [("", Vec::new()), ("with images that are left", vec![ID.to_owned()])] {
        error.left = left;
        table.case(format!("TuneError {what}").trim_end(), |printer| {
            let hints = hints::for_failure(&error.failure, Path::new(FILE));
            printer.error(&output::chain(&error), &hints);
            exit_code::of(error.failure.kind())
        });
    }
}
