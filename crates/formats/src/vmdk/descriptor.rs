//! The descriptor of a VMDK, as a separate file or after a sparse header.

use crate::detail::{Details, short_size};
use crate::finding::{Finding, FindingId};
use crate::inspect::{Seen, Stream};
use crate::on_disk::{SECTOR, c_string, first, shown};

/// Types that `vmdk_open_desc_file` opens.
const OPENED: [&[u8]; 6] = [
    b"monolithicFlat",
    b"vmfs",
    b"vmfsSparse",
    b"seSparse",
    b"twoGbMaxExtentSparse",
    b"twoGbMaxExtentFlat",
];

/// Maximum number of extents that the details list.
const MAX_LISTED_EXTENTS: usize = 16;

/// Number of bytes of a descriptor that qemu searches.
const READ_FOR_IDS: usize = 20 * 512;

/// Maximum length of the name of a parent: `PATH_MAX` without the NUL.
const MAX_PARENT_BYTES: usize = 4095;

/// Whether qemu opens a separate descriptor with this type.
pub(crate) fn is_opened(create_type: &[u8]) -> bool {
    OPENED.contains(&create_type)
}

/// qemu's `vmdk_probe`, on the first 512 bytes: comments and blank lines, then a version.
pub(crate) fn is_probed_text(head: &[u8]) -> bool {
    let mut rest = first(head, 512);
    while let Some(b'#' | b' ' | b'\r' | b'\n') = rest.first() {
        let Some((line, after)) = line(rest) else { break };
        let blank = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.starts_with(b"#") && blank.iter().any(|&byte| byte != b' ') {
            return false;
        }
        rest = after;
    }
    [b"version=1", b"version=2", b"version=3"].iter().any(|version| {
        rest.strip_prefix(*version)
            .is_some_and(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\n"))
    })
}

/// The first line of a text, and the text after it; none if the line has no end.
fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = text.split_at_checked(text.iter().position(|&byte| byte == b'\n')?)?;
    Some((line, rest.get(1..)?))
}

/// qemu's `vmdk_parent_open` and `vmdk_read_cid`, for a text in the head that starts at `offset`: the name of a
/// parent must have an end, and without the content ids, which distinguish states of the disk, it opens nothing.
pub(crate) fn refuse_without_ids(seen: &mut Seen, stream: &Stream<'_>, offset: u64) {
    let bytes = stream.from(offset, READ_FOR_IDS);
    let text = c_string(bytes);
    let seen_to_the_end = offset + text.len() as u64 >= stream.head.len() as u64;
    if stream.has_cut_head() && seen_to_the_end {
        return;
    }
    // qemu does not check the characters at the positions of the equals sign and the first quotation mark, and reads on
    // even after a NUL.
    let after = |key: &str, signs: usize| {
        let at = text.windows(key.len()).position(|word| word == key.as_bytes())?;
        bytes.get(at + key.len() + signs..)
    };
    if let Some(name) = after("parentFileNameHint", 2) {
        let end = c_string(name).iter().position(|&byte| byte == b'"');
        let text = "the name of its parent has no end, or more than 4095 bytes";
        seen.refuse(end.is_none_or(|end| end > MAX_PARENT_BYTES), offset, text);
    }
    for key in ["CID", "parentCID"] {
        let value = after(key, 1);
        let text = format!("the descriptor has no numeric {key}");
        seen.refuse(!value.is_some_and(is_hex_number), offset, text);
    }
}

/// Whether `sscanf` would parse a number with `%x`.
fn is_hex_number(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    text.first().is_some_and(u8::is_ascii_hexdigit)
}

/// The text up to the first NUL.
pub(crate) struct Descriptor<'a> {
    text: &'a [u8],
    is_cut: bool,
}

/// A line that names an extent of the disk.
struct Extent<'a> {
    access: &'a [u8],
    /// None if it is not a number that qemu uses.
    sectors: Option<u64>,
    kind: &'a [u8],
    name: Option<&'a [u8]>,
}

