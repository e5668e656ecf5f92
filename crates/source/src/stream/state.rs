//! The common state of the sources in this folder: a name, a declared size, a position.

use crate::error::{BoxError, CustomError, SourceError};

/// The name, the declared size and the position of a stream.
#[derive(Debug)]
pub(super) struct StreamState {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
    /// The size that the caller declared.
    pub(super) size: Option<u64>,
    /// Bytes read so far.
    pub(super) at: u64,
}

impl StreamState {
    pub(super) fn new(name: String) -> Self {
        StreamState { name, file_name: None, size: None, at: 0 }
    }

    /// Counts bytes that were read.
    ///
    /// # Errors
    ///
    /// [`SourceError::Grew`]: there are more than declared.
    pub(super) fn advance(&mut self, count: usize) -> Result<(), SourceError> {
        self.at += count as u64;
        match self.size {
            Some(expected) if self.at > expected => {
                Err(SourceError::Grew { name: self.name.clone(), expected, found: self.at })
            }
            _ => Ok(()),
        }
    }

    /// Checks that the stream may end here.
    ///
    /// # Errors
    ///
    /// [`SourceError::Shrank`]: there are fewer bytes than declared.
    pub(super) fn end(&self) -> Result<(), SourceError> {
        match self.size {
            Some(expected) if self.at < expected => {
                Err(SourceError::Shrank { name: self.name.clone(), expected, found: self.at })
            }
            _ => Ok(()),
        }
    }

    /// The error of a read. A [`SourceError`] or [`CustomError`] inside an I/O error is returned itself.
    pub(super) fn failed(&self, error: std::io::Error) -> SourceError {
        let error = match error.downcast::<SourceError>() {
            Ok(error) => return error,
            Err(error) => error,
        };
        match error.downcast::<CustomError>() {
            Ok(error) => error.into(),
            Err(source) => SourceError::Read { name: self.name.clone(), at: self.at, source },
        }
    }

    /// The same for errors of any type.
    pub(super) fn failed_by(&self, error: BoxError) -> SourceError {
        let error = match error.downcast::<SourceError>() {
            Ok(error) => return *error,
            Err(error) => error,
        };
        let error = match error.downcast::<CustomError>() {
            Ok(error) => return SourceError::Custom(*error),
            Err(error) => error,
        };
        match error.downcast::<std::io::Error>() {
            Ok(error) => self.failed(*error),
            Err(error) => CustomError::new(self.name.clone(), error).with_position(self.at).into(),
        }
    }
}
