//! Lookup of arbitrary file names: only the entry of that name is found.

use imgpush_digest::{Algorithm, Digest};
use imgpush_source::ChecksumError;
use imgpush_source::ReaderSource;
use imgpush_source::SourceError;
use imgpush_source::checksum::notation::{tagged_line, untagged_line};
use imgpush_source::checksum::{ChecksumList, Expected};
use proptest::prelude::*;

use super::data::sha256;

fn digest(data: &[u8]) -> Digest {
    Digest::from_hex(Algorithm::Sha256, &sha256(data)).unwrap()
}

/// Names with all characters that have a meaning in lists.
fn name() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        4 => proptest::char::range('a', 'e'),
        4 => proptest::sample::select(vec![' ', '*', '(', ')', '=', '\\', '#', '-', '.', '\t', 'é']),
        1 => proptest::sample::select(vec!['\n', '\r']),
    ];
    proptest::collection::vec(letter, 1..12)
        .prop_map(String::from_iter)
        .prop_filter("a name that leads nowhere", |name| name != "." && name != "..")
}

fn folder() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["", "./", "images/", "/srv/a b/", "../", ".//"])
}

proptest! {
    #[test]
    fn only_the_entry_of_a_name_is_found(
        names in proptest::collection::btree_set(name(), 1..6),
        folders in proptest::collection::vec(folder(), 6),
        tagged in proptest::collection::vec(any::<bool>(), 6),
        wanted in any::<proptest::sample::Index>(),
    ) {
        let names: Vec<_> = names.into_iter().collect();
        let mut text = Vec::new();
        for ((name, folder), tagged) in names.iter().zip(folders).zip(tagged) {
            let path = format!("{folder}{name}");
            let line = if tagged { tagged_line } else { untagged_line };
            text.extend(line(&digest(name.as_bytes()), path.as_bytes()));
            text.push(b'\n');
        }
        let list = ChecksumList::parse("SHA256SUMS", &text).unwrap();
        let name = wanted.get(&names);
        let expected = Expected::default().with_list(list.clone()).with_name(name);
        let source = || Box::new(ReaderSource::new("pipe", std::io::empty()));
        let mut found = expected.of(source()).unwrap();
        // The entry is the right one if its digest verifies the content.
        let mut hasher =
            imgpush_digest::MultiHasher::new([Algorithm::Sha256], std::num::NonZeroUsize::MIN);
        hasher.update(&name.clone().into_bytes().into());
        prop_assert!(found.finish(&hasher.finish()).is_ok());

        let missing = Expected::default().with_list(list).with_name(format!("{name}x")).of(source());
        if !names.contains(&format!("{name}x")) {
            match missing.map(|_| ()) {
                Err(SourceError::Unverified(error)) => {
                    let is_reported = matches!(*error, ChecksumError::NoEntry { .. });
                    prop_assert!(is_reported, "{error:?}");
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn no_list_causes_a_panic(text in proptest::collection::vec(any::<u8>(), 0..300), name in ".*") {
        if let Ok(list) = ChecksumList::parse("SHA256SUMS", &text) {
            let expected = Expected::default().with_list(list).with_name(name);
            let _ = expected.of(Box::new(ReaderSource::new("pipe", std::io::empty())));
        }
    }
}
