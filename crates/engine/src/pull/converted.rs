//! Downloads whose data is converted while it arrives.
//!
//! The data goes from [`ChunkStream`] through a channel to the thread of a [`Conversion`], which reads it as a
//! source. `ChunkStream` withholds the last chunk until the data is verified, so a conversion never reaches the
//! end of data that differs from the image.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use imgpush_client::Image;
use imgpush_formats::Format;
use imgpush_source::{Source, StreamSource, off_runtime};
use tempfile::TempPath;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::download::{Download, DownloadSummary};
use super::error::{DestinationError, PartialOutcome, PullError, PullFailure};
use super::partial_file::{check_destination, sync_folder};
use super::report::DownloadReport;
use super::run_files::RunFiles;
use super::transfer::ChunkStream;
use crate::convert::Conversion;
use crate::progress::NoProgress;

/// Chunks that wait for the conversion.
const QUEUE_CHUNKS: usize = 2;

impl Download {
    /// Downloads to a file in another format. The data is converted while it arrives, and verified with the size
    /// and the digests of the image. Then the file appears.
    ///
    /// The format of the data is that of the record, unless [`read.format`](imgpush_convert::ReadOptions::format)
    /// is set. The data is read once from its start: parts that are stored before they are needed are held in
    /// memory, up to [`read.hold_bytes`](imgpush_convert::ReadOptions::hold_bytes), and then in a file in
    /// [`read.spool`](imgpush_convert::ReadOptions::spool).
    ///
    /// A connection that breaks is resumed, but a download that failed or was cancelled leaves nothing, and starts
    /// again the next time. An existing file cannot be compared with the image: without
    /// [`overwrite`](crate::DownloadOptions::overwrite) it is an error.
    /// [`sparse`](crate::DownloadOptions::sparse) has no effect: zeros become holes.
    ///
    /// # Errors
    ///
    /// Returns a [`PullError`] with the cause.
    ///
    /// # Cancel safety
    ///
    /// Cancel through `cancel` or by dropping the future: what was written is removed.
    pub async fn to_converted_file(
        &self,
        image: &Image,
        conversion: &Conversion,
        destination: impl AsRef<Path>,
        cancel: &CancellationToken,
    ) -> Result<DownloadReport, PullError> {
        let result = tokio::select! {
            result = self.convert(image, conversion, destination.as_ref(), cancel) => result,
            () = cancel.cancelled() => Err(PullFailure::Interrupted),
        };
        let result = result.map_err(|failure| self.error(image, failure, PartialOutcome::Nothing));
        self.ended(&result);
        result
    }

    async fn convert(
        &self,
        image: &Image,
        conversion: &Conversion,
        destination: &Path,
        cancel: &CancellationToken,
    ) -> Result<DownloadReport, PullFailure> {
        let start = Instant::now();
        let conversion = with_format_of(image, conversion)?;
        check_destination(destination, self.options().overwrite).map_err(not_compared)?;
        let mut data = self.start_stream(image)?;
        let (chunks, source) = channel(image);
        let converting =
            conversion.to_temporary_file(source, destination, Arc::new(NoProgress), cancel);
        let (received, converted) = tokio::join!(send(&mut data, chunks), converting);
        received?;
        let (file, part) = converted.map_err(PullFailure::Conversion)?;
        // A conversion that ends well has read its source to the end.
        let (produced, verification) = data.verified.take().ok_or(PullFailure::Interrupted)?;
        self.publish(part, destination).await?;
        let mut summary = DownloadSummary::new(start);
        summary.path = Some(destination.display().to_string());
        summary.attempts = data.attempts;
        summary.converted = Some(file);
        Ok(self.report(image, &produced, verification, summary))
    }

    /// Renames the file. No other file of the run is replaced.
    async fn publish(&self, part: TempPath, destination: &Path) -> Result<(), PullFailure> {
        let run_files = self.run_files();
        let (path, overwrite) = (destination.to_owned(), self.options().overwrite);
        let publish = move || publish(part, &path, overwrite, &run_files);
        let published = off_runtime(publish).await;
        let published = published.map_err(|source| PullFailure::NoThread { source })?;
        published.map_err(PullFailure::Destination)
    }
}

fn publish(
    part: TempPath,
    destination: &Path,
    overwrite: bool,
    run: &RunFiles,
) -> Result<(), DestinationError> {
    let mut files = run.lock();
    let path = || destination.to_owned();
    if files.has(destination) {
        return Err(DestinationError::OfThisRun { path: path() });
    }
    check_destination(destination, overwrite)?;
    let persisted =
        if overwrite { part.persist(destination) } else { part.persist_noclobber(destination) };
    persisted.map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => DestinationError::NotCompared { path: path() },
        _ => DestinationError::Rename { path: path(), source: error.error },
    })?;
    files.add(destination);
    sync_folder(destination);
    Ok(())
}

/// The error of an existing file, which has other content than the image in any case.
fn not_compared(error: DestinationError) -> PullFailure {
    PullFailure::Destination(match error {
        DestinationError::Exists { path } => DestinationError::NotCompared { path },
        other => other,
    })
}

/// The conversion of data with the format that the record declares.
fn with_format_of(image: &Image, conversion: &Conversion) -> Result<Conversion, PullFailure> {
    let mut conversion = conversion.clone();
    if let Some(container_format) = image.container_format().filter(|format| *format != "bare") {
        return Err(PullFailure::NotBare { container_format: container_format.to_owned() });
    }
    let declared = match image.disk_format() {
        // A disk that begins as another format is still this one for a server that boots from it.
        Some("raw" | "iso" | "aki" | "ari" | "ami") => Some(Format::Raw),
        Some("qcow2") => Some(Format::Qcow2),
        Some("vmdk") => Some(Format::Vmdk),
        Some("vhd") => Some(Format::Vhd),
        Some("vhdx") => Some(Format::Vhdx),
        Some("vdi") => Some(Format::Vdi),
        Some("ploop") => Some(Format::Parallels),
        _ => None,
    };
    conversion.read.format = conversion.read.format.or(declared);
    Ok(conversion)
}

/// A source whose data is sent through a channel. It fails if the channel closes before the last byte.
fn channel(image: &Image) -> (mpsc::Sender<Bytes>, Box<dyn Source>) {
    let (sender, mut chunks) = mpsc::channel::<Bytes>(QUEUE_CHUNKS);
    let chunks = stream::poll_fn(move |context| {
        chunks.poll_recv(context).map(|chunk| chunk.map(Ok::<_, std::io::Error>))
    });
    let source = StreamSource::new(image.display_name(), chunks);
    (sender, Box::new(source.with_size(image.size().unwrap_or_default())))
}

/// Sends all data to the conversion, until it ends. An error of the conversion is its own result.
async fn send(data: &mut ChunkStream, chunks: mpsc::Sender<Bytes>) -> Result<(), PullFailure> {
    loop {
        let chunk = tokio::select! {
            chunk = data.next() => chunk?,
            () = chunks.closed() => return Ok(()),
        };
        let Some(chunk) = chunk else { return Ok(()) };
        if chunks.send(chunk).await.is_err() {
            return Ok(());
        }
    }
}
