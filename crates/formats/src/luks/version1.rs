//! Version 1: one header of fixed size with eight key slots.

use crate::inspect::{Seen, Stream};
use crate::on_disk::{SECTOR, be32, c_string, shown};

/// Bytes of the header with its slots.
const HEADER_BYTES: usize = 592;
const SLOTS: usize = 8;
const FIRST_SLOT: usize = 208;
const SLOT_BYTES: usize = 48;
const ACTIVE: u32 = 0x00ac_71f3;
const INACTIVE: u32 = 0x0000_dead;
/// Stripes that a key is split into; qemu accepts no other number.
const STRIPES: u32 = 4000;
/// No key material or payload may start before this sector.
const FIRST_FREE_SECTOR: u64 = 4096 / SECTOR;

const HASHES: [&[u8]; 8] =
    [b"md5", b"sha1", b"sha224", b"sha256", b"sha384", b"sha512", b"ripemd160", b"sm3"];
/// Ciphers and the bytes of their keys.
const CIPHERS: [(&[u8], &[u32]); 6] = [
    (b"aes", &[16, 24, 32]),
    (b"cast5", &[16]),
    (b"serpent", &[16, 24, 32]),
    (b"twofish", &[16, 24, 32]),
    (b"3des", &[24]),
    (b"sm4", &[16]),
];
const MODES: [&[u8]; 4] = [b"ecb", b"cbc", b"xts", b"ctr"];
const VECTORS: [&[u8]; 3] = [b"plain", b"plain64", b"essiv"];

struct Slot {
    state: u32,
    iterations: u32,
    /// In sectors.
    start: u64,
    end: u64,
    stripes: u32,
}

pub(super) fn inspect(stream: &Stream<'_>) -> Seen {
    let mut seen = Seen::new(0, 8);
    let Some(header) = stream.head.get(..HEADER_BYTES) else {
        return seen.cut_off(stream);
    };
    let u32_at = |offset| be32(header, offset).unwrap_or_default();
    let (payload, key_bytes) = (u64::from(u32_at(104)), u32_at(108));
    let payload_bytes = payload * SECTOR;
    seen.virtual_size = stream.length.and_then(|length| {
        // qemu rounds the file up to complete sectors.
        length.checked_next_multiple_of(SECTOR)?.checked_sub(payload_bytes)
    });
    let is_short = stream.length.is_some_and(|length| length < payload_bytes);
    seen.refuse(is_short, 104, "the file ends before its payload begins");
    let text = |at| shown(c_string(name(header, at)));
    seen.details.text("cipher", format!("{}-{}", text(8), text(40)));
    seen.details.number("key bits", u64::from(key_bytes) * 8);
    seen.details.text("hash", text(72));
    seen.details.bytes("payload offset", payload_bytes);
    seen.details.field("uuid", header.get(168..208).unwrap_or_default());
    names(&mut seen, header, key_bytes);
    let text = format!("the payload at sector {payload} overlaps the header");
    seen.refuse(payload < FIRST_FREE_SECTOR, 104, text);
    seen.refuse(u32_at(164) == 0, 164, "the digest has no iterations");

    let sectors = (u64::from(key_bytes) * u64::from(STRIPES)).div_ceil(SECTOR);
    let slots: [Slot; SLOTS] = std::array::from_fn(|n| {
        let at = FIRST_SLOT + n * SLOT_BYTES;
        let start = u64::from(u32_at(at + 40));
        Slot {
            state: u32_at(at),
            iterations: u32_at(at + 4),
            start,
            end: start + sectors,
            stripes: u32_at(at + 44),
        }
    });
    let active = slots.iter().filter(|slot| slot.state == ACTIVE).count();
    seen.details.text("key slots", format!("{active} of {SLOTS} in use"));
    for (n, slot) in slots.iter().enumerate() {
        let at = (FIRST_SLOT + n * SLOT_BYTES) as u64;
        seen.refuse(
            slot.stripes != STRIPES,
            at + 44,
            format!("key slot {n} does not have 4000 stripes"),
        );
        let text = format!("key slot {n} overlaps the header");
        seen.refuse(slot.start < FIRST_FREE_SECTOR, at + 40, text);
        let is_idle = slot.state == ACTIVE && slot.iterations == 0;
        seen.refuse(is_idle, at + 4, format!("key slot {n} has no iterations"));
        let text = format!("key slot {n} is neither active nor inactive");
        seen.refuse(!matches!(slot.state, ACTIVE | INACTIVE), at, text);
        let text = format!("key slot {n} overlaps the payload");
        seen.refuse(slot.end > payload, at + 40, text);
        for (other_n, other) in slots.iter().enumerate().skip(n + 1) {
            let overlap = slot.start < other.end && other.start < slot.end;
            let text = format!("key slots {n} and {other_n} overlap");
            seen.refuse(overlap, at + 40, text);
        }
    }
    seen
}

