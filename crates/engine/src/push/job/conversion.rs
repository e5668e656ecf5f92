//! Recognises an image that the service has changed on purpose when it imported it.

use imgpush_client::{Image, Status};
use imgpush_formats::FindingId;

use super::state::UploadJob;
use crate::push::target::Via;

impl UploadJob<'_> {
    /// How the plugins `image_conversion` or `image_decompression` of Glance have changed the image: another
    /// `disk_format`, or another size of an image that was compressed or is not raw. None if the difference has
    /// another cause.
    pub(super) fn conversion(&self, image: &Image) -> Option<String> {
        if self.target.via == Via::Direct || image.status() != Status::Active {
            return None;
        }
        let sent = self.image.disk_format();
        if let Some(stored) = image.disk_format().filter(|stored| Some(*stored) != sent) {
            return Some(format!("converted to {stored}"));
        }
        let (inspection, size) = (self.inspection()?, image.size());
        let is_compressed =
            inspection.findings.iter().any(|finding| finding.id == FindingId::Compressed);
        if is_compressed && size != inspection.stream_bytes.or(self.subject.size) {
            return Some("decompressed".to_owned());
        }
        let is_disk_size = size.is_some() && size == inspection.virtual_size;
        (is_disk_size && size != self.subject.size).then(|| "converted to raw".to_owned())
    }
}
