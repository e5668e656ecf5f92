//! Glance's check of data with `container_format=bare` after the last byte, as oslo.utils makes it.

mod number;
mod sample;
mod vhdx;
mod vmdk;

use self::number::{ByteOrder, number};
pub(crate) use self::sample::Sample;

/// The `disk_format` values that the inspector knows; data of others must not look like one of them.
const INSPECTED: [&str; 7] = ["raw", "qcow2", "vhd", "vhdx", "vmdk", "vdi", "iso"];

const UNSAFE: &str = "Image failed safety checks";

/// The virtual size, or the message of a 415.
pub(crate) fn check(sample: &Sample, disk_format: &str) -> Result<Option<u64>, String> {
    let head = sample.head();
    let found = match found(head).as_slice() {
        [] => "raw",
        [one] => one,
        // An image that boots from both kinds of media.
        ["iso", "gpt"] => "iso",
        many => return Err(format!("Multiple formats detected: {}", many.join(","))),
    };
    let virtual_size = if found == disk_format && found != "raw" {
        virtual_size(head, found)
    } else if disk_format == "raw" {
        Some(sample.size())
    } else if found == "raw" && !INSPECTED.contains(&disk_format) {
        None
    } else {
        let text = format!("Image disk_format {disk_format} does not match stream data {found}");
        return Err(text);
    };
    let is_safe = match found {
        "qcow2" => is_safe_qcow2(head),
        "qed" => false,
        "vmdk" => vmdk::is_safe(sample),
        "luks" => number(head, 6, 2, ByteOrder::Big) == 1,
        "gpt" => matches!(disk_format, "aki" | "ari") || is_safe_mbr(head),
        _ => true,
    };
    if is_safe { Ok(virtual_size.filter(|size| *size > 0)) } else { Err(UNSAFE.to_owned()) }
}

/// All formats whose marks are in the data.
fn found(head: &[u8]) -> Vec<&'static str> {
    let is_block = head.len() >= 512;
    let at =
        |offset: usize, mark: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(mark));
    let is_iso = [b"CD001", b"NSR02", b"NSR03"].iter().any(|mark| at(32769, *mark));
    let is_fat = head.get(0x10) == Some(&2) && head.get(0x15) == Some(&0xf8);
    [
        ("qcow2", is_block && at(0, b"QFI\xfb")),
        ("vhd", at(0, b"conectix")),
        ("vhdx", at(0, b"vhdxfile")),
        ("vmdk", at(0, b"KDMV") && head.len() >= 64),
        ("vdi", is_block && at(0x40, &[0x7f, 0x10, 0xda, 0xbe])),
        ("qed", is_block && at(0, b"QED\0")),
        ("iso", is_iso && head.len() >= 34816),
        ("gpt", is_block && at(510, &[0x55, 0xaa]) && !is_fat),
        ("luks", at(0, b"LUKS\xba\xbe")),
    ]
    .into_iter()
    .filter_map(|(name, is_it)| is_it.then_some(name))
    .collect()
}

fn virtual_size(head: &[u8], format: &str) -> Option<u64> {
    Some(match format {
        "qcow2" => number(head, 24, 8, ByteOrder::Big),
        "vhd" => number(head, 40, 8, ByteOrder::Big),
        "vdi" => number(head, 0x170, 8, ByteOrder::Little),
        "vmdk" if head.starts_with(b"KDMV") => {
            number(head, 12, 8, ByteOrder::Little).wrapping_mul(512)
        }
        "vhdx" => vhdx::virtual_size(head)?,
        // Volume blocks of this many bytes.
        "iso" => {
            number(head, 32848, 4, ByteOrder::Little) * number(head, 32896, 2, ByteOrder::Little)
        }
        _ => return None,
    })
}

