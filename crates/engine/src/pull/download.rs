//! The download of one image, with verification.
//!
//! Callers use [`Download`]; `batch` runs it for a pull task, and [`verify`](super::verify) without a
//! destination.

use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use imgpush_client::{Image, ImageClient};
use imgpush_source::off_runtime;
use imgpush_source::{FileSource, RetryPolicy, Source};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::error::{DestinationError, PartialOutcome, PullError, PullFailure};
use super::expected::{Expected, VerificationResult, verify_data};
use super::fetch::{Fetch, FetchTarget, TransferTally};
use super::options::DownloadOptions;
use super::partial_file::{self, PartialFile};
use super::random_reads::SequentialStores;
use super::report::DownloadReport;
use super::run_files::RunFiles;
use super::transfer::{ChunkStream, Transfer};
use super::writer::{Writer, WriterResult};
use crate::convert::ConvertedFile;
use crate::integrity::against_source::compare;
use crate::integrity::compare::HashClaims;
use crate::integrity::produced::shown;
use crate::integrity::{IntegrityError, Produced};
use crate::progress::{NoProgress, Phase, Progress};
use crate::resources::{DEFAULT_MEMORY_BYTES, JobResources, TransferResources};

/// Downloads images of one cloud.
///
/// The steps, for any destination:
///
/// 1. The fields of the image are checked. The download fails if the image has no data, or if the data could
///    not be verified afterwards.
/// 2. The data is received into pooled buffers and hashed outside the async runtime, with the algorithms of
///    the image. A broken or stalled connection is resumed with a `Range` request.
/// 3. Size, `os_hash_value` and `checksum` are compared.
/// 4. Only then is the image complete for others: [a file](Download::to_file), also one [in another
///    format](Download::to_converted_file), gets its name, [a writer](Download::to_writer) or [a
///    stream](Download::stream) the last chunk.
///
/// The data of an image never changes under its id. So the id, the size and the digests are sufficient to
/// join data of several connections, or of an earlier download.
///
/// A [`Batch`](crate::Batch) downloads several images at a time. Clones share what is known about the stores
/// of the service.
#[derive(Clone)]
pub struct Download {
    client: ImageClient,
    options: DownloadOptions,
    resources: JobResources,
    cloud: String,
    progress: Arc<dyn Progress>,
    sequential_stores: SequentialStores,
    /// The files of the batch that contains this download.
    run_files: Option<Arc<RunFiles>>,
}

impl Download {
    /// Creates a download through `client`.
    #[must_use]
    pub fn new(client: ImageClient, options: DownloadOptions) -> Self {
        let cloud = client.base().host_str().unwrap_or_default().to_owned();
        let resources = JobResources::within(DEFAULT_MEMORY_BYTES);
        Download {
            client,
            options,
            resources,
            cloud,
            progress: Arc::new(NoProgress),
            sequential_stores: SequentialStores::default(),
            run_files: None,
        }
    }

    /// Sets the memory limit of the process in bytes; 64 MiB by default. In a batch, the limit of the batch
    /// applies.
    #[must_use]
    pub fn with_memory_bytes(self, bytes: u64) -> Self {
        self.with_resources(JobResources::within(bytes))
    }

    pub(crate) fn with_resources(mut self, resources: JobResources) -> Self {
        self.resources = resources;
        self
    }

    /// Makes this one of several downloads of a run. Their files do not replace each other, and they share
    /// what is known about the stores of the service.
    pub(crate) fn within_run(mut self, run: &DownloadRun) -> Self {
        self.run_files = Some(Arc::clone(&run.files));
        self.sequential_stores = run.sequential_stores.clone();
        self
    }

    /// Sets the name of the cloud in messages and reports; the default is the host of the service.
    #[must_use]
    pub fn on_cloud(mut self, name: impl Into<String>) -> Self {
        self.cloud = name.into();
        self
    }

