//! What a service makes of a source that it converts when it stores it.

use imgpush_client::Image;
use imgpush_convert::{ConvertError, Converted, ReadOptions, check};
use imgpush_formats::Inspection;
use imgpush_source::{
    Compression, CustomError, Decompressed, Source, SourceError, catch_panic, off_runtime,
};

/// The bytes that plugins of an import store instead of those of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredView {
    /// `image_decompression` has decompressed it.
    pub(crate) decompressed: Option<Compression>,
    /// `image_conversion` has converted the virtual disk to raw.
    pub(crate) is_raw: bool,
}

impl StoredView {
    /// The raw bytes of a virtual disk.
    pub(crate) const RAW: StoredView = StoredView { decompressed: None, is_raw: true };

    /// The view that the image may be, if its service has converted a source with this inspection to raw. Only
    /// a comparison of digests shows that it is.
    pub(crate) fn of_converted(
        image: &Image,
        inspection: &Inspection,
        source_size: Option<u64>,
    ) -> Option<Self> {
        let is_like_raw = image.disk_format() == Some("raw")
            && image.size().is_some()
            && image.size() == inspection.virtual_size
            && image.size() != source_size;
        (is_like_raw && can_be_converted(inspection)).then_some(StoredView::RAW)
    }

    /// Returns the view of a source that has not been read.
    ///
    /// # Errors
    ///
    /// The source cannot be read, or not be converted.
    pub(crate) fn of_blocking(
        self,
        mut source: Box<dyn Source>,
    ) -> Result<Box<dyn Source>, SourceError> {
        if let Some(compression) = self.decompressed {
            source = Box::new(Decompressed::new(source, compression)?);
        }
        if self.is_raw {
            let name = source.name().to_owned();
            let disk = Converted::new(source, &ReadOptions::default());
            source = Box::new(disk.map_err(|error| unreadable(&name, error))?);
        }
        Ok(source)
    }

    /// [`of_blocking`](StoredView::of_blocking) on a thread.
    pub(crate) async fn of(self, source: Box<dyn Source>) -> Result<Box<dyn Source>, SourceError> {
        let name = source.name().to_owned();
        let viewed = {
            let name = name.clone();
            move || catch_panic(&name, || self.of_blocking(source))
        };
        off_runtime(viewed).await.map_err(|source| SourceError::NoThread { name, source })?
    }
}

impl std::fmt::Display for StoredView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.decompressed, self.is_raw) {
            (Some(_), true) => "decompressed and converted to raw",
            (None, true) => "converted to raw",
            (_, false) => "decompressed",
        })
    }
}

/// Whether the image holds a disk in other bytes than its own, and nothing in the inspection prevents its
/// conversion.
pub(crate) fn can_be_converted(inspection: &Inspection) -> bool {
    check(inspection).is_ok()
}

/// The error of a disk that cannot be read. A view has no spool.
fn unreadable(name: &str, error: ConvertError) -> SourceError {
    match error {
        ConvertError::OutOfOrder { at, limit } => {
            let text = format!(
                "byte {at} is needed out of order, and at most {} MiB are held in memory",
                limit >> 20
            );
            CustomError::new(name, text).into()
        }
        error => error.into_source_error(name),
    }
}