/// No backing file, external data file, or unknown feature.
fn is_safe_qcow2(head: &[u8]) -> bool {
    let version = number(head, 4, 4, ByteOrder::Big);
    let features = if version == 3 { number(head, 72, 8, ByteOrder::Big) } else { 0 };
    number(head, 8, 8, ByteOrder::Big) == 0
        && features & 4 == 0
        && features < 16
        && matches!(version, 2 | 3)
}

/// A partition table of an MBR or the protective one of a GPT.
fn is_safe_mbr(head: &[u8]) -> bool {
    let entries: Vec<&[u8]> = head.get(446..510).unwrap_or_default().chunks(16).collect();
    let kind = |entry: &&[u8]| entry.get(4).copied().unwrap_or(0);
    let used: Vec<usize> =
        entries.iter().enumerate().filter(|(_, it)| kind(it) != 0).map(|(at, _)| at).collect();
    let protective = entries.iter().filter(|entry| kind(entry) == 0xee);
    let is_strict = |entry: &&[u8]| {
        entry.get(1..4) == Some(&[0, 2, 0]) && entry.get(8..12) == Some(&[1, 0, 0, 0])
    };
    let mut protective = protective.peekable();
    entries.iter().all(|entry| matches!(entry.first(), Some(0 | 0x80)))
        && !used.is_empty()
        && (protective.peek().is_none() || used == [0] && protective.all(is_strict))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data of this size with bytes at offsets.
    pub(super) fn data(size: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut data = vec![0; size];
        for (offset, bytes) in parts {
            data[*offset..offset + bytes.len()].copy_from_slice(bytes);
        }
        data
    }

    /// The results of a Glance 33 for the same data.
    #[test]
    fn data_is_accepted_as_by_glance() {
        let entry = [0x80, 0, 0, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0];
        let protective = [0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 255, 255, 255, 255];
        let signature: (usize, &[u8]) = (510, &[0x55, 0xaa]);
        let qcow2 = data(1000, &[(0, b"QFI\xfb\0\0\0\x03"), (29, &[0x10])]);
        let iso = data(34816, &[(32768, b"\x01CD001\x01")]);
        let samples: [(&str, &str, Vec<u8>, bool); 13] = [
            ("raw", "raw", data(70000, &[]), true),
            ("qcow2", "qcow2", qcow2, true),
            ("iso", "iso", iso, true),
            ("vdi", "vdi", data(70000, &[(0x40, &[0x7f, 0x10, 0xda, 0xbe])]), true),
            ("vhd", "vhd", data(70000, &[(0, b"conectix")]), true),
            ("vhdx", "vhdx", data(70000, &[(0, b"vhdxfile")]), true),
            ("vmdk", "vmdk", data(70000, &[(0, b"KDMV\x03")]), false),
            ("", "qed", data(70000, &[(0, b"QED\0")]), false),
            ("", "luks", data(70000, &[(0, b"LUKS\xba\xbe\0\x01")]), true),
            ("", "luks", data(70000, &[(0, b"LUKS\xba\xbe\0\x02")]), false),
            ("", "gpt", data(70000, &[(446, &entry), signature]), true),
            ("", "gpt", data(70000, &[(446, &protective), signature]), true),
            ("", "gpt", data(70000, &[signature]), false),
        ];
        for (own, found, data, is_safe) in &samples {
            for format in ["raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso", "ploop"] {
                let result = check(&Sample::of(data), format);
                let fits =
                    format == *own || format == "raw" || format == "ploop" && *found == "raw";
                let expected = match (fits, is_safe) {
                    (false, _) => Err(format!(
                        "Image disk_format {format} does not match stream data {found}"
                    )),
                    (true, false) => Err(UNSAFE.to_owned()),
                    (true, true) => Ok(()),
                };
                assert_eq!(result.map(drop), expected, "{found} as {format}");
            }
        }
        let qcow2 = &samples[1].2;
        assert_eq!(check(&Sample::of(qcow2), "qcow2"), Ok(Some(0x10_0000)));
        assert_eq!(check(&Sample::of(&[]), "raw"), Ok(None));
    }
}
