//! The notations of lists of digests such as `SHA256SUMS`.
//!
//! | form | a line | written by |
//! |---|---|---|
//! | untagged | `HEX␠␠NAME`, `HEX␠*NAME` | coreutils' `sha256sum`, most mirrors |
//! | tagged | `SHA256 (NAME) = HEX` | the BSDs, coreutils with `--tag`, Fedora, CentOS |
//!
//! A line that begins with `\` has `\\`, `\n` and `\r` in its name escaped, as coreutils does. Lists may
//! be clear-signed (RFC 9580, section 7): then only the signed text counts. The signature itself is not
//! checked here.

use std::borrow::Cow;

use imgpush_digest::{Algorithm, Digest};

/// A list of digests.
///
/// ```
/// use imgpush_digest::Algorithm;
/// use imgpush_source::checksum::Sums;
///
/// let sums = Sums::parse(b"MD5 (a.img) = 900150983cd24fb0d6963f7d28e17f72\n", &Algorithm::USUAL);
/// assert_eq!(sums.entries[0].name, b"a.img");
/// assert_eq!(sums.entries[0].digest, imgpush_digest::hash(Algorithm::Md5, b"abc"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sums {
    /// The files and their digests, in the order of the list.
    pub entries: Vec<Entry>,
    /// The numbers, from 1, of lines that are neither an entry nor empty nor a comment.
    pub faulty_lines: Vec<usize>,
    /// Whether the list is clear-signed.
    pub signed: bool,
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its number, from 1.
    pub line: usize,
    /// The file as the list names it. File names are bytes.
    pub name: Vec<u8>,
    /// The digest that the file should have.
    pub digest: Digest,
}

impl Sums {
    /// Parses a list. The algorithm of an untagged line is the first one in `untagged` whose digests have the
    /// same number of digits.
    #[must_use]
    pub fn parse(text: &[u8], untagged: &[Algorithm]) -> Self {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let lines = || {
            text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        };
        let signed = lines().any(|line| line == SIGNED_MESSAGE);
        let mut part = if signed { Part::Outside } else { Part::Body };
        let mut sums = Sums { signed, ..Sums::default() };
        for (number, mut line) in (1..).zip(lines()) {
            if signed {
                part = part.next(line);
                line = match part {
                    Part::Body => line.strip_prefix(b"- ").unwrap_or(line),
                    Part::Outside if !line.is_empty() => {
                        sums.faulty_lines.push(number);
                        continue;
                    }
                    _ => continue,
                };
            }
            let line = line.trim_ascii_start();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            match entry(line, untagged) {
                Some((name, digest)) => sums.entries.push(Entry { line: number, name, digest }),
                None => sums.faulty_lines.push(number),
            }
        }
        sums
    }

    /// The digest of a list that is one digest without a name, as some mirrors publish for each file. Its
    /// algorithm is the first one in `untagged` whose digests have the same number of digits.
    #[must_use]
    pub fn lone_digest(text: &[u8], untagged: &[Algorithm]) -> Option<Digest> {
        by_length(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim_ascii(), untagged)
    }

    /// The algorithm in the name of a list: `SHA512SUMS`, `md5sum.txt`, `disk.img.sha256`.
    #[must_use]
    pub fn algorithm_of(list_name: &str) -> Option<Algorithm> {
        let mut words = list_name.rsplit(['/', '\\', '.', '_', ' ']);
        words.find_map(|word| {
            let word = word.to_ascii_lowercase();
            let word =
                ["sums", "sum"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(&word);
            algorithm(word.as_bytes())
        })
    }
}

/// The line for an untagged list, without a line feed.
#[must_use]
pub fn untagged_line(digest: &Digest, name: &[u8]) -> Vec<u8> {
    let (mark, name) = escaped(name);
    [mark, digest.to_string().as_bytes(), b"  ", &name].concat()
}

/// The line for a tagged list, without a line feed.
#[must_use]
pub fn tagged_line(digest: &Digest, name: &[u8]) -> Vec<u8> {
    let (mark, name) = escaped(name);
    let tag = digest.algorithm().bsd_name();
    [mark, tag.as_bytes(), b" (", &name, b") = ", digest.to_string().as_bytes()].concat()
}

/// The part of a clear-signed message that a line belongs to.
#[derive(Clone, Copy)]
enum Part {
    Outside,
    Headers,
    Body,
    Signature,
    /// The line that ends the signature.
    End,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const SIGNED_MESSAGE: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const SIGNATURE_END: &[u8] = b"-----END PGP SIGNATURE-----";

impl Part {
    /// The part of the next line, if the previous line belonged to this one.
    fn next(self, line: &[u8]) -> Self {
        match self {
            Part::Outside | Part::End if line == SIGNED_MESSAGE => Part::Headers,
            Part::Outside | Part::End => Part::Outside,
            // The empty line after the headers is not an entry, so it may count as part of the body.
            Part::Headers if line.is_empty() => Part::Body,
            Part::Headers => Part::Headers,
            Part::Body if line == SIGNATURE => Part::Signature,
            Part::Body => Part::Body,
            Part::Signature if line == SIGNATURE_END => Part::End,
            Part::Signature => Part::Signature,
        }
    }
}

fn entry(line: &[u8], untagged: &[Algorithm]) -> Option<(Vec<u8>, Digest)> {
    let (is_escaped, line) = match line.strip_prefix(b"\\") {
        Some(line) => (true, line),
        None => (false, line),
    };
    let (name, digest) = tagged(line).or_else(|| plain(line, untagged))?;
    let name = if is_escaped { unescaped(name)? } else { name.to_vec() };
    (!name.is_empty()).then_some((name, digest))
}

/// `SHA256 (NAME) = HEX`; openssl omits the spaces.
fn tagged(line: &[u8]) -> Option<(&[u8], Digest)> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let algorithm = algorithm(line.get(..open)?.trim_ascii_end())?;
    let hex = line.get(close + 1..)?.trim_ascii_start().strip_prefix(b"=")?;
    Some((line.get(open + 1..close)?, digest(algorithm, hex.trim_ascii())?))
}

/// `HEX␠␠NAME`, `HEX␠*NAME`, and `HEX␠NAME` as the BSDs print with `-r`.
fn plain<'a>(line: &'a [u8], untagged: &[Algorithm]) -> Option<(&'a [u8], Digest)> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (hex, rest) = line.split_at(digits);
    let [b' ' | b'\t', name @ ..] = rest else { return None };
    let name = name.strip_prefix(b" ").or_else(|| name.strip_prefix(b"*")).unwrap_or(name);
    Some((name, by_length(hex, untagged)?))
}

