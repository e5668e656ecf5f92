//! The image service's inspector `gpt` and its check `mbr`, which examine a boot sector.

use crate::on_disk::le32;

const PARTITIONS: usize = 446;
const PARTITION_BYTES: usize = 16;
/// The partition that covers a disk with a GPT.
const PROTECTIVE: u8 = 0xee;

/// Whether the service detects `gpt`: `55 aa`, unless it detects a FAT file system.
pub(crate) fn is_matched(head: &[u8]) -> bool {
    let Some(sector) = head.first_chunk::<512>() else { return false };
    let is_fat = sector[0x10] == 2 && sector[0x15] == 0xf8;
    sector.ends_with(b"\x55\xaa") && !is_fat
}

/// The check, with the service's text for an error.
pub(crate) fn check(head: &[u8]) -> Result<(), String> {
    let table = head.get(PARTITIONS..PARTITIONS + 4 * PARTITION_BYTES).unwrap_or_default();
    let mut used = Vec::with_capacity(4);
    let mut is_protective = false;
    for (n, entry) in table.as_chunks::<PARTITION_BYTES>().0.iter().enumerate() {
        if !matches!(entry[0], 0 | 0x80) {
            return Err(format!("MBR PTE {n} has invalid boot flag"));
        }
        if entry[4] != 0 {
            used.push(n);
        }
        if entry[4] == PROTECTIVE {
            is_protective = true;
            if [entry[1], entry[2], entry[3]] != [0, 2, 0] {
                return Err("GPT MBR has invalid start CHS".to_owned());
            }
            if le32(entry, 8) != Some(1) {
                return Err("GPT MBR has invalid start LBA".to_owned());
            }
        }
    }
    if is_protective && used != [0] {
        return Err("GPT MBR defines invalid extra partitions".to_owned());
    }
    if used.is_empty() {
        return Err("GPT MBR has no partitions defined".to_owned());
    }
    Ok(())
}