/// A field that contains a name.
fn name(header: &[u8], at: usize) -> &[u8] {
    header.get(at..at + 32).unwrap_or_default()
}

/// Checks that qemu supports the cipher, the mode and the hash.
fn names(seen: &mut Seen, header: &[u8], key_bytes: u32) {
    let fields = [(8, "cipher"), (40, "cipher mode"), (72, "hash")];
    for (at, what) in fields {
        let is_open = !name(header, at).contains(&0);
        seen.refuse(is_open, at as u64, format!("the name of the {what} is not terminated"));
    }
    let [cipher, mode, hash] = fields.map(|(at, _)| c_string(name(header, at)));
    // The IV generator may have its own hash: `cbc-essiv:sha256`.
    let mut parts = mode.splitn(2, |&byte| byte == b'-');
    let (mode, vector) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut parts = vector.splitn(2, |&byte| byte == b':');
    let (vector, vector_hash) = (parts.next().unwrap_or_default(), parts.next());
    let is_known = MODES.contains(&mode) && VECTORS.contains(&vector);
    let text = format!("cipher mode {}-{} is not supported", shown(mode), shown(vector));
    seen.refuse(!is_known, 40, text);
    // XTS uses two keys.
    let key_bytes = if mode == b"xts" { key_bytes / 2 } else { key_bytes };
    let is_known = CIPHERS.iter().any(|(name, keys)| *name == cipher && keys.contains(&key_bytes));
    let text = format!("cipher {} with keys of {key_bytes} bytes is not supported", shown(cipher));
    seen.refuse(!is_known, 8, text);
    for hash in [Some(hash), vector_hash].into_iter().flatten() {
        let text = format!("hash {} is not supported", shown(hash));
        seen.refuse(!HASHES.contains(&hash), 72, text);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Detector, FindingId, Inspection};

    fn inspect(bytes: &[u8]) -> Inspection {
        let mut detector = Detector::new();
        detector.push(bytes);
        detector.finish()
    }

    /// aes-256 in XTS mode, a payload of 1 MiB after 2 MiB.
    fn image() -> Vec<u8> {
        let mut image = vec![0; 3 << 20];
        let mut put = |offset: usize, bytes: &[u8]| {
            image[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        put(0, b"LUKS\xba\xbe\0\x01aes");
        put(40, b"xts-plain64");
        put(72, b"sha256");
        put(104, &4096u32.to_be_bytes());
        put(108, &64u32.to_be_bytes());
        put(164, &1000u32.to_be_bytes());
        for n in 0..8u32 {
            let at = 208 + 48 * n as usize;
            put(at, &0x0000_deadu32.to_be_bytes());
            put(at + 40, &(8 + 504 * n).to_be_bytes());
            put(at + 44, &4000u32.to_be_bytes());
        }
        image
    }

    #[test]
    fn the_size_is_the_length_after_the_payload_offset() {
        let inspection = inspect(&image());
        assert_eq!(inspection.virtual_size, Some(1 << 20));
        let ids: Vec<_> = inspection.findings.iter().map(|finding| finding.id).collect();
        assert_eq!(ids, [FindingId::Encrypted]);
    }

    #[test]
    fn every_field_that_qemu_refuses_is_a_corrupt_header() {
        let changes: [(usize, &[u8]); 10] = [
            (8, &[b'a'; 32]),
            (40, b"lrw-benbi\0\0"),
            (72, b"whirlpool"),
            (104, &7u32.to_be_bytes()),
            (104, &9000u32.to_be_bytes()),
            (108, &7u32.to_be_bytes()),
            (164, &[0; 4]),
            (208, &[1; 4]),
            (208 + 40, &(8 + 500u32).to_be_bytes()),
            (208 + 44, &4001u32.to_be_bytes()),
        ];
        for (offset, bytes) in changes {
            let mut image = image();
            image[offset..offset + bytes.len()].copy_from_slice(bytes);
            let inspection = inspect(&image);
            assert!(inspection.qemu.refusal.is_some(), "{offset}: {:?}", inspection.findings);
        }
    }
}