fn by_length(hex: &[u8], untagged: &[Algorithm]) -> Option<Digest> {
    let algorithm = untagged.iter().find(|algorithm| 2 * algorithm.digest_bytes() == hex.len())?;
    digest(*algorithm, hex)
}

fn digest(algorithm: Algorithm, hex: &[u8]) -> Option<Digest> {
    Digest::from_hex(algorithm, std::str::from_utf8(hex).ok()?).ok()
}

/// The algorithm with this name in a list: openssl writes `SHA2-256`, FreeBSD `SHA512t256`, coreutils names
/// its program `b2sum`.
fn algorithm(name: &[u8]) -> Option<Algorithm> {
    let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    match name.as_str() {
        "b2" => Some(Algorithm::Blake2b),
        "b3" => Some(Algorithm::Blake3),
        "sha512t256" | "sha2-512/256" => Some(Algorithm::Sha512_256),
        name => match name.strip_prefix("sha2-") {
            Some(bits) => format!("sha{bits}").parse().ok(),
            None => name.parse().ok(),
        },
    }
}

/// The prefix of a line with an escaped name, and the name.
fn escaped(name: &[u8]) -> (&'static [u8], Cow<'_, [u8]>) {
    if !name.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\r')) {
        return (b"", Cow::Borrowed(name));
    }
    let escape = |byte: &u8| match byte {
        b'\\' => b"\\\\".to_vec(),
        b'\n' => b"\\n".to_vec(),
        b'\r' => b"\\r".to_vec(),
        byte => vec![*byte],
    };
    (b"\\", Cow::Owned(name.iter().flat_map(escape).collect()))
}