    /// Sets the receiver of progress events.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Downloads to a file. The file appears when its data is verified and synced to the disk.
    ///
    /// Until then the data is in a partial file beside it, `disk.qcow2.<id>.part`. After a transient failure
    /// or an interruption the partial file is kept, and the same download resumes from it. Data that differs
    /// from the image is deleted.
    ///
    /// # Errors
    ///
    /// Returns a [`PullError`] with the cause and the state of the partial file.
    ///
    /// # Cancel safety
    ///
    /// Cancel through `cancel`: the received data is written, which takes at most 3 s. Dropping the future
    /// instead loses up to the last few MiB of it.
    pub async fn to_file(
        &self,
        image: &Image,
        destination: impl AsRef<Path>,
        cancel: &CancellationToken,
    ) -> Result<DownloadReport, PullError> {
        let result = self.fetch_to_file(image, destination.as_ref(), cancel).await;
        self.ended(&result);
        result
    }

    async fn fetch_to_file(
        &self,
        image: &Image,
        destination: &Path,
        cancel: &CancellationToken,
    ) -> Result<DownloadReport, PullError> {
        let start = Instant::now();
        let without_data = |failure| self.error(image, failure, PartialOutcome::Nothing);
        let expected =
            Expected::of(image, &self.options).map_err(|error| without_data(error.into()))?;
        if self.options.keep_same
            && let Some(report) =
                self.unchanged(image, destination, start, cancel).await.map_err(without_data)?
        {
            return Ok(report);
        }

        let partial_file = off_runtime({
            let (destination, id) = (destination.to_owned(), image.id().to_owned());
            let (size, overwrite) = (expected.size, self.options.overwrite);
            move || PartialFile::open(&destination, &id, size, overwrite)
        });
        let partial_file =
            partial_file.await.map_err(|source| without_data(PullFailure::NoThread { source }))?;
        let partial_file = partial_file.map_err(PullFailure::Destination).map_err(without_data)?;
        let partial_file = partial_file.with_sparse(self.options.sparse);
        let path = Some(destination.display().to_string());
        let mut summary = DownloadSummary { path, ..DownloadSummary::new(start) };
        let mut partial_file = partial_file;
        let (partial_file, produced, verification) = loop {
            match self
                .fill(image, destination, &expected, partial_file, &mut summary, cancel)
                .await?
            {
                FilledFile::Verified(partial_file, produced, verification) => {
                    break (partial_file, produced, verification);
                }
                // If the partial file of an earlier download is not of this image, the download starts again.
                FilledFile::Wrong(mut wrong, failure)
                    if summary.resumed_from > 0 && belongs_to_other_image(&failure) =>
                {
                    let path = wrong.path().display();
                    self.progress
                        .note(&format!("{path} is of another image; the download starts again"));
                    if let Err(failure) = wrong.restart() {
                        let failure = PullFailure::Destination(failure);
                        return Err(self.error(image, failure, wrong.keep()));
                    }
                    partial_file = wrong;
                }
                FilledFile::Wrong(partial_file, failure) => {
                    return Err(self.error(image, failure, partial_file.remove()));
                }
            }
        };
        let run_files = self.run_files();
        let published = off_runtime(move || {
            let published = partial_file.publish(&run_files);
            (partial_file, published)
        });
        let left = || partial_file::remaining(destination, image.id());
        match published.await {
            Ok((_, Ok(()))) => Ok(self.report(image, &produced, verification, summary)),
            Ok((partial_file, Err(failure))) => {
                Err(self.error(image, PullFailure::Destination(failure), partial_file.keep()))
            }
            Err(source) => Err(self.error(image, PullFailure::NoThread { source }, left())),
        }
    }

