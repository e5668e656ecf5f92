//! Verification of an image that plugins of the import have changed.
//!
//! The job calls it if the size or the digests of an imported image differ. What the plugins have made of the
//! source is computed here too, and compared. An image that cannot be compared is kept and reported.

use imgpush_client::{Image, Status};
use imgpush_formats::FindingId;
use imgpush_source::SourceError;

use super::state::{JobStep, UploadJob};
use crate::convert::{StoredView, can_be_converted};
use crate::integrity::compare::{self, Verdict};
use crate::integrity::{IntegrityError, Produced, VerifiedBy};
use crate::push::error::PushFailure;
use crate::push::format_check::compression;
use crate::push::recovery::cannot_verify;
use crate::push::report::{Note, NoteId};
use crate::push::target::Via;
use crate::transfer::gate::TailGate;
use crate::transfer::tap::Tap;

/// The change that plugins of the import have made.
pub(super) struct ServiceConversion {
    /// Follows "the service stored it" in messages.
    what: String,
    /// What they have made of the source; `None` if that is not supported here.
    view: Option<StoredView>,
}

impl UploadJob<'_> {
    /// Whether plugins of the service may change the data: only those of an import do.
    pub(super) fn may_be_converted(&self) -> bool {
        self.target.via != Via::Direct
    }

    /// Detects how the service has changed the image: another `disk_format`, or another size of an image that
    /// was compressed or is not raw. `None` if the difference has another cause.
    pub(super) fn conversion(&self, image: &Image) -> Option<ServiceConversion> {
        if !self.may_be_converted() || image.status() != Status::Active {
            return None;
        }
        let inspection = self.inspection()?;
        let is_compressed =
            inspection.findings.iter().any(|finding| finding.id == FindingId::Compressed);
        let decompressed = if is_compressed { compression(inspection.format) } else { None };
        let is_supported = is_compressed == decompressed.is_some();
        let raw = StoredView { decompressed, is_raw: true };
        let sent = self.image.disk_format();
        if let Some(stored) = image.disk_format().filter(|stored| Some(*stored) != sent) {
            let view = (stored == "raw" && is_supported).then_some(raw);
            return Some(ServiceConversion { what: format!("converted to {stored}"), view });
        }
        let size = image.size();
        if is_compressed && size != inspection.stream_bytes.or(self.source_facts.size) {
            let view = is_supported.then_some(StoredView { decompressed, is_raw: false });
            return Some(ServiceConversion { what: "decompressed".to_owned(), view });
        }
        let is_disk_size = size.is_some() && size == inspection.virtual_size;
        (is_disk_size && size != self.source_facts.size)
            .then(|| ServiceConversion { what: raw.to_string(), view: Some(raw) })
    }

    /// Compares the image with what the service has made of the source. If the source can be read again,
    /// requests the pass for it.
    pub(super) async fn compare_converted(
        &mut self,
        image: &Image,
        conversion: &ServiceConversion,
    ) -> Result<(), PushFailure> {
        let Some(view) = conversion.view else {
            return Err(cannot_compare(&conversion.what, ""));
        };
        if self.source_facts.can_be_read_again {
            tracing::info!("reading the source again to compare it as the service stored it");
            let algorithm = image.hash_algo().and_then(|name| name.parse().ok());
            self.set_step(JobStep::ComparingView(view, algorithm));
            return Ok(());
        }
        match self.tapped(view).await {
            Some(Ok(produced)) => self.compare_view(view, &produced).await,
            Some(Err(error)) => Err(not_viewed(view, &error)),
            None => Err(read_once(view, &self.source_facts.name)),
        }
    }

    /// Compares the image with this view of the source.
    pub(super) async fn compare_view(
        &mut self,
        view: StoredView,
        produced: &Produced,
    ) -> Result<(), PushFailure> {
        let (image, activation) = self.settled().await?;
        let verdict = compare::compare(&image, produced);
        if let Err(IntegrityError::Mismatch { field: "size", .. }) = &verdict
            && !view.is_raw
        {
            let reason = format!(": after decompression the source has {} bytes", produced.bytes);
            return Err(cannot_compare(view, &reason));
        }
        let verdict = verdict.map_err(|error| in_view(view, error));
        match self.checked_verdict(verdict)? {
            Verdict::Verified(by) => {
                self.notes.push(view_note(view, self.image.disk_format()));
                self.finish_verified(image, viewed_by(view, by), produced, &activation).await
            }
            Verdict::Needs(algorithm) if self.source_facts.can_be_read_again => {
                self.set_step(JobStep::ComparingView(view, Some(algorithm)));
                Ok(())
            }
            Verdict::Needs(algorithm) => Err(cannot_compare(
                view,
                &format!(", since {algorithm} was not computed while the source was read"),
            )),
        }
    }

    /// Puts the raw view of a source that can be read only once behind the gate of its upload, if the service
    /// may convert it.
    pub(super) fn tap(&mut self, gate: Box<dyn TailGate>) -> Box<dyn TailGate> {
        let is_virtual_disk = self.inspection().is_some_and(can_be_converted);
        let is_needed = self.target.via == Via::Import && !self.source_facts.can_be_read_again;
        if !is_virtual_disk || !is_needed {
            return gate;
        }
        match Tap::on(gate, &self.source_facts.name, StoredView::RAW) {
            Ok((tap, produced)) => {
                self.raw_view = Some(produced);
                Box::new(tap)
            }
            Err(gate) => gate,
        }
    }

    /// The result of the tap; `None` if there was none for this view.
    async fn tapped(&mut self, view: StoredView) -> Option<Result<Produced, SourceError>> {
        match self.raw_view.take() {
            Some(produced) if view == StoredView::RAW => produced.await.ok(),
            _ => None,
        }
    }
}

/// How an image was verified that is equal to this view.
pub(super) fn viewed_by(view: StoredView, by: Vec<VerifiedBy>) -> Vec<VerifiedBy> {
    if view.is_raw { vec![VerifiedBy::RawView] } else { by }
}

/// The note on an image that is equal to this view of a source of the given format.
fn view_note(view: StoredView, from: Option<&str>) -> Note {
    if view.is_raw {
        let from = from.unwrap_or("the image");
        let text = format!("the service converted {from} to raw; verified against the raw view");
        return Note { id: NoteId::Converted, text };
    }
    let text = "the service decompressed the image; it was compared with the decompressed source";
    Note { id: NoteId::Decompressed, text: text.to_owned() }
}

/// The error of a conversion that cannot be verified.
fn cannot_compare(what: impl std::fmt::Display, reason: &str) -> PushFailure {
    cannot_verify(format!(
        "the image is active, but the service stored it {what}, so it cannot be compared with the source\
         {reason}"
    ))
}

fn read_once(view: StoredView, name: &str) -> PushFailure {
    cannot_compare(view, &format!(", since {name} can be read only once"))
}

/// The error of a source whose view could not be computed.
pub(super) fn not_viewed(view: StoredView, error: &impl std::fmt::Display) -> PushFailure {
    cannot_compare(view, &format!(": {error}"))
}

/// Says in a mismatch that the image was compared with a view.
fn in_view(view: StoredView, error: IntegrityError) -> IntegrityError {
    match error {
        IntegrityError::Mismatch { field, expected, found } if field != "status" => {
            IntegrityError::WronglyConverted { what: view.to_string(), field, expected, found }
        }
        other => other,
    }
}