impl<'a> Descriptor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let text = c_string(bytes);
        Descriptor { text, is_cut: text.len() == bytes.len() }
    }

    /// Whether the text may continue after the part that was read.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(crate) fn create_type(&self) -> Option<&'a [u8]> {
        self.value(b"createType")
    }

    /// The sum of the extents that qemu would open; `None` if it is not a possible size.
    pub(crate) fn virtual_size(&self) -> Option<u64> {
        self.extents()
            .filter(|extent| {
                let kinds: [&[u8]; 5] = [b"FLAT", b"SPARSE", b"VMFS", b"VMFSSPARSE", b"SESPARSE"];
                extent.access == b"RW" && extent.name.is_some() && kinds.contains(&extent.kind)
            })
            .try_fold(0u64, |sum, extent| sum.checked_add(extent.sectors.unwrap_or(0)))?
            .checked_mul(SECTOR)
    }

    /// Findings for other files that it names, at most one of each type. The text starts at `offset`.
    pub(crate) fn findings(&self, offset: u64) -> Vec<Finding> {
        let mut findings = Vec::new();
        let leaves = |name: &&[u8]| {
            name.iter().any(|byte| b"/\\:".contains(byte))
                || name.windows(2).any(|two| two == b"..")
        };
        if let Some(name) = self.extents().filter_map(|extent| extent.name).find(leaves) {
            let text = format!("an extent is in \"{}\", which the service would read", shown(name));
            findings.push(Finding::fatal(FindingId::ExternalExtents, offset, text));
        }
        if let Some(extent) = self.extents().find(|extent| extent.access != b"RW") {
            let text = format!("qemu ignores an extent with access {}", shown(extent.access));
            findings.push(Finding::warning(FindingId::ExternalExtents, offset, text));
        }
        let has_parent = |cid: &[u8]| !cid.eq_ignore_ascii_case(b"ffffffff");
        if let Some(name) = self.value(b"parentFileNameHint") {
            let text =
                format!("it needs its parent \"{}\", which the service would read", shown(name));
            findings.push(Finding::fatal(FindingId::BackingFile, offset, text));
        } else if let Some(cid) = self.value(b"parentCID").filter(|cid| has_parent(cid)) {
            let text = format!("it is a differencing disk with the parent CID {}", shown(cid));
            findings.push(Finding::fatal(FindingId::BackingFile, offset, text));
        }
        findings
    }

    /// Adds the creator and the extents to the details.
    pub(crate) fn describe(&self, details: &mut Details) {
        for (name, key) in [
            ("create type", &b"createType"[..]),
            ("cid", b"CID"),
            ("parent cid", b"parentCID"),
            ("backing file", b"parentFileNameHint"),
            ("uuid", b"ddb.uuid"),
            ("adapter", b"ddb.adapterType"),
            ("hardware version", b"ddb.virtualHWVersion"),
            ("tools version", b"ddb.toolsVersion"),
            ("encoding", b"encoding"),
        ] {
            details.field(name, self.value(key).unwrap_or_default());
        }
        let [cylinders, heads, sectors] =
            [&b"ddb.geometry.cylinders"[..], b"ddb.geometry.heads", b"ddb.geometry.sectors"]
                .map(|key| self.value(key).map(shown));
        if let (Some(cylinders), Some(heads), Some(sectors)) = (cylinders, heads, sectors) {
            let text = format!("{cylinders} cylinders, {heads} heads, {sectors} sectors");
            details.text("geometry", text);
        }
        let extents = self.extents().take(MAX_LISTED_EXTENTS).map(|extent| {
            let size = extent.sectors.and_then(|sectors| sectors.checked_mul(SECTOR));
            format!(
                "{} {}, {}, \"{}\"",
                shown(extent.access),
                shown(extent.kind),
                size.map_or_else(|| "no size".to_owned(), short_size),
                shown(extent.name.unwrap_or_default())
            )
        });
        let mut extents: Vec<String> = extents.collect();
        let others = self.extents().skip(MAX_LISTED_EXTENTS).count();
        if others > 0 {
            extents.push(format!("and {others} more"));
        }
        details.list("extents", extents);
    }

    fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii)
    }

    /// The value of a key, without quotes.
    fn value(&self, key: &[u8]) -> Option<&'a [u8]> {
        self.lines().find_map(|line| {
            let (name, value) = line.split_at_checked(key.len())?;
            let value = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
            name.eq_ignore_ascii_case(key).then(|| {
                let inner = value.strip_prefix(b"\"").unwrap_or(value);
                inner.split(|&byte| byte == b'"').next().unwrap_or_default()
            })
        })
    }

    fn extents(&self) -> impl Iterator<Item = Extent<'a>> + use<'a> {
        self.lines().filter_map(|line| {
            let mut words = line.splitn(2, u8::is_ascii_whitespace);
            let access = words.next()?;
            if ![&b"RW"[..], b"RDONLY", b"NOACCESS"].contains(&access) {
                return None;
            }
            let mut words = words.next()?.trim_ascii_start().splitn(2, u8::is_ascii_whitespace);
            let sectors = std::str::from_utf8(words.next()?).ok()?.parse().ok();
            let mut words = words.next()?.trim_ascii_start().splitn(2, u8::is_ascii_whitespace);
            let kind = words.next()?;
            let name = words.next().and_then(|rest| {
                rest.trim_ascii_start().strip_prefix(b"\"")?.split(|&byte| byte == b'"').next()
            });
            Some(Extent { access, sectors, kind, name })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_matches_qemu() {
        for (text, is_probed) in [
            ("version=1\n", true),
            ("version=3\r\n", true),
            ("# a\n  \r\n#b\nversion=2\n", true),
            ("version=4\n", false),
            ("\u{feff}version=1\n", false),
            ("# only a comment\n", false),
            (" version=1\n", false),
            ("version=1", false),
            ("version=1 \n", false),
            ("", false),
        ] {
            assert_eq!(is_probed_text(text.as_bytes()), is_probed, "{text:?}");
        }
        let late = format!("#{}\nversion=1\n", "x".repeat(510));
        assert!(!is_probed_text(late.as_bytes()));
    }
}
