//! Errors of what is read, as the commands print them that need no cloud for it.

use std::time::Duration;

use futures_util::FutureExt as _;
use imgpush_engine::source::{
    ChecksumError, Compression, CustomError, Interruption, Refusal, StatusCode,
};
use imgpush_engine::{Algorithm, CancellationToken, DigestError, SourceError};

use super::{ErrorTable, tables, title};
use crate::commands::source::opened;
use crate::exit_code::{self, Code};
use crate::printer::Printer;

tables! { source interruption checksum signature digest }

const FILE: &str = "noble.img.xz";
const ADDRESS: &str = "https://images.example.com/noble.img";
const LIST: &str = "SHA256SUMS";

fn print(error: SourceError) -> impl FnOnce(&Printer) -> Code {
    move |printer| {
        let never = CancellationToken::new();
        let failed = opened(std::future::ready(Err(error)), printer, &never).now_or_never();
        failed.unwrap().err().unwrap()
    }
}

fn source(table: &mut ErrorTable) {
    let name = || FILE.to_owned();
    let address = || ADDRESS.to_owned();
    let system = std::io::Error::from_raw_os_error;
    let refused = |status| SourceError::Refused { name: address(), status };
    for (what, error) in [
        ("", SourceError::Open { name: name(), source: system(2) }),
        ("", SourceError::Directory { name: name() }),
        ("", SourceError::Empty { name: name() }),
        ("", SourceError::Read { name: name(), at: 4096, source: system(5) }),
        ("", SourceError::Shrank { name: name(), expected: 8192, found: 4096 }),
        ("", SourceError::Grew { name: name(), expected: 4096, found: 8192 }),
        ("", SourceError::Panicked { name: name(), reason: "index out of bounds".to_owned() }),
        ("", SourceError::NoThread { name: name(), source: system(11) }),
        ("", SourceError::Changed { name: name() }),
        ("", SourceError::ResponsesDiffer { name: address(), what: "ETag" }),
        ("", SourceError::Size { name: name(), expected: 4096, found: 8192 }),
        ("", SourceError::Address { name: "https://[".to_owned(), source: "invalid host".into() }),
        (
            "",
            SourceError::HttpOption {
                name: address(),
                what: "user agent",
                source: "invalid header value".into(),
            },
        ),
        ("", SourceError::Unsupported { name: name(), feature: "xz" }),
        ("", SourceError::Unreachable { name: address(), source: "connection refused".into() }),
        ("", refused(StatusCode::NOT_FOUND)),
        ("for want of a login", refused(StatusCode::UNAUTHORIZED)),
        ("", SourceError::Endless { name: address() }),
        (
            "",
            SourceError::NotResumable { name: address(), at: 4096, reason: "the file has changed" },
        ),
        (
            "",
            SourceError::WrongRange {
                name: address(),
                asked: 4096,
                found: "bytes 0-8191/8192".to_owned(),
            },
        ),
        (
            "",
            SourceError::GaveUp {
                name: address(),
                at: 4096,
                attempts: 6,
                source: Interruption::Stalled { seconds: 60 },
            },
        ),
        (
            "",
            SourceError::Damaged {
                name: name(),
                compression: Compression::Xz,
                at: 4096,
                source: std::io::Error::other("corrupt data"),
            },
        ),
        ("", SourceError::Dictionary { name: name(), limit: 268_435_456 }),
        ("", SourceError::TooLarge { name: name(), limit: 1_073_741_824 }),
        ("", CustomError::new("bucket/noble.img", "503 Slow Down").with_position(4096).into()),
        ("", ChecksumError::Unsigned { list: LIST.to_owned() }.into()),
    ] {
        table.case(&title(&error, what), print(error));
    }
    table.covers("source/src/error.rs", "SourceError", &[]);
}

fn interruption(table: &mut ErrorTable) {
    let retry_after = Some(Duration::from_secs(7));
    for interruption in [
        Interruption::Transport("connection reset by peer".into()),
        Interruption::Unavailable { status: StatusCode::SERVICE_UNAVAILABLE, retry_after },
        Interruption::Stalled { seconds: 60 },
        Interruption::Short { at: 4096, size: 8192 },
    ] {
        let (variant, name) = (title(&interruption, ""), ADDRESS.to_owned());
        let error = SourceError::GaveUp { name, at: 4096, attempts: 6, source: interruption };
        table.case(&variant, print(error));
    }
    table.covers("source/src/error.rs", "Interruption", &[]);
}