    /// Downloads the missing data of a partial file.
    async fn fill(
        &self,
        image: &Image,
        destination: &Path,
        expected: &Expected,
        partial_file: PartialFile,
        summary: &mut DownloadSummary,
        cancel: &CancellationToken,
    ) -> Result<FilledFile, PullError> {
        let path = partial_file.path().to_owned();
        let left = || partial_file::remaining(destination, image.id());
        let mut transfer = self
            .start(image, expected, Some(partial_file))
            .map_err(|failure| self.error(image, failure, left()))?;
        let received = tokio::select! {
            received = transfer.receive() => received,
            () = cancel.cancelled() => Err(PullFailure::Interrupted),
        };
        let (written, overran) = (transfer.writer.written(), transfer.fetch.overran());
        summary.resumed_from = transfer.resumed_from;
        summary.attempts += transfer.fetch.attempts();
        let Some(WriterResult { partial_file, result }) = transfer.finish(cancel).await else {
            let bytes = written.load(Ordering::Relaxed);
            let failure = received.err().unwrap_or(PullFailure::Interrupted);
            return Err(self.error(image, failure, PartialOutcome::Kept { path, bytes }));
        };
        let Some(partial_file) = partial_file else {
            let failure = result.err().or(received.err()).unwrap_or(PullFailure::Interrupted);
            return Err(self.error(image, failure, left()));
        };
        let produced = match (received, result) {
            // An error of the disk is the reason why no more data was received.
            (_, Err(failure)) => return Err(self.error(image, failure, partial_file.keep())),
            (Err(failure @ PullFailure::OtherStart), Ok(_)) => {
                return Ok(FilledFile::Wrong(partial_file, failure));
            }
            (Err(failure), Ok(_)) => {
                let partial = if overran { partial_file.remove() } else { partial_file.keep() };
                return Err(self.error(image, failure, partial));
            }
            (Ok(()), Ok(Some(produced))) => produced,
            // The thread ends early only with a failure.
            (Ok(()), Ok(None)) => {
                return Err(self.error(image, PullFailure::Interrupted, partial_file.keep()));
            }
        };
        self.enter(Phase::Verifying);
        Ok(match verify_data(image, &produced) {
            Ok(verification) => FilledFile::Verified(partial_file, produced, verification),
            Err(failure) => FilledFile::Wrong(partial_file, failure.into()),
        })
    }

    /// Downloads to a writer, such as the standard output. The last chunk is written after the verification,
    /// so the reader at the other end never gets a complete image that is wrong. `name` is the name of the
    /// writer in messages.
    ///
    /// The writer is flushed but not closed.
    ///
    /// # Errors
    ///
    /// Returns a [`PullError`] with the number of bytes that were written.
    ///
    /// # Cancel safety
    ///
    /// Cancel through `cancel` or by dropping the future. Data that is already written stays written.
    pub async fn to_writer<W: AsyncWrite + Unpin>(
        &self,
        image: &Image,
        writer: &mut W,
        name: &str,
        cancel: &CancellationToken,
    ) -> Result<DownloadReport, PullError> {
        let result = self.fetch_to_writer(image, writer, name, cancel).await;
        self.ended(&result);
        result
    }

    async fn fetch_to_writer<W: AsyncWrite + Unpin>(
        &self,
        image: &Image,
        writer: &mut W,
        name: &str,
        cancel: &CancellationToken,
    ) -> Result<DownloadReport, PullError> {
        let start = Instant::now();
        let mut chunk_stream = self
            .start_stream(image)
            .map_err(|failure| self.error(image, failure, PartialOutcome::Nothing))?;
        let mut written = 0;
        let writing = async {
            let failed =
                |at, source| PullFailure::Destination(partial_file::write_error(name, at, source));
            while let Some(chunk) = chunk_stream.next().await? {
                writer.write_all(&chunk).await.map_err(|source| failed(written, source))?;
                written += chunk.len() as u64;
            }
            writer.flush().await.map_err(|source| failed(written, source))
        };
        let done = tokio::select! {
            done = writing => done,
            () = cancel.cancelled() => Err(PullFailure::Interrupted),
        };
        if let Err(failure) = done {
            return Err(self.error(image, failure, PartialOutcome::cut(written)));
        }
        let Some((produced, verification)) = chunk_stream.verified else {
            let (failure, partial) = (PullFailure::Interrupted, PartialOutcome::cut(written));
            return Err(self.error(image, failure, partial));
        };
        let summary =
            DownloadSummary { attempts: chunk_stream.attempts, ..DownloadSummary::new(start) };
        Ok(self.report(image, &produced, verification, summary))
    }

    /// Downloads as a stream of chunks of up to 1 MiB. The last chunk arrives after the verification; if that
    /// fails, an error arrives in its place.
    ///
    /// No request is sent before the stream is polled, and only the network buffers read ahead. Dropping the
    /// stream closes the connection.
    #[must_use]
    pub fn stream(&self, image: &Image) -> VerifiedStream {
        let state = Some((self.clone(), image.clone(), None));
        let chunks = stream::unfold(state, |state| async {
            let (download, image, chunk_stream) = state?;
            let failed = |failure, partial| {
                let result = Err(download.error(&image, failure, partial));
                download.ended(&result);
                Some((result, None))
            };
            let mut chunk_stream: ChunkStream =
                match chunk_stream.map_or_else(|| download.start_stream(&image), Ok) {
                    Ok(chunk_stream) => chunk_stream,
                    Err(failure) => return failed(failure, PartialOutcome::Nothing),
                };
            match chunk_stream.next().await {
                Ok(None) => {
                    download.ended(&Ok(()));
                    None
                }
                // A copy, because the caller may keep chunks, and the pool needs its buffers.
                Ok(Some(chunk)) => Some((
                    Ok(Bytes::copy_from_slice(&chunk)),
                    Some((download, image, Some(chunk_stream))),
                )),
                Err(failure) => failed(failure, PartialOutcome::cut(chunk_stream.returned)),
            }
        });
        VerifiedStream(chunks.boxed())
    }

