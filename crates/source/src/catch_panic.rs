//! Panics in the code of a source.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::SourceError;

/// Runs code of the source of this name. A panic in it is [`SourceError::Panicked`], so that one source
/// takes down neither the thread nor the work on others.
///
/// # Errors
///
/// Those of the code, and [`SourceError::Panicked`].
pub fn catch_panic<T, E: From<SourceError>>(
    name: &str,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    // After a panic the source is only dropped, and what else the code uses is left as it is between two
    // chunks.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let reason = panic_message(panic.as_ref());
        Err(SourceError::Panicked { name: name.to_owned(), reason }.into())
    })
}

/// What a panic that was caught says of itself.
#[must_use]
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}
