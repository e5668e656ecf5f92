//! Panics in the code of a source.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::SourceError;

/// Runs code of the source with this name. A panic becomes [`SourceError::Panicked`], so that one source
/// cannot end the thread or the work on other sources.
///
/// # Errors
///
/// Those of the code, and [`SourceError::Panicked`].
pub fn catch_panic<T, E: From<SourceError>>(
    name: &str,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    // After a panic the source is only dropped. Other state that the code uses is consistent between two
    // chunks.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let reason = panic_message(panic.as_ref());
        Err(SourceError::Panicked { name: name.to_owned(), reason }.into())
    })
}

/// The message of a caught panic.
#[must_use]
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}
