//! The values of `--memory` and `--chunk-size`.

use imgpush_engine::pool::Pool;

use super::values::size;

/// A number of bytes with an optional unit, and not less than the engine can keep to.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    let least = Pool::least_memory_bytes();
    if bytes < least {
        return Err(format!("imgpush needs at least {}M", least.div_ceil(1 << 20)));
    }
    Ok(bytes)
}

/// Bytes of one buffer: whole pages, and no more than a push ever needs of them.
pub(super) fn chunk(text: &str) -> Result<usize, String> {
    let bytes = size(text)?;
    match usize::try_from(bytes) {
        Ok(bytes) if bytes.is_multiple_of(4096) && (64 << 10..=16 << 20).contains(&bytes) => {
            Ok(bytes)
        }
        _ => Err("expected a multiple of 4K from 64K to 16M".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::memory;

    #[test]
    fn memory_takes_the_usual_spellings() {
        for (text, bytes) in [
            ("64M", 64 << 20),
            ("64MiB", 64 << 20),
            ("1g", 1 << 30),
            ("67108864", 64 << 20),
            ("65536K", 64 << 20),
        ] {
            assert_eq!(memory(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "12x", "1M", "-5", "99999999999G"] {
            assert!(memory(text).is_err(), "{text}");
        }
    }
}