    /// Downloads and verifies the data without a destination, and returns its digests.
    pub(crate) async fn without_destination(
        &self,
        image: &Image,
        cancel: &CancellationToken,
    ) -> Result<(Produced, VerificationResult), PullFailure> {
        let expected = Expected::of(image, &self.options)?;
        let mut transfer = self.start(image, &expected, None)?;
        tokio::select! {
            received = transfer.receive() => received?,
            () = cancel.cancelled() => return Err(PullFailure::Interrupted),
        }
        let outcome = transfer.finish(cancel).await.ok_or(PullFailure::Interrupted)?;
        let produced = outcome.result?.ok_or(PullFailure::Interrupted)?;
        self.enter(Phase::Verifying);
        let verification = verify_data(image, &produced)?;
        Ok((produced, verification))
    }

    /// Returns the error of a download to a file that has panicked.
    pub(crate) fn panicked(&self, image: &Image, destination: &Path, reason: String) -> PullError {
        let left = partial_file::remaining(destination, image.id());
        self.error(image, PullFailure::Panicked { reason }, left)
    }

    pub(super) fn options(&self) -> &DownloadOptions {
        &self.options
    }

    /// The files of the run that contains this download, or none.
    pub(super) fn run_files(&self) -> Arc<RunFiles> {
        self.run_files.clone().unwrap_or_default()
    }

    pub(crate) fn cloud(&self) -> &str {
        &self.cloud
    }

    pub(crate) fn progress(&self) -> &Arc<dyn Progress> {
        &self.progress
    }

    /// Returns new buffers, and the hashers of the job.
    pub(crate) fn transfer_resources(&self) -> TransferResources {
        self.resources.for_download()
    }

    /// Returns a report if the file already has the content of the image; `None` if there is no file, or
    /// another one that may be replaced.
    async fn unchanged(
        &self,
        image: &Image,
        destination: &Path,
        start: Instant,
        cancel: &CancellationToken,
    ) -> Result<Option<DownloadReport>, PullFailure> {
        // If it is not a regular file, opening the partial file reports that.
        let Some(there) = std::fs::metadata(destination).ok().filter(std::fs::Metadata::is_file)
        else {
            return Ok(None);
        };
        let compared = if Some(there.len()) == image.size()
            && HashClaims::of(image).sufficient().is_ok()
        {
            let path = destination.to_owned();
            let opened = off_runtime(move || FileSource::open(path)).await;
            let opened = opened.map_err(|source| PullFailure::NoThread { source })??;
            let source: Box<dyn Source> = Box::new(opened);
            Some(compare(image, source, self.transfer_resources(), &self.progress, cancel).await)
        } else {
            None
        };
        match compared {
            Some(Ok((produced, by))) => {
                partial_file::remove_partial_file(destination, image.id());
                if let Some(files) = &self.run_files {
                    files.lock().add(destination);
                }
                let path = Some(destination.display().to_string());
                let summary =
                    DownloadSummary { path, unchanged: true, ..DownloadSummary::new(start) };
                Ok(Some(self.report(
                    image,
                    &produced,
                    VerificationResult { by, doubt: None },
                    summary,
                )))
            }
            Some(Err(failure)) if !matches!(failure, IntegrityError::Differs { .. }) => {
                Err(failure.into())
            }
            _ if self.options.overwrite => Ok(None),
            _ => {
                let path = destination.to_owned();
                Err(PullFailure::Destination(DestinationError::IsOther { path }))
            }
        }
    }

