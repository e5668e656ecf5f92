//! Reading of headers.

use crate::error::ConvertError;
use crate::input::{Input, Reuse};

/// The bytes at `offset`, fewer if the image ends before.
pub(crate) fn part(
    input: &mut dyn Input,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, ConvertError> {
    let mut bytes = vec![0; length];
    let count = input.read(offset, &mut bytes, Reuse::Any)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// The error for a header at `offset` that the image does not contain completely.
pub(crate) fn cut(offset: u64) -> ConvertError {
    ConvertError::invalid_header(offset, "the image ends within its header")
}