fn unescaped(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut plain = Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            byte => *byte,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imgpush_digest::hash;

    fn names(sums: &Sums) -> Vec<&str> {
        sums.entries.iter().map(|entry| std::str::from_utf8(&entry.name).unwrap()).collect()
    }

    /// The output of `md5sum`, `sha512sum --tag`, `md5 -r`, `openssl dgst` and `b2sum --tag` for `abc`.
    #[test]
    fn the_output_of_every_tool_is_parsed() {
        let md5 = hash(Algorithm::Md5, b"abc");
        for line in [
            "900150983cd24fb0d6963f7d28e17f72  a.img",
            "900150983cd24fb0d6963f7d28e17f72 *a.img",
            "900150983cd24fb0d6963f7d28e17f72 a.img",
            "900150983CD24FB0D6963F7D28E17F72  a.img\r",
            "  900150983cd24fb0d6963f7d28e17f72  a.img",
            "MD5 (a.img) = 900150983cd24fb0d6963f7d28e17f72",
            "MD5(a.img)= 900150983cd24fb0d6963f7d28e17f72",
            "\u{feff}md5 (a.img) = 900150983cd24fb0d6963f7d28e17f72",
        ] {
            let sums = Sums::parse(line.as_bytes(), &Algorithm::USUAL);
            assert_eq!((names(&sums), sums.faulty_lines.len()), (vec!["a.img"], 0), "{line}");
            assert_eq!(sums.entries[0].digest, md5, "{line}");
        }
    }

    #[test]
    fn the_tag_or_else_the_length_determines_the_algorithm() {
        for algorithm in Algorithm::ALL {
            let digest = hash(algorithm, b"abc");
            let tagged = tagged_line(&digest, b"dir/a (1) = b.img");
            let sums = Sums::parse(&tagged, &[]);
            assert_eq!(names(&sums), ["dir/a (1) = b.img"]);
            assert_eq!(sums.entries[0].digest, digest);

            let plain = untagged_line(&digest, b"a.img");
            assert_eq!(Sums::parse(&plain, &[algorithm]).entries[0].digest, digest);
            let guessed = Sums::parse(&plain, &Algorithm::USUAL).entries[0].digest;
            assert_eq!(guessed == digest, Algorithm::USUAL.contains(&algorithm));
        }
        for tag in ["SHA2-512/256", "SHA512t256", "SHA512/256", "SHA512_256"] {
            let line = format!("{tag} (a) = {}", hash(Algorithm::Sha512_256, b"abc"));
            let sums = Sums::parse(line.as_bytes(), &[]);
            assert_eq!(sums.entries[0].digest.algorithm(), Algorithm::Sha512_256, "{tag}");
        }
    }

    #[test]
    fn any_file_name_round_trips_in_both_forms() {
        let digest = hash(Algorithm::Sha256, b"abc");
        for name in [&b"a\\b\nc\rd"[..], b"\\", b" a", b"a ", b"*a", b"\xff\xfe", b"a) = b", b"("] {
            for line in [untagged_line(&digest, name), tagged_line(&digest, name)] {
                assert!(!line.contains(&b'\n'));
                let sums = Sums::parse(&line, &Algorithm::USUAL);
                assert_eq!(sums.entries[0].name, name, "{}", line.escape_ascii());
            }
        }
        assert_eq!(untagged_line(&digest, b"a\nb")[0], b'\\');
    }

    #[test]
    fn only_the_signed_part_of_a_list_counts() {
        let list = "\
0cc175b9c0f1b6a831c399e269772661  before.img
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

# a.img: 3 bytes
SHA256 (a.img) = ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
- SHA256 (-dash.img) = ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
-----BEGIN PGP SIGNATURE-----

iQIzBAEBCAAdFiEE
-----END PGP SIGNATURE-----
0cc175b9c0f1b6a831c399e269772661  after.img
";
        let sums = Sums::parse(list.as_bytes(), &Algorithm::USUAL);
        assert!(sums.signed);
        assert_eq!(names(&sums), ["a.img", "-dash.img"]);
        assert_eq!(sums.entries[0].line, 6);
        assert_eq!(sums.faulty_lines, [1, 12]);
    }

    #[test]
    fn a_list_can_be_one_digest_without_a_name() {
        let md5 = hash(Algorithm::Md5, b"abc");
        let lone = |text: &str| Sums::lone_digest(text.as_bytes(), &Algorithm::USUAL);
        for end in ["", "\n", "\r\n", "  \n\n"] {
            assert_eq!(lone(&format!("{md5}{end}")), Some(md5));
            assert_eq!(
                lone(&format!("\u{feff}{}{end}", md5.to_string().to_uppercase())),
                Some(md5)
            );
        }
        for none in ["", "900150", &format!("{md5}  a.img"), &format!("{md5}\n{md5}\n")] {
            assert_eq!(lone(none), None, "{none}");
        }
    }

    #[test]
    fn lines_that_are_no_entries_are_reported_by_number() {
        let list = "# comment\n\nMD5 (short) = 9001\nno digest here\n\
                    900150983cd24fb0d6963f7d28e17f72\n900150983cd24fb0d6963f7d28e17f72  \n\
                    SM3 (a) = 900150983cd24fb0d6963f7d28e17f72\n)(\n\
                    \\900150983cd24fb0d6963f7d28e17f72  bad\\escape\n";
        let sums = Sums::parse(list.as_bytes(), &Algorithm::USUAL);
        assert_eq!(sums.entries, []);
        assert_eq!(sums.faulty_lines, [3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn the_name_of_a_list_determines_the_algorithm() {
        for (name, algorithm) in [
            ("SHA256SUMS", Algorithm::Sha256),
            ("/mirror/SHA512SUMS", Algorithm::Sha512),
            ("md5sum.txt", Algorithm::Md5),
            ("noble.img.sha256", Algorithm::Sha256),
            ("disk.qcow2.sha512sum", Algorithm::Sha512),
            ("B2SUMS", Algorithm::Blake2b),
            ("SHA3-256SUMS", Algorithm::Sha3_256),
        ] {
            assert_eq!(Sums::algorithm_of(name), Some(algorithm), "{name}");
        }
        assert_eq!(Sums::algorithm_of("Fedora-Cloud-42-1.1-x86_64-CHECKSUM"), None);
        assert_eq!(Sums::algorithm_of("sums"), None);
    }
}
