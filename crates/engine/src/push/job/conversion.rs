//! Verification of an image that a plugin of the import has changed.
//!
//! The job calls it if the size or the digests of an imported image differ. A converted image is kept; it is
//! either compared with the decompressed source, or reported as not verifiable.

use imgpush_client::{Image, Status};
use imgpush_formats::FindingId;
use imgpush_source::Compression;

use super::state::{JobStep, UploadJob};
use crate::integrity::compare::{self, Verdict};
use crate::integrity::{IntegrityError, Produced};
use crate::push::error::PushFailure;
use crate::push::format_check::compression;
use crate::push::recovery::cannot_verify;
use crate::push::report::{Note, NoteId};
use crate::push::target::Via;

/// The change that a plugin of the import has made.
pub(super) enum ServiceConversion {
    /// `image_conversion`: to this disk format.
    Format(String),
    /// `image_decompression`: from this compression format, if the crate supports it.
    Decompression(Option<Compression>),
}

impl std::fmt::Display for ServiceConversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ServiceConversion::Format(name) => write!(f, "converted to {name}"),
            ServiceConversion::Decompression(_) => f.write_str("decompressed"),
        }
    }
}

impl ServiceConversion {
    /// The error of a conversion that cannot be verified.
    fn cannot_compare(&self, reason: &str) -> PushFailure {
        cannot_verify(format!(
            "the image is active, but the service stored it {self}, so it cannot be compared with the \
             source{reason}"
        ))
    }
}

impl UploadJob<'_> {
    /// Detects how the service has changed the image: another `disk_format`, or another size of an image that
    /// was compressed or is not raw. `None` if the difference has another cause.
    pub(super) fn conversion(&self, image: &Image) -> Option<ServiceConversion> {
        if self.target.via == Via::Direct || image.status() != Status::Active {
            return None;
        }
        let sent = self.image.disk_format();
        if let Some(stored) = image.disk_format().filter(|stored| Some(*stored) != sent) {
            return Some(ServiceConversion::Format(stored.to_owned()));
        }
        let (inspection, size) = (self.inspection()?, image.size());
        let is_compressed =
            inspection.findings.iter().any(|finding| finding.id == FindingId::Compressed);
        if is_compressed && size != inspection.stream_bytes.or(self.source_facts.size) {
            return Some(ServiceConversion::Decompression(compression(inspection.format)));
        }
        let is_disk_size = size.is_some() && size == inspection.virtual_size;
        (is_disk_size && size != self.source_facts.size)
            .then(|| ServiceConversion::Format("raw".to_owned()))
    }

    /// Requests a pass over the decompressed source, to compare it with an image that the service has
    /// decompressed.
    pub(super) fn compare_converted(
        &mut self,
        image: &Image,
        conversion: &ServiceConversion,
    ) -> Result<(), PushFailure> {
        match conversion {
            ServiceConversion::Decompression(Some(compression))
                if self.source_facts.can_be_read_again =>
            {
                tracing::info!("reading the source again to compare the decompressed data");
                let algorithm = image.hash_algo().and_then(|name| name.parse().ok());
                self.set_step(JobStep::ComparingDecompressed(*compression, algorithm));
                Ok(())
            }
            ServiceConversion::Decompression(Some(_)) => Err(conversion.cannot_compare(&format!(
                ", since {} can be read only once",
                self.source_facts.name
            ))),
            _ => Err(conversion.cannot_compare("")),
        }
    }

    /// Compares the image with the decompressed source.
    pub(super) async fn compare_decompressed(
        &mut self,
        compression: Compression,
        produced: &Produced,
    ) -> Result<(), PushFailure> {
        let (image, activation) = self.settled().await?;
        let verdict = compare::compare(&image, produced);
        if let Err(IntegrityError::Mismatch { field: "size", .. }) = &verdict {
            let how = ServiceConversion::Decompression(Some(compression));
            return Err(how.cannot_compare(&format!(
                ": after decompression the source has {} bytes",
                produced.bytes
            )));
        }
        match self.checked_verdict(verdict)? {
            Verdict::Verified(by) => {
                let text = "the service decompressed the image; it was compared with the \
                            decompressed source"
                    .to_owned();
                self.notes.push(Note { id: NoteId::Decompressed, text });
                self.finish_verified(image, by, produced, &activation).await
            }
            Verdict::Needs(algorithm) => {
                self.set_step(JobStep::ComparingDecompressed(compression, Some(algorithm)));
                Ok(())
            }
        }
    }
}

/// The error of a source that could not be decompressed for the comparison.
pub(super) fn not_decompressed(
    compression: Compression,
    error: &impl std::fmt::Display,
) -> PushFailure {
    ServiceConversion::Decompression(Some(compression)).cannot_compare(&format!(": {error}"))
}
