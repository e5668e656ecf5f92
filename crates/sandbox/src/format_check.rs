//! Glance's check of data with `container_format=bare` after the last byte; implemented for qcow2 only.

/// Number of bytes from the start of the data that the check needs.
pub(crate) const HEAD_BYTES: usize = 512;

/// The virtual size, or the message of a 415.
pub(crate) fn check(head: &[u8], disk_format: &str, size: u64) -> Result<Option<u64>, String> {
    let is_qcow2 = head.len() >= HEAD_BYTES && head.starts_with(b"QFI\xfb");
    let number = |offset: usize| {
        head[offset..offset + 8].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte))
    };
    if is_qcow2 {
        if disk_format != "qcow2" && disk_format != "raw" {
            return Err(mismatch(disk_format, "qcow2"));
        }
        // A backing file, an external data file, or a feature that the inspector does not support.
        let version = number(4) >> 32;
        let features = if version == 3 { number(72) } else { 0 };
        if number(8) != 0 || features & 4 != 0 || features >= 16 || !matches!(version, 2 | 3) {
            return Err("Image failed safety checks".to_owned());
        }
        return Ok(Some(if disk_format == "raw" { size } else { number(24) }));
    }
    match disk_format {
        "qcow2" => Err(mismatch(disk_format, "raw")),
        "raw" => Ok(Some(size).filter(|size| *size > 0)),
        _ => Ok(None),
    }
}

fn mismatch(declared: &str, found: &str) -> String {
    format!("Image disk_format {declared} does not match stream data {found}")
}