fn checksum(table: &mut ErrorTable) {
    let name = || FILE.to_owned();
    let list = || LIST.to_owned();
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let algorithm = Algorithm::Sha256;
    let differs = |found: &[&str], list| ChecksumError::Differs {
        name: name(),
        algorithm,
        expected: "0123abcd".to_owned(),
        found: words(found),
        list,
    };
    let entry = |has: &[&str], entries| ChecksumError::NoEntry {
        list: list(),
        names: words(&[FILE, "noble.img"]),
        has: words(has),
        entries,
    };
    let unreadable = |what| ChecksumError::Unreadable {
        what,
        source: Box::new(SourceError::Unreachable {
            name: format!("https://images.example.com/{LIST}"),
            source: "connection refused".into(),
        }),
    };
    let unknown_signer = || Refusal::UnknownSigner { key: "D2EB44626FDDC30B".to_owned() };
    let signature = |refusals| ChecksumError::Signature { list: list(), refusals };
    for (what, error) in [
        ("", differs(&["4567abcd"], None)),
        (
            "from a list, of a file and its content",
            differs(&["4567abcd", "89ababcd"], Some(list())),
        ),
        ("", ChecksumError::NotComputed { name: name(), algorithm }),
        (
            "",
            ChecksumError::Contradiction {
                name: name(),
                algorithm,
                first: "0123abcd".to_owned(),
                second: "4567abcd".to_owned(),
                list: Some(list()),
            },
        ),
        ("", ChecksumError::NoName { name: "-".to_owned(), list: list() }),
        ("", entry(&["jammy.img"], 1)),
        ("in a long list", entry(&["focal.img", "jammy.img"], 20)),
        ("", unreadable("list of checksums")),
        ("of a key", unreadable("key")),
        ("", ChecksumError::TooLarge { name: list(), what: "signature", limit: 65536 }),
        ("", ChecksumError::NotAList { list: list() }),
        ("", ChecksumError::NotAKey { name: "key.asc".to_owned(), source: None }),
        (
            "with what the parser says",
            ChecksumError::NotAKey {
                name: "key.asc".to_owned(),
                source: Some("no armour header".into()),
            },
        ),
        ("", ChecksumError::NoKey { name: format!("{LIST}.gpg") }),
        ("", ChecksumError::Unsigned { list: list() }),
        ("", ChecksumError::NotASignature { name: format!("{LIST}.gpg"), source: None }),
        ("", signature(vec![Refusal::Expired])),
        ("of an unknown key", signature(vec![unknown_signer(), Refusal::Kind])),
    ] {
        table.case(&title(&error, what), print(error.into()));
    }
    table.covers("source/src/error.rs", "ChecksumError", &[]);
}

fn signature(table: &mut ErrorTable) {
    let key = || "F6ECB3762474EDA9D21B7022871920D1991BC93C".to_owned();
    for refusal in [
        Refusal::UnknownSigner { key: key() },
        Refusal::Wrong { key: key() },
        Refusal::WeakHash { hash: "SHA1".to_owned() },
        Refusal::Expired,
        Refusal::Future,
        Refusal::Kind,
        Refusal::KeyExpired { key: key() },
        Refusal::KeyRevoked { key: key() },
        Refusal::KeyUnfit { key: key() },
        Refusal::KeyWeak { key: key() },
    ] {
        let refusals = vec![refusal.clone()];
        let error = ChecksumError::Signature { list: LIST.to_owned(), refusals };
        table.case(&title(&refusal, ""), print(error.into()));
    }
    table.covers("source/src/error.rs", "Refusal", &[]);
}

/// Errors of `IMGPUSH_BACKEND`, as `main` prints them.
fn digest(table: &mut ErrorTable) {
    for error in
        [DigestError::UnknownBackend("gpu".to_owned()), DigestError::UnavailableBackend("avx512")]
    {
        table.case(&title(&error, ""), |printer| {
            printer.error(&[format!("IMGPUSH_BACKEND: {error}")], &[]);
            exit_code::USAGE
        });
    }
    // clap prints these, in the snapshots of the output.
    let left_out = ["UnknownAlgorithm", "NotADigest", "UnknownLength"];
    table.covers("digest/src/error.rs", "Error", &left_out);
}