    /// Starts the writer thread; sends no request yet.
    fn start(
        &self,
        image: &Image,
        expected: &Expected,
        partial_file: Option<PartialFile>,
    ) -> Result<Transfer, PullFailure> {
        let options = &self.options;
        let transfer_resources = self.transfer_resources();
        let retry_policy =
            RetryPolicy::new(options.idle_timeout, options.retries, options.retry_pause);
        self.progress.total(expected.size);
        let progress = Arc::clone(&self.progress);
        let algorithms = expected.algorithms.clone();
        let writer = Writer::start(
            algorithms,
            partial_file,
            transfer_resources.clone(),
            Arc::clone(&progress),
        )
        .map_err(|source| PullFailure::NoThread { source })?;
        let target = FetchTarget {
            client: self.client.clone(),
            id: image.id().into(),
            size: expected.size,
            prefer: options.prefer.clone(),
            random_reads: self.sequential_stores.of(&self.client, image),
            start: Bytes::new(),
            retry_policy,
            pool: transfer_resources.pool,
            tally: TransferTally::new(Arc::clone(&progress)),
        };
        let fetch = Fetch::new(target, options.connections);
        Ok(Transfer { fetch, writer, chunk: None, resumed_from: 0, progress })
    }

    pub(super) fn start_stream(&self, image: &Image) -> Result<ChunkStream, PullFailure> {
        let expected = Expected::of(image, &self.options)?;
        self.enter(Phase::Downloading);
        Ok(ChunkStream {
            transfer: Some(self.start(image, &expected, None)?),
            image: image.clone(),
            tail: None,
            returned: 0,
            attempts: 0,
            verified: None,
        })
    }

    pub(super) fn ended<T>(&self, result: &Result<T, PullError>) {
        self.progress.ended(result.as_ref().map(drop).map_err(PullError::kind));
    }

    fn enter(&self, phase: Phase) {
        tracing::info!(cloud = self.cloud, "{}", phase.name());
        self.progress.phase(phase);
    }

    pub(super) fn error(
        &self,
        image: &Image,
        failure: PullFailure,
        partial: PartialOutcome,
    ) -> PullError {
        PullError {
            image: image.display_name().to_owned(),
            id: image.id().into(),
            cloud: self.cloud.clone(),
            failure: Box::new(failure),
            partial,
        }
    }

    pub(super) fn report(
        &self,
        image: &Image,
        produced: &Produced,
        verification: VerificationResult,
        summary: DownloadSummary,
    ) -> DownloadReport {
        DownloadReport {
            id: image.id().into(),
            name: image.name().map(str::to_owned),
            size: produced.bytes,
            verified: verification.doubt.is_none(),
            verified_by: verification.by,
            unverified_because: verification.doubt,
            digests: shown(&produced.digests),
            path: summary.path,
            unchanged: summary.unchanged,
            converted: summary.converted,
            cloud: self.cloud.clone(),
            resumed_from: summary.resumed_from,
            attempts: summary.attempts,
            seconds: summary.start.elapsed().as_secs_f64(),
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("cloud", &self.cloud)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// State that the downloads of a batch share.
#[derive(Debug, Default)]
pub(crate) struct DownloadRun {
    files: Arc<RunFiles>,
    sequential_stores: SequentialStores,
}

/// A partial file that has all bytes.
enum FilledFile {
    Verified(PartialFile, Produced, VerificationResult),
    /// The data differs from the image.
    Wrong(PartialFile, PullFailure),
}

/// Whether the data belongs to another image.
fn belongs_to_other_image(failure: &PullFailure) -> bool {
    matches!(
        failure,
        PullFailure::OtherStart | PullFailure::Integrity(IntegrityError::Differs { .. })
    )
}

/// The stream of chunks of [`Download::stream`].
pub struct VerifiedStream(BoxStream<'static, Result<Bytes, PullError>>);

impl Stream for VerifiedStream {
    type Item = Result<Bytes, PullError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for VerifiedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifiedStream").finish_non_exhaustive()
    }
}

/// Facts about a download for its report.
pub(super) struct DownloadSummary {
    start: Instant,
    pub(super) path: Option<String>,
    unchanged: bool,
    pub(super) converted: Option<ConvertedFile>,
    resumed_from: u64,
    pub(super) attempts: u32,
}

impl DownloadSummary {
    pub(super) fn new(start: Instant) -> Self {
        DownloadSummary {
            start,
            path: None,
            unchanged: false,
            converted: None,
            resumed_from: 0,
            attempts: 0,
        }
    }
}
